// Eight neighbouring weights of a row as floats, from one load of 16, 8 or 4 bytes.
#pragma once
#include "kernels/cuda/device_weight.h"

namespace sdft::cuda {

/// values[i] = element (row, col + i); col is a multiple of 8.
template <WeightKind kKind>
__device__ __forceinline__ void unpack_eight(float (&values)[8], const DeviceWeight& w, int64_t row, int64_t col) {
  const int64_t at = row * w.stride + col;
  if (kKind == WeightKind::bf16) {
    const uint4 words = *reinterpret_cast<const uint4*>(static_cast<const bf16*>(w.values) + at);
    const uint32_t pairs[4] = {words.x, words.y, words.z, words.w};
    SDFT_UNROLL
    for (int i = 0; i < 4; ++i) {
      values[2 * i] = low_bf16(pairs[i]);
      values[2 * i + 1] = high_bf16(pairs[i]);
    }
  } else if (kKind == WeightKind::f16) {
    const uint4 words = *reinterpret_cast<const uint4*>(static_cast<const __half*>(w.values) + at);
    const uint32_t pairs[4] = {words.x, words.y, words.z, words.w};
    SDFT_UNROLL
    for (int i = 0; i < 4; ++i) {
      values[2 * i] = __half2float(__ushort_as_half(static_cast<unsigned short>(pairs[i] & 0xffff)));
      values[2 * i + 1] = __half2float(__ushort_as_half(static_cast<unsigned short>(pairs[i] >> 16)));
    }
  } else if (kKind == WeightKind::nibbles) {
    const uint32_t word = *reinterpret_cast<const uint32_t*>(static_cast<const uint8_t*>(w.values) + at / 2);
    const int64_t g = row * w.groups + col / w.group;
    const float scale = w.scales[g], minimum = w.minima[g];
    SDFT_UNROLL
    for (int i = 0; i < 4; ++i) {
      values[i] = scale * static_cast<float>(word >> (8 * i) & 15u) + minimum;
      values[i + 4] = scale * static_cast<float>(word >> (8 * i + 4) & 15u) + minimum;
    }
  } else {
    const uint2 words = *reinterpret_cast<const uint2*>(static_cast<const int8_t*>(w.values) + at);
    const int64_t g = row * w.groups + col / w.group;
    const float scale = w.scales[g], minimum = w.minima != nullptr ? w.minima[g] : 0.0f;
    SDFT_UNROLL
    for (int i = 0; i < 4; ++i) {
      values[i] = scale * static_cast<float>(static_cast<int8_t>(words.x >> (8 * i) & 255u)) + minimum;
      values[i + 4] = scale * static_cast<float>(static_cast<int8_t>(words.y >> (8 * i) & 255u)) + minimum;
    }
  }
}

}  // namespace sdft::cuda
