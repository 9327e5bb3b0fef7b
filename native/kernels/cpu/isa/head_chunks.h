// The head's logits chunk by chunk, for what is made of them where they come up: losses, divergences. Chunks are fixed, so a row's sums depend on nothing
// else.
#pragma once
#include "kernels/cpu/isa/panels.h"
#include "kernels/cpu/isa/parallel.h"

namespace sdft::SDFT_ISA {
namespace {

constexpr int64_t kHeadChunk = 512;
/// Rows of a block: their logits of a chunk, x and dx stay in cache; more rows share the transposing of the head.
constexpr int64_t kHeadRows = 168;

/// Blocks of rows, as many for each thread. Of few rows each has at least a tile's.
inline int64_t head_blocks(int64_t rows, int64_t threads) { return smaller(round_up(parts(rows, kHeadRows), threads), parts(rows, kTileRows)); }

struct HeadBlock {
  int64_t first, rows;
};

/// logits (rows, kHeadChunk) of outputs [begin, end). scratch: C · kTallWidth floats.
inline void chunk_logits(const cpu::PackedWeight& head, const Tensor& x, const HeadBlock& block, int64_t begin, int64_t end, float* scratch, float* logits) {
  const int64_t tiles = tall_count(block.rows);
  for (int64_t column = begin; column < end; column += kTallWidth) {
    const int64_t columns = smaller(kTallWidth, end - column);
    const FloatPanels panels = strip_of(head, column, columns, 0, head.cols, scratch);
    for (TileWalk tile(block.rows, tiles); tile; tile.next()) {
      tall_tiles(kF32Tiles, columns)[tile.height - 1](Tile{row_of(x, block.first + tile.row), x.stride, 1, panels.first, panels.step, 0, head.cols, nullptr, 0,
                                                      logits + tile.row * kHeadChunk + column - begin, kHeadChunk, columns, Finish::store, 1.0f, nullptr});
    }
  }
}

}  // namespace
}  // namespace sdft::SDFT_ISA
