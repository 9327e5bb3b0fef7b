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

}  // namespace
}  // namespace sdft::SDFT_ISA
