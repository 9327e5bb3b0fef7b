// What kernels are written in: the only file with PTX. Under nvcc each function is an instruction or two of sm_80; under g++ the emulator of test/cuda stands in,
// which checks masks, alignment, ranges and barriers. Kernels take shared memory through the macros and talk across threads through intrinsics or these functions.
#pragma once
#include <cstdint>
#ifdef __CUDACC__
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>
#define SDFT_DYNAMIC_SHARED(name) extern __shared__ __align__(128) unsigned char name[]
/// SDFT_SHARED(float, sums, [32]);
#define SDFT_SHARED(type, name, dimensions) __shared__ type name dimensions
/// What SDFT_LAUNCH below does.
#define SDFT_START(kernel, grid, block, dynamic, stream, ...) kernel<<<(grid), (block), (dynamic), (stream)>>>(__VA_ARGS__)
/// Once for each kernel that takes more than 48 KiB.
#define SDFT_ALLOW_SHARED(kernel, bytes) cudaFuncSetAttribute((const void*)(kernel), cudaFuncAttributeMaxDynamicSharedMemorySize, (int)(bytes))
#define SDFT_UNROLL _Pragma("unroll")
#define SDFT_SITE
#define SDFT_PASS_SITE
#else
#include "cuda_emulator.h"
#define SDFT_UNROLL
#define SDFT_SITE , EMULATOR_SITE
#define SDFT_PASS_SITE , file_, line_
#endif
#include "kernels/cuda/launch_print.h"

/// `dynamic` is the block's shared memory in bytes. A kernel template of several parameters is named through a variable. Arguments are named twice, so they have no
/// effects. A launch may be left out because a recorded one takes its place (replay.h).
#define SDFT_LAUNCH(kernel, grid, block, dynamic, stream, ...)                                                                                        \
  do {                                                                                                                                               \
    if (::sdft::cuda::note_launch(::sdft::cuda::print_of(reinterpret_cast<const void*>(kernel), (grid), (block), static_cast<int64_t>(dynamic), __VA_ARGS__))) \
      SDFT_START(kernel, grid, block, dynamic, stream, __VA_ARGS__);                                                                                 \
  } while (0)

namespace sdft::cuda {

using bf16 = __nv_bfloat16;

constexpr unsigned kAllLanes = 0xffffffffu;

/// c (16, 8) += a (16, 16) · b (16, 8), floats += bf16 · bf16. Lane l holds of c the rows l / 4 and l / 4 + 8, columns 2 (l % 4) and + 1; of a those rows at
/// inner 2 (l % 4), + 1 and + 8, + 9; of b column l / 4 at the same inner places (PTX m16n8k16).
__device__ __forceinline__ void multiply_add(float (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2] SDFT_SITE) {
#ifdef __CUDACC__
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3},{%4,%5,%6,%7},{%8,%9},{%0,%1,%2,%3};"
               : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else
  emulator::multiply_add(c, a, b SDFT_PASS_SITE);
#endif
}

/// Four 8 × 8 matrices of bf16 from shared memory; lane l gives the address of row l % 8 of matrix l / 8, 16-byte aligned. r[i] is lane l's part of matrix i:
/// row l / 4, columns 2 (l % 4) and + 1.
__device__ __forceinline__ void load_matrices(uint32_t (&r)[4], const void* row SDFT_SITE) {
#ifdef __CUDACC__
  const unsigned address = static_cast<unsigned>(__cvta_generic_to_shared(row));
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3},[%4];" : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(address) : "memory");
#else
  emulator::load_matrices(false, r, row SDFT_PASS_SITE);
#endif
}

/// The same, each matrix transposed.
__device__ __forceinline__ void load_matrices_transposed(uint32_t (&r)[4], const void* row SDFT_SITE) {
#ifdef __CUDACC__
  const unsigned address = static_cast<unsigned>(__cvta_generic_to_shared(row));
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3},[%4];" : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(address) : "memory");
#else
  emulator::load_matrices(true, r, row SDFT_PASS_SITE);
