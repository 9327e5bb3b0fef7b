#include "sampling/scorer.h"

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
  Backend& backend = model.backend();
  LossBuffers buffers(backend);
  const auto evaluate = [&](Decoder& decoder, Step& step, const std::vector<int32_t>& step_targets) {
    const auto wanted = static_cast<int64_t>(step_targets.size());
    step.adapter = options.adapter;
    const Tensor hidden = decoder.hidden(step);
    buffers.reserve(wanted);
    backend.upload(buffers.targets.top(wanted), step_targets.data());
    const Tensor loss = buffers.loss.top(wanted);
    const Indices targets = buffers.targets.top(wanted);
    if (options.compute == Compute::integer) backend.linear_cross_entropy_integer(loss, hidden, model.head(), targets);
    else backend.linear_cross_entropy(loss, Tensor{}, hidden, model.head(), targets, 1.0);
    std::vector<double> values(step_targets.size());
    backend.download(values.data(), loss);
    for (double& value : values) value = -value;
    return values;
  };
  return ScoreSteps{model, decoder_for, options.compute, options.rows_per_step}.run(requests, hooks, evaluate);
}

}  // namespace sdft
