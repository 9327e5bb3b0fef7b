// What each of sixteen rows makes of its numbers, all rows at once.
#pragma once
#include "kernels/cpu/isa/tile.h"

namespace sdft::SDFT_ISA {
namespace {

/// Lane r: what the lanes of row r make together.
template <int kHalf = kLanes / 2, class Combine>
__attribute__((always_inline)) inline IntVec over_rows_of(IntVec (&rows)[kLanes], const Combine& combine) {
  IntVec low{}, high{};
  SDFT_UNROLL for (int lane = 0; lane < kLanes; ++lane) {
    low[lane] = lane & kHalf ? kLanes + lane - kHalf : lane;
    high[lane] = lane & kHalf ? kLanes + lane : lane + kHalf;
  }
  SDFT_UNROLL for (int i = 0; i < kHalf; ++i) rows[i] = combine(__builtin_shuffle(rows[i], rows[i + kHalf], low), __builtin_shuffle(rows[i], rows[i + kHalf], high));
  if constexpr (kHalf > 1) return over_rows_of<kHalf / 2>(rows, combine);
  return rows[0];
}

}  // namespace
}  // namespace sdft::SDFT_ISA
