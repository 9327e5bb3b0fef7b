#include "sampling/scorer.h"

#include <algorithm>

#include "sampling/check_tokens.h"

namespace sdft {

namespace {

/// Rows that a request needs: nothing is predicted after its last token.
int64_t rows_of(const ScoreRequest& request) { return static_cast<int64_t>(request.tokens.size()) - 1; }

bool wants_nothing(const ScoreRequest& request) { return request.from > rows_of(request); }

/// Requests first … last − 1 share a step.
struct Pack {
  size_t first, last;
  int64_t rows;
};

std::vector<Pack> make_packs(const std::vector<ScoreRequest>& requests, int64_t rows_per_step) {
  std::vector<Pack> packs;
  for (size_t i = 0; i < requests.size(); ++i) {
    const int64_t rows = wants_nothing(requests[i]) ? 0 : rows_of(requests[i]);
    if (packs.empty() || packs.back().rows + rows > rows_per_step) packs.push_back({i, i, 0});
    packs.back().rows += rows;
    packs.back().last = i + 1;
  }
  return packs;
}

/// Buffers of the loss, sized for the largest number of wanted rows so far.
struct LossBuffers {
  explicit LossBuffers(Backend& backend) : backend_(backend) {}
  void reserve(int64_t rows) {
    if (loss.view().rows >= rows) return;
    loss = OwnedTensor(backend_, rows, 1);
    targets = OwnedIndices(backend_, rows);
  }
  OwnedTensor loss;
  OwnedIndices targets;

 private:
  Backend& backend_;
};

}  // namespace

std::vector<std::vector<double>> score(const Model& model, const std::function<Decoder&(int64_t rows)>& decoder_for, const std::vector<ScoreRequest>& requests,
                                       const ScoreOptions& options, const ScoreHooks& hooks) {
  model.require_products(options.compute);
  for (size_t i = 0; i < requests.size(); ++i) {
    const std::string name = "request " + std::to_string(i);
    check_tokens(requests[i].tokens, model.spec(), name);
    check_length(static_cast<int64_t>(requests[i].tokens.size()), model.spec(), name);
    require(requests[i].from >= 1, "tokens", "Expected from to be at least 1 for " + name + ": nothing predicts the first token.");
  }
  const std::vector<Pack> packs = make_packs(requests, options.rows_per_step);
  int64_t most_rows = 1;
  for (const Pack& pack : packs) most_rows = std::max(most_rows, pack.rows);
  Decoder& decoder = decoder_for(most_rows);
  Backend& backend = model.backend();
  LossBuffers buffers(backend);
  std::vector<std::vector<double>> results(requests.size());
  for (const Pack& pack : packs) {
    require(!hooks.cancelled, "cancelled", "Scoring was cancelled.");
    Step step;
    step.adapter = options.adapter;
    step.compute = options.compute;
    std::vector<int32_t> targets;
    for (size_t i = pack.first; i < pack.last; ++i) {
      const ScoreRequest& request = requests[i];
      if (wants_nothing(request)) continue;
      const int64_t start = static_cast<int64_t>(step.tokens.size()), rows = rows_of(request);
      step.segments.push_back({-1, start, rows, 0, nullptr});
      step.sequence_lengths.push_back(rows + 1);
      step.tokens.insert(step.tokens.end(), request.tokens.begin(), request.tokens.end() - 1);
      for (int64_t t = request.from; t <= rows; ++t) {
        step.wanted.push_back(static_cast<int32_t>(start + t - 1));
        targets.push_back(request.tokens[t]);
      }
    }
    const int64_t wanted = static_cast<int64_t>(targets.size());
    std::vector<double> losses(targets.size());
    if (wanted > 0) {
      const Tensor hidden = decoder.hidden(step);
      buffers.reserve(wanted);
      backend.upload(buffers.targets.top(wanted), targets.data());
      const Tensor loss = buffers.loss.top(wanted);
      const Indices wanted_targets = buffers.targets.top(wanted);
      if (options.compute == Compute::integer) backend.linear_cross_entropy_integer(loss, hidden, model.head(), wanted_targets);
      else backend.linear_cross_entropy(loss, Tensor{}, hidden, model.head(), wanted_targets, 1.0);
      backend.download(losses.data(), buffers.loss.top(wanted));
    }
    auto next = losses.begin();
    for (size_t i = pack.first; i < pack.last; ++i) {
      if (wants_nothing(requests[i])) continue;
      const int64_t count = rows_of(requests[i]) + 1 - requests[i].from;
      std::transform(next, next + count, std::back_inserter(results[i]), [](double loss) { return -loss; });
      next += count;
    }
    if (hooks.progress) hooks.progress(static_cast<int64_t>(pack.last));
  }
  return results;
}

}  // namespace sdft
