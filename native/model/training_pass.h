// Forward and backward over one micro-batch. What is stored between them is in activations.h; of a prefix that the micro-batches of an update have in common,
// also from one to the next.
#pragma once
#include <algorithm>
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
  /// Unless both hold, segment 0 is the common prefix of several batches: the one that closes it runs it backward for them all. Forward it is run by the one
  /// that opens it, and again only where what that left was not kept.
  bool opens = true, closes = true;
};

struct DropoutOptions {
  double probability;
  uint64_t seed;
  uint32_t step;
};

/// What buffers are taken for at once; what turns out larger takes them anew. 0: not known.
struct LargestBatch {
  int64_t rows = 0, wanted = 0;  // wanted: rows that predict a target
  int64_t prefix = 0;            // rows in common with other batches
};

class TrainingPass {
 public:
  /// A batch of more than `stored_rows` rows keeps only as many layers for its backward pass as take the memory of that many rows with all layers; the others
  /// are run again, to the same bits. 0 keeps each layer's input alone.
  TrainingPass(const Model& model, int64_t stored_rows, LargestBatch largest)
      : model_(model), stored_rows_(stored_rows), whole_rows_(std::min(largest.rows, stored_rows)), most_rows_(largest.rows), most_wanted_(largest.wanted), most_prefix_(largest.prefix) {}
  /// Returns loss_scale · the summed loss (−log p of each target) and adds the gradients of that number to `gradients`.
  /// Throws Error("context") for a position past maxPositions, Error("token") for an id outside the vocabulary, Error("batch") for a common prefix that is not
  /// the open one or cannot be shared.
  double run(const TrainingBatch& batch, const Adapter& adapter, const AdapterTensors& gradients, const DropoutOptions& dropout);
  /// Whether a common prefix waits for the batch that closes it: gradients are not complete.
  bool prefix_open() const { return !open_prefix_.empty(); }

 private:
  /// Lays buffers out for such a batch unless they are; takes memory where there is too little, for the largest batch to come at once.
  void make_room(int64_t rows, int64_t wanted, const AdapterShape& adapter, bool dropout);
  /// The rows of its common prefix; 0 where it has none.
  int64_t enter_prefix(const TrainingBatch& batch, int64_t first_wanted, bool dropout);

  const Model& model_;
  int64_t stored_rows_, whole_rows_, most_rows_, most_wanted_, most_prefix_;
  std::unique_ptr<Region> region_;
  std::unique_ptr<Activations> activations_;
  std::unique_ptr<PrefixGradients> prefix_gradients_;
  std::vector<int32_t> open_prefix_;  // its tokens
  bool prefix_kept_ = false;          // all that its forward pass stored is still there
  std::unique_ptr<RopeTables> ropes_;
  int64_t rope_rows_ = 0;
};

}  // namespace sdft
