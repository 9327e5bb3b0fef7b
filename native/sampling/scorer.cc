#include "sampling/scorer.h"

#include <algorithm>

#include "sampling/check_tokens.h"

namespace sdft {

namespace {

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
  std::vector<std::vector<double>> results(requests.size());
  std::vector<int64_t> open(requests.size());  // log-probabilities still to come
  int64_t done = 0;
  for (size_t i = 0; i < requests.size(); ++i) {
    open[i] = std::max<int64_t>(0, static_cast<int64_t>(requests[i].tokens.size()) - requests[i].from);
    results[i].resize(static_cast<size_t>(open[i]));
    done += open[i] == 0;
  }
  const std::vector<ScoreStep> plan = plan_score(requests, options.rows_per_step, prefix_mode(model.spec(), PrefixMode::shared));
  int64_t most_rows = 1;
  for (const ScoreStep& part : plan) most_rows = static_cast<int64_t>(std::max({static_cast<size_t>(most_rows), part.tokens.size(), part.wanted.size()}));
  Decoder& decoder = decoder_for(most_rows);
  Backend& backend = model.backend();
  LossBuffers buffers(backend);
  for (const ScoreStep& part : plan) {
    require(!hooks.cancelled, "cancelled", "Scoring was cancelled.");
    Step step;
    step.adapter = options.adapter;
    step.compute = options.compute;
    step.tokens = part.tokens;
    step.segments = part.segments;
    // Read by a dynamic rope only, and then every sequence is one segment; its last token has no row.
    for (const Segment& segment : part.segments) step.sequence_lengths.push_back(segment.position + segment.length + 1);
    step.wanted = part.wanted;
    const auto wanted = static_cast<int64_t>(part.targets.size());
    std::vector<double> losses(part.targets.size());
    const Tensor hidden = decoder.hidden(step);
    buffers.reserve(wanted);
    backend.upload(buffers.targets.top(wanted), part.targets.data());
    const Tensor loss = buffers.loss.top(wanted);
    const Indices targets = buffers.targets.top(wanted);
    if (options.compute == Compute::integer) backend.linear_cross_entropy_integer(loss, hidden, model.head(), targets);
    else backend.linear_cross_entropy(loss, Tensor{}, hidden, model.head(), targets, 1.0);
    backend.download(losses.data(), loss);
    for (const auto& [request, token, pair] : part.scores) {
      results[request][token - requests[request].from] = -losses[pair];
      done += --open[request] == 0;
    }
    if (hooks.progress) hooks.progress(done);
  }
  return results;
}

}  // namespace sdft
