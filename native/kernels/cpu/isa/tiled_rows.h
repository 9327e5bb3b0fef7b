// Many rows cut into tiles, the rows of each side by side: what tiles across read.
#pragma once
#include "kernels/cpu/isa/panels.h"
#include "kernels/cpu/isa/parallel.h"

namespace sdft::SDFT_ISA {
namespace {

struct TiledRows {
  int64_t rows, tiles, depth;
  const float* data;
  int64_t row(int64_t tile) const { return split(rows, tiles, tile); }
  TileWalk walk(int64_t first, int64_t last) const { return {rows, tiles, first, last}; }
};

/// x (rows, cols) in memory of as many floats.
inline TiledRows tile_rows(const cpu::Context& context, const Tensor& x, float* memory) {
  const TiledRows tiled{x.rows, tile_count(x.rows), x.cols, memory};
  context.pool->run(tiled.tiles, [&](int64_t tile, int) {
    const int64_t row = tiled.row(tile);
    interleave_rows(row_of(x, row), x.stride, tiled.row(tile + 1) - row, x.cols, memory + row * x.cols);
  });
  return tiled;
}

/// Columns of a tile's rows that are made at once: they stay in the first-level cache until they lie side by side.
constexpr int64_t kMadeColumns = 128;

/// Rows that are made on the way and stand nowhere else: make(row, column, count, to) writes so many columns of it to to[j] for each output j,
/// which lies at memory + j · rows · depth.
template <int kOutputs, class Make>
inline void tile_made_rows(const cpu::Context& context, int64_t rows, int64_t depth, float* memory, const Make& make) {
  const int64_t tiles = tile_count(rows);
  context.pool->run(tiles, [&](int64_t tile, int) {
    const int64_t row = split(rows, tiles, tile), height = split(rows, tiles, tile + 1) - row;
    alignas(64) float made[kOutputs][kTileRows * kMadeColumns];
    for (int64_t column = 0; column < depth; column += kMadeColumns) {
      const int64_t count = smaller(kMadeColumns, depth - column);
      for (int64_t i = 0; i < height; ++i) {
        float* to[kOutputs];
        for (int j = 0; j < kOutputs; ++j) to[j] = made[j] + i * kMadeColumns;
        make(row + i, column, count, to);
      }
      for (int j = 0; j < kOutputs; ++j) interleave_rows(made[j], kMadeColumns, height, count, memory + (j * rows + row) * depth + column * height);
    }
  });
}

}  // namespace
}  // namespace sdft::SDFT_ISA
