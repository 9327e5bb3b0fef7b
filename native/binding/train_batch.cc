#include "binding/train_batch.h"

#include "base/error.h"

namespace sdft::binding {

namespace {

void check_range(const std::vector<int32_t>& values, int32_t least, int64_t bound, const char* what) {
  for (size_t i = 0; i < values.size(); ++i) {
    require(values[i] >= least && values[i] < bound, "batch",
            std::string("Expected ") + what + " between " + std::to_string(least) + " and " + std::to_string(bound - 1) + " but row " + std::to_string(i) +
                " has " + std::to_string(values[i]));
  }
}

std::vector<Segment> make_segments(const std::vector<int32_t>& starts, const std::vector<int32_t>& parents, int64_t rows) {
  const int64_t count = static_cast<int64_t>(parents.size());
  require(count > 0 && static_cast<int64_t>(starts.size()) == count + 1, "batch",
          "Expected one start more than parents and at least one segment but received " + std::to_string(starts.size()) + " starts and " +
              std::to_string(count) + " parents");
  require(starts.front() == 0 && starts.back() == rows, "batch",
          "Expected starts from 0 to " + std::to_string(rows) + " but received " + std::to_string(starts.front()) + " to " + std::to_string(starts.back()));
  std::vector<Segment> segments;
  for (int64_t s = 0; s < count; ++s) {
    require(starts[s] < starts[s + 1], "batch", "Expected rising starts but segment " + std::to_string(s) + " is empty or runs backwards");
    require(parents[s] >= -1 && parents[s] < s, "batch",
            "Expected an earlier segment or -1 as parent of segment " + std::to_string(s) + " but received " + std::to_string(parents[s]));
    const int64_t position = parents[s] < 0 ? 0 : segments[parents[s]].position + segments[parents[s]].length;
    segments.push_back({parents[s], starts[s], starts[s + 1] - starts[s], position, nullptr});
  }
  return segments;
}

}  // namespace

TrainingBatch parse_train_batch(const Argument& batch, const ModelSpec& spec) {
  TrainingBatch result{batch["tokens"].integers(), batch["targets"].integers(), {}, {}, batch["lossScale"].number()};
  const int64_t rows = static_cast<int64_t>(result.tokens.size());
  require(static_cast<int64_t>(result.targets.size()) == rows, "batch",
          "Expected " + std::to_string(rows) + " targets, one a token, but received " + std::to_string(result.targets.size()));
  check_range(result.tokens, 0, spec.vocab_size, "token ids");
  check_range(result.targets, -1, spec.vocab_size, "targets");
  result.segments = make_segments(batch["starts"].integers(), batch["parents"].integers(), rows);
  for (const Argument& id : batch["ids"].elements()) result.ids.push_back(id.text());
  require(result.ids.size() == result.segments.size(), "batch",
          "Expected " + std::to_string(result.segments.size()) + " ids, one a segment, but received " + std::to_string(result.ids.size()));
  for (size_t s = 0; s < result.segments.size(); ++s) {
    const int64_t length = result.segments[s].position + result.segments[s].length;
    require(length <= spec.max_positions, "context",
            "Expected at most " + std::to_string(spec.max_positions) + " tokens in a sequence but example " + result.ids[s] + " has " + std::to_string(length) + ".");
  }
  const Argument prefix = batch["prefix"];
  if (!prefix.is_null()) {
    result.opens = prefix["opens"].flag();
    result.closes = prefix["closes"].flag();
  }
  return result;
}

}  // namespace sdft::binding
