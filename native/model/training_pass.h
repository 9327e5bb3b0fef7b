// Forward and backward over one micro-batch. What is stored between them is in activations.h.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "model/activations.h"
#include "model/rope_tables.h"

namespace sdft {

/// Packed rows cut into segments (TrainBatch in src/native/types.ts).
struct TrainingBatch {
  std::vector<int32_t> tokens;    // (N)
  std::vector<int32_t> targets;   // (N), −1: none
  std::vector<Segment> segments;  // roots at position 0
  std::vector<std::string> ids;   // (S)
  double loss_scale;
};

struct DropoutOptions {
  double probability;
  uint64_t seed;
  uint32_t step;
};

/// What buffers are taken for at once; what turns out larger takes them anew. 0: not known.
struct LargestBatch {
  int64_t rows = 0, wanted = 0;  // wanted: rows that predict a target
};

class TrainingPass {
 public:
  /// A batch of more than `stored_rows` rows keeps only as many layers for its backward pass as take the memory of that many rows with all layers; the others
  /// are run again, to the same bits. 0 keeps each layer's input alone.
  TrainingPass(const Model& model, int64_t stored_rows, LargestBatch largest)
      : model_(model), stored_rows_(stored_rows), whole_rows_(largest.rows <= stored_rows ? largest.rows : 0), most_wanted_(largest.wanted) {}
  /// Returns loss_scale · the summed loss (−log p of each target) and adds the gradients of that number to `gradients`.
  /// Throws Error("context") for a position past maxPositions, Error("token") for an id outside the vocabulary.
  double run(const TrainingBatch& batch, const Adapter& adapter, const AdapterTensors& gradients, const DropoutOptions& dropout);

 private:
  const Model& model_;
  int64_t stored_rows_, whole_rows_, most_wanted_;
  std::unique_ptr<Activations> activations_;
  std::unique_ptr<RopeTables> ropes_;
};

}  // namespace sdft
