// exp and what is made of it.
#pragma once
#include "kernels/cpu/isa/vector.h"

namespace sdft::SDFT_ISA {
namespace {

/// e^x within 2 units in the last place (1.2e-7 relative) on [−87.3, 88.7]; above, e^88.7; below, exactly 0 (−∞ too). Cephes' polynomial after taking out a
/// power of two.
inline Vec exp(Vec x) {
  const Vec lowest = broadcast(-87.33f);
  const Vec clamped = min(x, broadcast(88.7f));
  const Vec magic = broadcast(12582912.0f);  // 1.5 · 2²³: adding it leaves the nearest integer in the low bits
  const Vec shifted = fma(clamped, broadcast(1.44269504f), magic);
  const Vec power = shifted - magic;
  // ln 2 in two parts; the first has few bits, so that its product is exact.
  Vec r = fma(power, broadcast(-0.693359375f), clamped);
  r = fma(power, broadcast(2.12194440e-4f), r);
  Vec p = broadcast(1.9875691500e-4f);
  p = fma(p, r, broadcast(1.3981999507e-3f));
  p = fma(p, r, broadcast(8.3334519073e-3f));
  p = fma(p, r, broadcast(4.1665795894e-2f));
  p = fma(p, r, broadcast(1.6666665459e-1f));
  p = fma(p, r, broadcast(5.0000001201e-1f));
  p = fma(p, r * r, r + broadcast(1.0f));
  const IntVec bits = reinterpret_cast<IntVec>(p) + (reinterpret_cast<IntVec>(shifted) << 23);
  return where_at_least(x, lowest, reinterpret_cast<Vec>(bits));  // whatever came out below
}

inline float exp_of(float x) { return exp(broadcast(x))[0]; }

/// 1 / (1 + e^−x)
inline Vec sigmoid(Vec x) { return broadcast(1.0f) / (broadcast(1.0f) + exp(Vec{} - x)); }

}  // namespace
}  // namespace sdft::SDFT_ISA