#endif
}

/// Copies 16 bytes, both ends 16-byte aligned, past the registers; zeros unless `valid` (then `global` is not read, but must be an address).
__device__ __forceinline__ void copy_async(void* shared, const void* global, bool valid) {
#ifdef __CUDACC__
  const unsigned address = static_cast<unsigned>(__cvta_generic_to_shared(shared));
  const int bytes = valid ? 16 : 0;
  asm volatile("cp.async.cg.shared.global [%0],[%1],16,%2;" ::"r"(address), "l"(global), "r"(bytes) : "memory");
#else
  emulator::copy_async(shared, global, 16, valid ? 16 : 0);
#endif
}

/// Closes a group of copies.
__device__ __forceinline__ void commit_copies() {
#ifdef __CUDACC__
  asm volatile("cp.async.commit_group;" ::: "memory");
#else
  emulator::commit_copies();
#endif
}

/// Waits until at most kPending of this thread's groups are under way. A barrier makes what arrived visible to the block.
template <int kPending>
__device__ __forceinline__ void wait_copies() {
#ifdef __CUDACC__
  asm volatile("cp.async.wait_group %0;" ::"n"(kPending) : "memory");
#else
  emulator::wait_copies(kPending);
#endif
}

/// 2^x to about 2 units in the last place; results below 2⁻¹²⁶ are 0.
__device__ __forceinline__ float power_of_two(float x) {
#ifdef __CUDACC__
  float y;
  asm("ex2.approx.ftz.f32 %0,%1;" : "=f"(y) : "f"(x));
  return y;
#else
  return emulator::power_of_two(x);
#endif
}

__device__ __forceinline__ uint32_t pack_bf16(float low, float high) {
  const __nv_bfloat162 pair = __floats2bfloat162_rn(low, high);
  uint32_t word;
  memcpy(&word, &pair, sizeof word);
  return word;
}

__device__ __forceinline__ float low_bf16(uint32_t word) { return __uint_as_float(word << 16); }
__device__ __forceinline__ float high_bf16(uint32_t word) { return __uint_as_float(word & 0xffff0000u); }

/// Sums over the lanes of a warp, the same in each, in one fixed order.
template <class Real>
__device__ __forceinline__ Real warp_sum(Real value) {
  SDFT_UNROLL
  for (int step = 16; step > 0; step >>= 1) value += __shfl_xor_sync(kAllLanes, value, step);
  return value;
}

__device__ __forceinline__ float warp_largest(float value) {
  SDFT_UNROLL
  for (int step = 16; step > 0; step >>= 1) value = fmaxf(value, __shfl_xor_sync(kAllLanes, value, step));
  return value;
}

/// Sums over a block of kWarps warps; `slots` is shared and free again after the call.
template <int kWarps, class Real>
__device__ __forceinline__ Real block_sum(Real value, Real (&slots)[kWarps]) {
  value = warp_sum(value);
  if (threadIdx.x % 32 == 0) slots[threadIdx.x / 32] = value;
  __syncthreads();
  Real sum = 0;
  for (int i = 0; i < kWarps; ++i) sum += slots[i];
  __syncthreads();
  return sum;
}

template <int kWarps>
__device__ __forceinline__ float block_largest(float value, float (&slots)[kWarps]) {
  value = warp_largest(value);
  if (threadIdx.x % 32 == 0) slots[threadIdx.x / 32] = value;
  __syncthreads();
  float largest = slots[0];
  for (int i = 1; i < kWarps; ++i) largest = fmaxf(largest, slots[i]);
  __syncthreads();
  return largest;
}

/// The sum of four products of signed bytes, added to `sum`.
__device__ __forceinline__ int dot_bytes(uint32_t a, uint32_t b, int sum) {
#ifdef __CUDACC__
  return __dp4a(static_cast<int>(a), static_cast<int>(b), sum);
#else
  return emulator::dot_bytes(a, b, sum);
#endif
}

}  // namespace sdft::cuda
