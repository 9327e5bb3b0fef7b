#include "sampling/divergence.h"

namespace sdft {

std::vector<std::vector<double>> divergence(const Model& model, const std::function<Decoder&(int64_t rows)>& decoder_for,
                                            const std::vector<ScoreRequest>& requests, const DivergenceOptions& options, const ScoreHooks& hooks) {
  Backend& backend = model.backend();
  OwnedTensor from, kl;  // (wanted, C), (wanted, 1)
  const auto evaluate = [&](Decoder& decoder, Step& step, const std::vector<int32_t>& targets) {
    // Rows that predict several tokens stand there once for each.
    const auto wanted = static_cast<int64_t>(targets.size());
    if (from.view().rows < wanted) {
      from = OwnedTensor(backend, wanted, model.spec().width);
      kl = OwnedTensor(backend, wanted, 1);
    }
    step.adapter = options.from;
    backend.copy(from.top(wanted), decoder.hidden(step));
    step.adapter = options.to;
    const Tensor to = decoder.hidden(step);
    backend.linear_divergence(kl.top(wanted), from.top(wanted), to, model.head(), options.compute);
    std::vector<double> values(targets.size());
    backend.download(values.data(), kl.top(wanted));
    return values;
  };
  return ScoreSteps{model, decoder_for, options.compute, options.rows_per_step}.run(requests, hooks, evaluate);
}

}  // namespace sdft
