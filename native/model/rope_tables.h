// Cosines and sines for the rows of a step, one table for each kind of rotation that the model uses.
#pragma once
#include <vector>

#include "model/model.h"

namespace sdft {

class RopeTables {
 public:
  RopeTables(const Model& model, int64_t max_rows);
  /// Positions come from the segments; sequence_lengths (one a segment) choose the frequencies of a dynamic rope.
  /// Throws Error("context") for a position past maxPositions.
  void prepare(const std::vector<Segment>& segments, const std::vector<int64_t>& sequence_lengths);
  /// Turns the heads of x (N, heads · D) in place; x may be the last rows alone.
  void rotate(Tensor x, int64_t layer, Rotation rotation) const;
  /// (N) as uploaded by prepare.
  Indices positions() const { return positions_.top(rows_); }

 private:
  const Model& model_;
  int64_t rows_ = 0;
  std::vector<OwnedTensor> cosines_, sines_;
  OwnedIndices positions_;
};

}  // namespace sdft
