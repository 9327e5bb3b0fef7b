#include "sampling/score_steps.h"

#include <algorithm>

#include "sampling/check_tokens.h"

namespace sdft {

namespace {

void check(const std::vector<ScoreRequest>& requests, const ModelSpec& spec) {
  for (size_t i = 0; i < requests.size(); ++i) {
    const std::string name = "request " + std::to_string(i);
    check_tokens(requests[i].tokens, spec, name);
    const auto length = static_cast<int64_t>(requests[i].tokens.size());
    // Nothing is predicted after the last token, which so has no position.
    require(length - 1 <= spec.max_positions, "context",
            "Expected at most " + std::to_string(spec.max_positions + 1) + " tokens for " + name + " (the model's context, and a last token that is only predicted) but it has " +
                std::to_string(length) + ".");
    require(requests[i].from >= 1, "tokens", "Expected from to be at least 1 for " + name + ": nothing predicts the first token.");
  }
}

}  // namespace

std::vector<std::vector<double>> ScoreSteps::run(const std::vector<ScoreRequest>& requests, const ScoreHooks& hooks, const Evaluate& evaluate) const {
  model.require_products(compute);
  check(requests, model.spec());
  std::vector<std::vector<double>> results(requests.size());
  std::vector<int64_t> open(requests.size());  // numbers still to come
  int64_t done = 0;
  for (size_t i = 0; i < requests.size(); ++i) {
    open[i] = std::max<int64_t>(0, static_cast<int64_t>(requests[i].tokens.size()) - requests[i].from);
    results[i].resize(static_cast<size_t>(open[i]));
    done += open[i] == 0;
  }
  const std::vector<ScoreStep> plan = plan_score(requests, rows_per_step, prefix_mode(model.spec(), PrefixMode::shared));
  int64_t most_rows = 1;
  for (const ScoreStep& part : plan) most_rows = static_cast<int64_t>(std::max({static_cast<size_t>(most_rows), part.tokens.size(), part.wanted.size()}));
  Decoder& decoder = decoder_for(most_rows);
  for (const ScoreStep& part : plan) {
    require(!hooks.cancelled, "cancelled", "Scoring was cancelled.");
    Step step;
    step.compute = compute;
    step.tokens = part.tokens;
    step.segments = part.segments;
    // Read by a dynamic rope only, and then every sequence is one segment; its last token has no row.
    for (const Segment& segment : part.segments) step.sequence_lengths.push_back(segment.position + segment.length + 1);
    step.wanted = part.wanted;
    const std::vector<double> values = evaluate(decoder, step, part.targets);
    for (const auto& [request, token, pair] : part.scores) {
      results[request][token - requests[request].from] = values[pair];
      done += --open[request] == 0;
    }
    if (hooks.progress) hooks.progress(done);
  }
  return results;
}

}  // namespace sdft
