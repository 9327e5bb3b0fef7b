// The queries of one block as a matrix: the heads that share a kv head stand one under the other, row = query · (H / G) + head within the group, so that a
// tile of keys serves them all.
#pragma once
#include "kernels/cpu/isa/parallel.h"

namespace sdft::SDFT_ISA {
namespace {

struct HeadGroup {
  int64_t heads;   // H / G
  int64_t size;    // D
  int64_t first;   // column where the group's heads begin
  int64_t window;

  HeadGroup(const AttentionShape& shape, int64_t kv_head)
      : heads(shape.query_heads / shape.kv_heads), size(shape.head_size), first(kv_head * heads * size), window(shape.window) {}
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

}  // namespace
}  // namespace sdft::SDFT_ISA
