// Products in float32 on the ordinary arithmetic units: the narrow ones of LoRA, weights kept as f32, and what everything else is checked by.
#pragma once
#include <cstdint>
#include <vector>

#include "kernels/cuda/kernels.h"

namespace sdft::cuda {

/// A matrix by its two strides, so that a transpose costs nothing.
struct Strided {
  const float* data;
  int64_t row_stride, inner_stride;  // from row to row; along the summed index
};

/// Length of a stretch of k that is summed up apart; fixed, because it decides the order of the sums.
constexpr int64_t kStretch = 512;

enum class Order { one_sum, in_chunks };

/// c (m, n) (= or +=) alpha · Σ_k a(m, k) · b(n, k) (+ bias (n)). An added zero leaves c as it was. one_sum: each element is one sum in the order of k;
/// in_chunks: sums over stretches of a fixed length, added in their order, for a long k and few outputs.
struct FloatProduct {
  Strided a, b;
  int64_t m, n, k;
  float* c;
  int64_t stride;
  float alpha;
  Write write;
  const float* bias;
};
void float_product(const Context& context, const FloatProduct& product, Order order);
/// Several of the order one_sum, none of which reads what another writes: the same bits as one by one, in one launch for each kMostTogether.
void float_products(const Context& context, const std::vector<FloatProduct>& products);
constexpr int kMostTogether = 4;

}  // namespace sdft::cuda
