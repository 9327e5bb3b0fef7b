// The head's two products for a block of rows and a chunk of the vocabulary. Included by head_chunks.h.
#pragma once
#include "kernels/cpu/isa/tiled_rows.h"

namespace sdft::SDFT_ISA {
namespace {

/// The rows that meet the head, as chunk_logits takes them.
using HeadRows = TiledRows;

/// In the workspace's shared memory of that slot.
inline HeadRows head_rows(const cpu::Context& context, const Tensor& x, int slot) { return tile_rows(context, x, context.workspace->shared(slot, x.rows * x.cols)); }

/// Floats of scratch that both products need: a strip of the head; the probabilities of a block's rows, tile by tile side by side.
inline int64_t head_strip(const cpu::PackedWeight& head) { return larger(head.cols, kHeadChunk) * kStripColumns; }
inline int64_t head_scratch(const cpu::PackedWeight& head) { return head_strip(head) + kHeadRows * kHeadChunk; }

/// logits (rows, kHeadChunk) of outputs [begin, end). scratch: head_scratch floats.
inline void chunk_logits(const cpu::PackedWeight& head, const HeadRows& x, const HeadBlock& block, int64_t begin, int64_t end, float* scratch, float* logits) {
  for (int64_t column = begin; column < end; column += kStripColumns) {
    const int64_t columns = smaller(kStripColumns, end - column);
    const FloatPanels panels = strip_of(head, column, columns, 0, head.cols, scratch);
    for (TileWalk tile = x.walk(block.tile, block.end_tile); tile; tile.next()) {
      multiply_panels(kF32TilesAcross.table(), tile.height, panels,
                      Tile{x.data + tile.row * x.depth, 1, tile.height, nullptr, 0, 0, head.cols, nullptr, 0, logits + (tile.row - block.row) * kHeadChunk + column - begin,
                           kHeadChunk, columns, Finish::store, 1.0f, nullptr});
    }
  }
}

/// sums (rows, head.cols) (= or +=) probabilities (rows, kHeadChunk) · head[begin, end). Each chunk is a sum of its own: rows of the head have much in common, which
/// cancels in the end, and one running sum over the whole vocabulary would round away a thousandth of what is left.
inline void chunk_backward(const cpu::PackedWeight& head, float* sums, const HeadBlock& block, int64_t begin, int64_t end, Finish finish, const float* probabilities,
                           float* scratch) {
  float *weights = scratch, *across = scratch + head_strip(head);
  const int64_t count = end - begin, tiles = block.end_tile - block.tile;
  for (TileWalk tile(block.rows, tiles); tile; tile.next())
    interleave_rows(probabilities + tile.row * kHeadChunk, kHeadChunk, tile.height, count, across + tile.row * count);
  for (int64_t column = 0; column < head.cols; column += kStripColumns) {
    const int64_t columns = smaller(kStripColumns, head.cols - column);
    const FloatPanels panels = transposed_strip_of(head, column, columns, begin, end, weights);
    for (TileWalk tile(block.rows, tiles); tile; tile.next()) {
      multiply_panels(kF32TilesAcross.table(), tile.height, panels,
                      Tile{across + tile.row * count - begin * tile.height, 1, tile.height, nullptr, 0, begin, end, nullptr, 0, sums + tile.row * head.cols + column, head.cols,
                           columns, finish, 1.0f, nullptr});
    }
  }
}

}  // namespace
}  // namespace sdft::SDFT_ISA
