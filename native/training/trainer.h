// LoRA training on a loaded model: gradients accumulate over micro-batches, then one AdamW step.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "model/adapter.h"
#include "model/training_pass.h"

namespace sdft {

struct UpdateOptions {
  double learning_rate, beta1, beta2, epsilon, weight_decay;
  double max_grad_norm;  // 0: no clipping
};

class Trainer {
 public:
  /// The adapter must outlive the trainer. dropout in [0, 1). stored_rows and largest as TrainingPass has them.
  Trainer(const Model& model, const Adapter& adapter, double dropout, uint64_t seed, int64_t stored_rows, LargestBatch largest = {});

  /// Adds the batch's gradients; returns its share of the loss: lossScale · the sum over its targets.
  double accumulate(const TrainingBatch& batch);
  /// One AdamW step (clipped to max_grad_norm), then gradients are zero again. Returns the norm before clipping. Throws Error("diverged") when it is not finite,
  /// Error("batch") while a common prefix is open; nothing changes then.
  double update(const UpdateOptions& options);

  int64_t step() const { return step_; }
  void set_step(int64_t step) { step_ = step; }
  const AdapterTensors& gradients() const { return gradients_; }
  const AdapterTensors& first_moments() const { return first_moments_; }
  const AdapterTensors& second_moments() const { return second_moments_; }

 private:
  const Model& model_;
  const Adapter& adapter_;
  AdapterTensors gradients_, first_moments_, second_moments_;
  TrainingPass pass_;
  double dropout_;
  uint64_t seed_;
  int64_t step_ = 0;
};

}  // namespace sdft
