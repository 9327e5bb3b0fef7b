// How far the cpu backend may be from the reference (floats, sums in double). One place, with reasons; never raised without a new one.
#pragma once
#include "harness.h"

namespace sdft::test {

/// Copies, gathers, embedding of stored values: nothing is computed.
constexpr Tolerance kExact{0, 0};
/// A handful of roundings of numbers around 1 (norms over unit inputs, rotations, adds, AdamW).
constexpr Tolerance kElementwise{2e-6, 2e-6};
/// The same with an exponential of at most 2 units in the last place.
constexpr Tolerance kExponential{3e-6, 3e-6};
/// A float sum of `terms` products of numbers in [−1, 1): errors of half a unit of partial sums of size about sqrt(terms) / 3, at random, is
/// 2⁻²⁴ · terms / 3 at most a few times; this is three times the former.
inline Tolerance of_sum(int64_t terms) { return {6e-8 * static_cast<double>(terms) + 1e-6, 2e-6}; }
/// Attention outputs are averages of values in [−1, 1): errors of the scores (sums of D terms) move the weights by as much, relatively.
inline Tolerance of_attention(int64_t head_size) { return {2e-6 + 1e-7 * static_cast<double>(head_size), 4e-6}; }
/// Their gradients sum over `rows` rows.
inline Tolerance of_attention_gradient(int64_t head_size, int64_t rows) {
  return {4e-6 + 1e-7 * static_cast<double>(head_size) + 1e-6 * static_cast<double>(rows), 1e-5};
}

}  // namespace sdft::test
