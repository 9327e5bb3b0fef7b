// The head's logits chunk by chunk, for what is made of them where they come up: losses, divergences. Chunks are fixed, so a row's sums depend on nothing
// else.
#pragma once
#include "kernels/cpu/isa/parallel.h"
#include "kernels/cpu/isa/tile.h"

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

}  // namespace
}  // namespace sdft::SDFT_ISA

#if defined(SDFT_ISA_AVX512AMX)
#include "kernels/cpu/amx/head_products.h"
#else
#include "kernels/cpu/isa/head_products.h"
#endif
