// Forward and backward over one micro-batch, with what is stored between them.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "model/adapter.h"

namespace sdft {

/// Packed rows cut into segments (TrainBatch in src/native/types.ts).
struct TrainingBatch {
  std::vector<int32_t> tokens;       // (N)
  std::vector<int32_t> targets;      // (N), −1: none
  std::vector<Segment> segments;     // roots at position 0
  std::vector<std::string> ids;      // (S)
  double loss_scale;
};

struct DropoutOptions {
  double probability;
  uint64_t seed;
  uint32_t step;
};

class TrainingPass {
 public:
  explicit TrainingPass(const Model& model);
  ~TrainingPass();
  /// Returns loss_scale · the summed loss and adds the gradients of that number to `gradients`.
  double run(const TrainingBatch& batch, const Adapter& adapter, const AdapterTensors& gradients, const DropoutOptions& dropout);

 private:
  struct Buffers;
  const Model& model_;
  std::unique_ptr<Buffers> buffers_;
};

}  // namespace sdft
