// The head's two products for a block of rows and a chunk of the vocabulary. Included by head_chunks.h.
#pragma once
#include "kernels/cpu/isa/panels.h"

namespace sdft::SDFT_ISA {
namespace {

/// Floats of scratch that both products need.
inline int64_t head_scratch(const cpu::PackedWeight& head) { return larger(head.cols, kHeadChunk) * kStripColumns; }

/// logits (rows, kHeadChunk) of outputs [begin, end). scratch: head_scratch floats.
inline void chunk_logits(const cpu::PackedWeight& head, const Tensor& x, const HeadBlock& block, int64_t begin, int64_t end, float* scratch, float* logits) {
  const int64_t tiles = square_count(block.rows);
  for (int64_t column = begin; column < end; column += kStripColumns) {
    const int64_t columns = smaller(kStripColumns, end - column);
    const FloatPanels panels = strip_of(head, column, columns, 0, head.cols, scratch);
    for (TileWalk tile(block.rows, tiles); tile; tile.next()) {
      multiply_panels(kF32Tiles, tile.height, panels,
                      Tile{row_of(x, block.first + tile.row), x.stride, 1, nullptr, 0, 0, head.cols, nullptr, 0, logits + tile.row * kHeadChunk + column - begin, kHeadChunk, columns,
                           Finish::store, 1.0f, nullptr});
    }
  }
}

/// dx (= or +=) probabilities (rows, kHeadChunk) · head[begin, end). Each chunk is a sum of its own: rows of the head have much in common, which cancels in the
/// end, and one running sum over the whole vocabulary would round away a thousandth of what is left.
inline void chunk_backward(const cpu::PackedWeight& head, const Tensor& dx, const HeadBlock& block, int64_t begin, int64_t end, const float* probabilities, float* scratch) {
  const int64_t tiles = square_count(block.rows);
  for (int64_t column = 0; column < head.cols; column += kStripColumns) {
    const int64_t columns = smaller(kStripColumns, head.cols - column);
    const FloatPanels panels = transposed_strip_of(head, column, columns, begin, end, scratch);
    for (TileWalk tile(block.rows, tiles); tile; tile.next()) {
      float* to = row_of(dx, block.first + tile.row) + column;
      multiply_panels(kF32Tiles, tile.height, panels,
                      Tile{probabilities + tile.row * kHeadChunk - begin, kHeadChunk, 1, nullptr, 0, begin, end, nullptr, 0, to, dx.stride, columns,
                           begin == 0 ? Finish::store : Finish::add, 1.0f, nullptr});
    }
  }
}

}  // namespace
}  // namespace sdft::SDFT_ISA
