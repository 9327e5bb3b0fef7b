// Runs CUDA kernels on the CPU: one fiber a thread, so that numbers, barriers and addresses can be tested without a GPU. Included in place of the CUDA headers
// where nvcc does not compile. It has what our kernels use and no more: no float atomics on purpose. What it checks is in engine.h.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>
#include <type_traits>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __restrict__ __restrict
#define __align__(n) alignas(n)
#define __grid_constant__
/// Hidden from ThreadSanitizer: lanes pass values on through the engine's own memory.
#define EMULATOR_UNSEEN __attribute__((no_sanitize("thread")))
#define EMULATOR_SITE const char *file_ = __builtin_FILE(), int line_ = __builtin_LINE()

struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};
struct uint3 {
  unsigned x, y, z;
};
struct alignas(16) float4 {
  float x, y, z, w;
};
struct alignas(8) uint2 {
  unsigned x, y;
};
struct alignas(16) uint4 {
  unsigned x, y, z, w;
};
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }
inline uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }

#include "engine.h"
#include "runtime.h"

#define threadIdx (::emulator::this_thread->index)
#define blockIdx (::emulator::this_block->index)
#define blockDim (::emulator::this_block->size)
#define gridDim (::emulator::this_block->grid)

// ---- shared memory and launches, as device.cuh names them
#define SDFT_DYNAMIC_SHARED(name) unsigned char* const name = ::emulator::this_block->dynamic
#define SDFT_SHARED(type, name, dimensions)   \
  static const char name##_tag = 0;           \
  using name##_type = type dimensions;        \
  name##_type& name = *static_cast<name##_type*>(::emulator::static_shared(&name##_tag, sizeof(name##_type), alignof(name##_type)))
/// Arguments are copied, as a launch copies them: the stream may run the kernel later.
#define SDFT_START(kernel, grid, block, dynamic_bytes, stream, ...)                                                                          \
  do {                                                                                                                                      \
    const auto kernel_ = kernel;                                                                                                            \
    ::emulator::enqueue_launch(stream, {(grid), (block), static_cast<size_t>(dynamic_bytes), #kernel, reinterpret_cast<const void*>(kernel_)}, \
                               ::emulator::bind(kernel_, __VA_ARGS__));                                                                     \
  } while (0)
#define SDFT_ALLOW_SHARED(kernel, bytes) ::emulator::allow_shared(reinterpret_cast<const void*>(kernel), static_cast<size_t>(bytes))

// ---- barriers, votes, shuffles
inline void __syncthreads(EMULATOR_SITE) { ::emulator::barrier(file_, line_); }
inline void __syncwarp(unsigned mask = 0xffffffffu, EMULATOR_SITE) { ::emulator::warp_barrier(mask, file_, line_); }
template <class T>
EMULATOR_UNSEEN inline T __shfl_sync(unsigned mask, T value, int lane, int width = 32, EMULATOR_SITE) {
  const int own = static_cast<int>(::emulator::this_thread->lane);
  return ::emulator::shuffle(mask, value, (own & ~(width - 1)) | (lane & (width - 1)), file_, line_);
}
template <class T>
EMULATOR_UNSEEN inline T __shfl_xor_sync(unsigned mask, T value, int bits, int width = 32, EMULATOR_SITE) {
  const int own = static_cast<int>(::emulator::this_thread->lane), other = own ^ bits;
  return ::emulator::shuffle(mask, value, (other & ~(width - 1)) > (own & ~(width - 1)) ? own : other, file_, line_);
}
EMULATOR_UNSEEN inline unsigned __ballot_sync(unsigned mask, int vote, EMULATOR_SITE) {
  const ::emulator::Slot* slots = ::emulator::exchange(mask, ::emulator::Meeting::vote, ::emulator::to_slot<int>(vote != 0), file_, line_);
  unsigned votes = 0;
  for (unsigned lane = 0; lane < 32; ++lane)
    if (mask >> lane & 1) votes |= (slots[lane].words[0] & 1u) << lane;
  return votes;
}
EMULATOR_UNSEEN inline int __all_sync(unsigned mask, int vote, EMULATOR_SITE) { return __ballot_sync(mask, vote, file_, line_) == mask; }

// ---- number formats
struct __nv_bfloat16 {
  uint16_t bits;
};
struct alignas(4) __nv_bfloat162 {
  __nv_bfloat16 x, y;
};
struct __half {
  uint16_t bits;
};
inline float __uint_as_float(unsigned bits) {
  float value;
  __builtin_memcpy(&value, &bits, sizeof value);
  return value;
}
inline unsigned __float_as_uint(float value) {
  unsigned bits;
  __builtin_memcpy(&bits, &value, sizeof bits);
  return bits;
}
inline float __bfloat162float(__nv_bfloat16 value) { return __uint_as_float(uint32_t{value.bits} << 16); }
inline __nv_bfloat16 __float2bfloat16_rn(float value) {
  const uint32_t bits = __float_as_uint(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return {0x7fff};  // NaN, as on the device
  return {static_cast<uint16_t>((bits + 0x7fffu + (bits >> 16 & 1)) >> 16)};
}
inline __nv_bfloat162 __floats2bfloat162_rn(float low, float high) { return {__float2bfloat16_rn(low), __float2bfloat16_rn(high)}; }
inline float __half2float(__half half) {
  _Float16 value;
  __builtin_memcpy(&value, &half.bits, sizeof value);
  return static_cast<float>(value);
}
inline __half __ushort_as_half(unsigned short bits) { return {bits}; }

// ---- arithmetic of one rounding each, integers, and integer atomics
inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fsub_rn(float a, float b) { return a - b; }
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __fdiv_rn(float a, float b) { return a / b; }
inline double __dadd_rn(double a, double b) { return a + b; }
inline double __dmul_rn(double a, double b) { return a * b; }
inline long long __double_as_longlong(double value) {
  long long bits;
  __builtin_memcpy(&bits, &value, sizeof bits);
  return bits;
}
inline int __popc(unsigned bits) { return __builtin_popcount(bits); }
inline unsigned long long atomicAdd(unsigned long long* place, unsigned long long value) { return __atomic_fetch_add(place, value, __ATOMIC_RELAXED); }
inline unsigned atomicOr(unsigned* place, unsigned value) { return __atomic_fetch_or(place, value, __ATOMIC_RELAXED); }

template <class T>
inline T min(T a, T b) { return a < b ? a : b; }
template <class T>
inline T max(T a, T b) { return a > b ? a : b; }

namespace emulator {
inline float power_of_two(float x) {
  const float value = ::exp2f(x);
  return value < 1.17549435e-38f ? 0.0f : value;  // flushed, as ex2.approx.ftz does
}
inline int dot_bytes(uint32_t a, uint32_t b, int sum) {
  for (int i = 0; i < 32; i += 8) sum += int{static_cast<int8_t>(a >> i & 255u)} * int{static_cast<int8_t>(b >> i & 255u)};
  return sum;
}
}  // namespace emulator
