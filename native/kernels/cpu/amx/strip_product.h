// The products of one strip of a weight with rows in pieces: what linear, its gradient and the head's losses are made of. An output is one sum over blocks of
// 32 inputs in their order, whatever the rows beside it and wherever the sum pauses, so its bits depend on nothing but its own inputs.
#pragma once
#include "kernels/cpu/amx/pieces.h"

namespace sdft::SDFT_ISA {

/// Outputs of a strip: four registers of weights.
constexpr int64_t kStripWidth = 2 * kPanel;

/// Floats of scratch that a strip needs.
int64_t strip_scratch();

/// Where a strip's outputs go: row 0 and column 0 of `data` are those of the strip.
struct StripOut {
  float* data;
  int64_t row;        // floats from row to row
  int64_t columns;    // at most kStripWidth
  const float* bias;  // of these columns, added when all inputs are summed; or null
};

struct Range {
  int64_t first, end;
};

/// Part of a product: some tiles of its rows, some blocks of 32 inputs, added to nothing or to what out holds.
struct StripPart {
  Range tiles, blocks;
  enum class From { nothing, out } from;
};

/// out (= or +=) x · weightᵀ for outputs from `column` on, a multiple of kPanel.
void multiply_strip(const StripOut& out, const SplitRows& x, const StripPart& part, const cpu::PackedWeight& weight, int64_t column, float* scratch);

/// out (= or +=) dout · weight for inputs from `column` on; dout are the outputs from `first_output` on, a multiple of kPanel.
void multiply_strip_back(const StripOut& out, const SplitRows& dout, const StripPart& part, const cpu::PackedWeight& weight, int64_t first_output, int64_t column, float* scratch);

}  // namespace sdft::SDFT_ISA
