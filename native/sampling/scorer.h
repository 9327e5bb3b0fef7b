// Log-probabilities of given tokens. Sequences that begin alike, as the endings of one question do, share rows.
#pragma once
#include "sampling/score_steps.h"

namespace sdft {

struct ScoreOptions {
  const Adapter* adapter;
  Compute compute;
  int64_t rows_per_step;
};

/// Natural-log probabilities, one vector a request. What a request gets does not depend on the others. Throws as ScoreSteps::run does.
/// decoder_for gives a decoder for steps of at least so many rows.
std::vector<std::vector<double>> score(const Model& model, const std::function<Decoder&(int64_t rows)>& decoder_for, const std::vector<ScoreRequest>& requests,
                                       const ScoreOptions& options, const ScoreHooks& hooks);

}  // namespace sdft
