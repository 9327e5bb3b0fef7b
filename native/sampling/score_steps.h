// What all ways of looking at given tokens share: sequences packed into steps, no cache; a number for each predicted token.
#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <vector>

#include "model/decoder.h"
#include "sampling/score_plan.h"

namespace sdft {

struct ScoreHooks {
  /// Called after each step with how many requests are done.
  std::function<void(int64_t done)> progress;
  /// Looked at before each step; a set flag throws Error("cancelled").
  const std::atomic<bool>& cancelled;
};

struct ScoreSteps {
  const Model& model;
  const std::function<Decoder&(int64_t rows)>& decoder_for;  // a decoder for steps of at least so many rows
  Compute compute;
  int64_t rows_per_step;

  /// A number for each pair of a row and its target, from the step (without an adapter) that has them: evaluate(decoder, step, targets).
  using Evaluate = std::function<std::vector<double>(Decoder& decoder, Step& step, const std::vector<int32_t>& targets)>;
  /// One vector a request, by the token predicted. Sequences are packed into steps of at most rows_per_step rows; a longer one has a step of its own. Throws
  /// Error("tokens") for an empty or unknown one, Error("context") for one with more tokens than the model's context and one, Error("compute") for integer products of weights without
  /// integers, each before any work.
  std::vector<std::vector<double>> run(const std::vector<ScoreRequest>& requests, const ScoreHooks& hooks, const Evaluate& evaluate) const;
};

}  // namespace sdft
