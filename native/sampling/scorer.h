// Log-probabilities of given tokens: whole sequences packed into steps, no cache. Sequences that begin alike, as the endings of one question do, share rows.
#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <vector>

#include "model/decoder.h"
#include "sampling/score_plan.h"

namespace sdft {

struct ScoreOptions {
  const Adapter* adapter;
  Compute compute;
  int64_t rows_per_step;
};

struct ScoreHooks {
  /// Called after each step with how many requests are done.
  std::function<void(int64_t done)> progress;
  /// Looked at before each step; a set flag throws Error("cancelled").
  const std::atomic<bool>& cancelled;
};

/// Natural-log probabilities, one vector a request. Sequences are packed into steps of at most rows_per_step rows; a longer one has a step of its own. What
/// a request gets does not depend on the others. Throws Error("tokens") for an empty or unknown one, Error("context") for one that is too long,
/// Error("compute") for integer products of weights without integers, each before any work.
/// decoder_for gives a decoder for steps of at least so many rows.
std::vector<std::vector<double>> score(const Model& model, const std::function<Decoder&(int64_t rows)>& decoder_for, const std::vector<ScoreRequest>& requests,
                                       const ScoreOptions& options, const ScoreHooks& hooks);

}  // namespace sdft
