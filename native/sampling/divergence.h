// How far two adapters of one model (or an adapter and the model itself) are apart, token by token of given sequences.
#pragma once
#include "sampling/score_steps.h"

namespace sdft {

struct DivergenceOptions {
  const Adapter *from, *to;  // null: the base model
  Compute compute;
  int64_t rows_per_step;
};

/// Of each predicted token, KL(from‖to) in nats between the distributions over the vocabulary that the tokens before it give; one vector a request. Not
/// negative, and 0 where from and to are the same. What a request gets does not depend on the others. Throws as ScoreSteps::run does.
std::vector<std::vector<double>> divergence(const Model& model, const std::function<Decoder&(int64_t rows)>& decoder_for,
                                            const std::vector<ScoreRequest>& requests, const DivergenceOptions& options, const ScoreHooks& hooks);

}  // namespace sdft
