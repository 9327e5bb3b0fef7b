// Products of bf16 matrices on the tensor cores, sums in float32.
#pragma once
#include "kernels/cuda/kernels.h"

namespace sdft::cuda {

/// c (m, n) (= or +=) Σ_k a(m, k) · b (+ bias (n)). a (m, k) row after row; b (n, k) or, `across`, (k, n). Rows start 16 bytes aligned and go on with zeros
/// to a multiple of 8 elements. With `splits` > 1, k is summed in that many stretches, added in their order: for few outputs.
struct TileProduct {
  const bf16 *a, *b;
  int64_t a_stride, b_stride;
  int64_t m, n, k;
  float* c;
  int64_t stride;
  int32_t across;  // beside `write`, so that there is no padding
  Write write;
  const float* bias;
};
/// Each element's sum is one accumulation in steps of 16 of k, whatever m and n (but for `splits`).
void tile_product(const Context& context, const TileProduct& product, int64_t splits);

}  // namespace sdft::cuda
