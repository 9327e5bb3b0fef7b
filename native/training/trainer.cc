// Accumulate and update.
#include "training/trainer.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace sdft {

Trainer::Trainer(const Model& model, const Adapter& adapter, double dropout, uint64_t seed, int64_t stored_rows, LargestBatch largest)
    : model_(model),
      adapter_(adapter),
      gradients_(model, adapter.shape()),
      first_moments_(model, adapter.shape()),
      second_moments_(model, adapter.shape()),
      pass_(model, stored_rows, largest),
      dropout_(dropout),
      seed_(seed) {}

double Trainer::accumulate(const TrainingBatch& batch) {
  return pass_.run(batch, adapter_, gradients_, {dropout_, seed_, static_cast<uint32_t>(step_)});
}

double Trainer::update(const UpdateOptions& options) {
  require(!pass_.prefix_open(), "batch", "Expected the batch that closes the common prefix before the update");
  Backend& backend = model_.backend();
  std::vector<Tensor> gradients;
  for (const AdapterTensors::Named& entry : gradients_.all()) gradients.push_back(entry.tensor);
  const double norm = std::sqrt(backend.sum_of_squares(gradients));
  require(std::isfinite(norm), "diverged",
          "Expected a finite gradient norm at step " + std::to_string(step_ + 1) + " but it is not a number; lower the learning rate or check the data.");
  // As torch.nn.utils.clip_grad_norm_: the factor is max_norm / (norm + 1e-6), never above 1.
  const double clip = options.max_grad_norm > 0 ? std::min(1.0, options.max_grad_norm / (norm + 1e-6)) : 1.0;
  ++step_;
  const AdamWStep step{options.learning_rate, options.beta1, options.beta2, options.epsilon, options.weight_decay, clip, step_};
  std::vector<TrainedTensor> trained;
  for (size_t i = 0; i < gradients.size(); ++i)
    trained.push_back({adapter_.tensors().all()[i].tensor, gradients[i], first_moments_.all()[i].tensor, second_moments_.all()[i].tensor});
  backend.adamw_group(trained, step);
  backend.synchronize();
  return norm;
}

}  // namespace sdft
