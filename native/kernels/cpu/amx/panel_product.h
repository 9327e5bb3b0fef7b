// Products of rows in pieces with panels of frozen weights: what linear, its gradient and the head's losses are made of. An output is one sum over blocks of
// 32 inputs in their order, whatever the rows beside it and wherever the sum pauses, so its bits depend on nothing but its own inputs.
#pragma once
#include "kernels/cpu/amx/pieces.h"

namespace sdft::SDFT_ISA {

struct Range {
  int64_t first, end;
};

/// The product of some tiles of rows with one panel of a weight: 32 outputs or, backwards, 32 inputs.
struct PanelWork {
  const cpu::PackedWeight* weight;
  int64_t column;     // the first of them, a multiple of kPanel
  int64_t columns;    // at most kPanel
  Range tiles;        // from the first of a pair on
  float* out;         // of row 0 of all rows and the first column
  int64_t out_row;    // floats from row to row
  const float* bias;  // of these columns, added when all inputs are summed; or null
};

/// Hands work out, a piece ahead: its weights are laid out while the piece before is multiplied.
class PanelWorks {
 public:
  virtual bool next(PanelWork& work) = 0;
  /// The outputs of this one are written, and none of the next.
  virtual void done(const PanelWork&) {}

 protected:
  ~PanelWorks() = default;
};

/// What all works have in common: x · weightᵀ or, backwards, x · weight.
struct PanelProduct {
  enum class Way { forward, backward };
  enum class From { nothing, out };

  const SplitRows& x;
  Way way;
  From from;      // what sums begin with
  Range blocks;   // of x, each 32 columns
  int64_t first;  // input of the weight or, backwards, output that column 0 of x belongs to; a multiple of kPanel
  bool last;      // behind these blocks there are no others
};

/// Floats of scratch that multiply_works needs.
int64_t panel_scratch();

void multiply_works(const PanelProduct& product, PanelWorks& works, float* scratch);

}  // namespace sdft::SDFT_ISA
