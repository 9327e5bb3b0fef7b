// The queries of one block as a matrix: the heads that share a kv head stand one under the other, row = query · (H / G) + head within the group, so that a
// tile of keys serves them all.
#pragma once
#include "kernels/cpu/isa/parallel.h"
#include "kernels/cpu/isa/tile.h"

namespace sdft::SDFT_ISA {
namespace {

struct HeadGroup {
  int64_t heads;   // H / G
  int64_t size;    // D
  int64_t first;   // column where the group's heads begin
  int64_t window;
  uint64_t reciprocal;  // 2³² / heads, rounded up

  HeadGroup(const AttentionShape& shape, int64_t kv_head)
      : heads(shape.query_heads / shape.kv_heads), size(shape.head_size), first(kv_head * heads * size), window(shape.window), reciprocal((uint64_t{1} << 32) / static_cast<uint64_t>(heads) + 1) {}
  /// The query of a row of the stacked matrix: row / heads, for rows · heads below 2³². A division would take as long as a short tile.
  int64_t query(int64_t row) const { return static_cast<int64_t>(static_cast<uint64_t>(row) * reciprocal >> 32); }
  int64_t first_visible(int64_t position) const { return window > 0 ? larger(0, position - window + 1) : 0; }
};

/// out (count · heads, D) = factor · x, rows row … row + count.
inline void stack_heads(const Tensor& x, int64_t row, int64_t count, const HeadGroup& group, float factor, float* out) {
  for (int64_t i = 0; i < count; ++i) {
    const float* from = row_of(x, row + i) + group.first;
    over_vectors(group.heads * group.size, [&](int64_t c, int lanes) { store_part(out + c, load_part(from + c, lanes) * broadcast(factor), lanes); });
    out += group.heads * group.size;
  }
}

/// Asks for row `stacked` of what stack_heads makes of the rows of x from `row` on.
inline void ask_for_stacked(const Tensor& x, int64_t row, int64_t stacked, const HeadGroup& group) {
  const int64_t query = group.query(stacked);
  ask_for(row_of(x, row + query) + group.first + (stacked - query * group.heads) * group.size, group.size);
}

/// To be added to the scores of keys [at, at + kLanes): −∞ outside [low, high), else 0.
inline Vec unseen(int64_t at, int64_t low, int64_t high) {
  Vec lane{};
  SDFT_UNROLL for (int i = 0; i < kLanes; ++i) lane[i] = static_cast<float>(i);
  const Vec hidden = broadcast(-INFINITY);
  return where_at_least(lane, broadcast(static_cast<float>(high - at)), hidden) + where_at_least(broadcast(static_cast<float>(low - at - 1)), lane, hidden);
}

/// Zeros in [begin, end), multiples of kLanes.
inline void clear(float* values, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; i += kLanes) store(values + i, Vec{});
}

}  // namespace
}  // namespace sdft::SDFT_ISA
