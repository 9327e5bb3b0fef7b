// The head's logits chunk by chunk, for what is made of them where they come up: losses, divergences. Chunks are fixed, so a row's sums depend on nothing
// else.
#pragma once
#include "kernels/cpu/isa/parallel.h"
#include "kernels/cpu/isa/tile.h"

namespace sdft::SDFT_ISA {
namespace {

constexpr int64_t kHeadChunk = 512;
/// Rows of a block: x, their logits of a chunk and what becomes of them stay in cache; more rows share the unpacking of the head.
constexpr int64_t kHeadRows = 168;
static_assert(kHeadRows % kTileRows == 0, "a block is whole tiles");

/// Some tiles of rows.
struct HeadBlock {
  int64_t tile, end_tile, row, rows;
};

/// Rows in blocks, and enough of these for all threads where each block is so many tasks.
struct HeadBlocks {
  int64_t rows, tiles, count;

  HeadBlocks(int64_t row_count, int64_t threads, int64_t tasks)
      : rows(row_count), tiles(tile_count(row_count)), count(smaller(tiles, larger(parts(row_count, kHeadRows), parts(threads, tasks)))) {}
  /// First row of a block, or `rows` for the one after the last.
  int64_t row(int64_t index) const { return split(rows, tiles, split(tiles, count, index)); }
  HeadBlock at(int64_t index) const { return {split(tiles, count, index), split(tiles, count, index + 1), row(index), row(index + 1) - row(index)}; }
};

}  // namespace
}  // namespace sdft::SDFT_ISA

#if defined(SDFT_ISA_AVX512AMX)
#include "kernels/cpu/amx/head_products.h"
#else
#include "kernels/cpu/isa/head_products.h"
#endif
