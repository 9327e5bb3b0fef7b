// The emulator finds what it is for: each fault here is planted, and must be reported.
#include <cmath>

#include "emulated.h"
#include "kernels/cuda/device.cuh"

namespace sdft::test {
namespace {

using cuda::bf16;

void deadlock_kernel(float*) {
  if (threadIdx.x < 16) __shfl_sync(0xffffffffu, 1, 0);
  else __syncthreads();
}
void different_barriers_kernel(float*) {
  if (threadIdx.x < 32) __syncthreads();
  else
    __syncthreads();
}
void leaving_kernel(float*) {
  if (threadIdx.x == 3) return;
  __syncthreads();
}
void wrong_mask_kernel(float*) {
  if (threadIdx.x < 8) __shfl_sync(0xf0u, 1, 4);
}
void departed_lane_kernel(float*) {
  if (threadIdx.x == 31) return;
  __shfl_sync(0xffffffffu, 1, 0);
}
void misaligned_matrix_kernel(float*) {
  SDFT_DYNAMIC_SHARED(memory);
  uint32_t words[4];
  cuda::load_matrices(words, memory + threadIdx.x * 16 + 2);
}
void outside_matrix_kernel(float* global) {
  uint32_t words[4];
  cuda::load_matrices(words, global);
}
void unwaited_copy_kernel(float* global) {
  SDFT_DYNAMIC_SHARED(memory);
  cuda::copy_async(memory, global, true);
  cuda::commit_copies();
}
void copy_past_the_end_kernel(float* global) {
  SDFT_DYNAMIC_SHARED(memory);
  cuda::copy_async(memory + 512, global, true);
}
void unset_shared_kernel(float* out) {
  SDFT_SHARED(float, value, [1]);
  out[0] = value[0];
}

struct Fault {
  const char* name;
  void (*kernel)(float*);
  const char* report;
};

std::string run(void (*kernel)(float*), size_t dynamic_bytes, float* memory) {
  emulator::settings = {};
  cudaStream_t stream;
  cudaStreamCreateWithFlags(&stream, 0);
  std::string report = "nothing";
  try {
    SDFT_LAUNCH(kernel, dim3(1), dim3(64), dynamic_bytes, stream, memory);
  } catch (const std::exception& error) {
    report = error.what();
  }
  cudaStreamDestroy(stream);
  return report;
}

CASE("emulator.reports each planted fault") {
  alignas(16) float memory[64] = {};
  for (const Fault& fault : std::vector<Fault>{{"deadlock", deadlock_kernel, "deadlock"},
                                               {"two barriers", different_barriers_kernel, "different barriers"},
                                               {"a thread that leaves", leaving_kernel, "left"},
                                               {"a mask without the caller", wrong_mask_kernel, "does not contain the calling lane"},
                                               {"a mask with a lane that left", departed_lane_kernel, "left"},
                                               {"a misaligned matrix load", misaligned_matrix_kernel, "not 16-byte aligned"},
                                               {"a matrix load from global memory", outside_matrix_kernel, "outside this block's shared memory"},
                                               {"a copy that is not waited for", unwaited_copy_kernel, "did not wait for"},
                                               {"a copy past the end", copy_past_the_end_kernel, "outside this block's shared memory"}}) {
    const std::string report = run(fault.kernel, 512, memory);
    if (report.find(fault.report) == std::string::npos) fail(std::string(fault.name) + ": reported " + report);
  }
  run(unset_shared_kernel, 0, memory);
  CHECK(std::isnan(memory[0]));
  CHECK(run(unset_shared_kernel, 64 * 1024, memory).find("more dynamic shared memory") != std::string::npos);
}

CASE("emulator.a lazy stream copies from pinned memory when it is waited for") {
  emulator::settings = {};
  emulator::settings.streams = emulator::Timing::lazy;
  cudaStream_t stream;
  cudaStreamCreateWithFlags(&stream, 0);
  void *pinned, *device;
  cudaMallocHost(&pinned, 4);
  cudaMalloc(&device, 8);
  int pageable = 1, result[2] = {};
  *static_cast<int*>(pinned) = 1;
  cudaMemcpyAsync(device, pinned, 4, cudaMemcpyHostToDevice, stream);
  cudaMemcpyAsync(static_cast<int*>(device) + 1, &pageable, 4, cudaMemcpyHostToDevice, stream);
  *static_cast<int*>(pinned) = 2;  // too early
  pageable = 2;                    // fine
  cudaMemcpyAsync(result, device, 8, cudaMemcpyDeviceToHost, stream);
  CHECK(result[0] == 0);
  cudaStreamSynchronize(stream);
  CHECK(result[0] == 2 && result[1] == 1);
  cudaFree(device);
  cudaFreeHost(pinned);
  cudaStreamDestroy(stream);
}

CASE("emulator.matrix products and loads lay their fragments out as PTX says") {
  // A product with the identity gives the other side back, through loads of both kinds.
  emulator::settings = {};
  cudaStream_t stream;
  cudaStreamCreateWithFlags(&stream, 0);
  std::vector<float> out(16 * 8, -1);
  const auto kernel = +[](float* to) {
    SDFT_DYNAMIC_SHARED(memory);
    bf16 *a = reinterpret_cast<bf16*>(memory), *b = a + 256;  // a (16, 16) identity; b (16, 16): 16 k + n, exact in bf16 below 256
    for (int i = static_cast<int>(threadIdx.x); i < 256; i += 32) {
      a[i] = __float2bfloat16_rn(i / 16 == i % 16 ? 1.0f : 0.0f);
      b[i] = __float2bfloat16_rn(static_cast<float>(i));
    }
    __syncthreads();
    const int lane = static_cast<int>(threadIdx.x);
    uint32_t left[4], right[4];
    cuda::load_matrices(left, a + lane % 16 * 16 + lane / 16 * 8);
    cuda::load_matrices_transposed(right, b + lane % 16 * 16 + lane / 16 * 8);
    float c[4] = {};
    const uint32_t first[2] = {right[0], right[1]};
    cuda::multiply_add(c, left, first);
    for (int e = 0; e < 4; ++e) to[(lane / 4 + e / 2 * 8) * 8 + lane % 4 * 2 + e % 2] = c[e];
  };
  SDFT_LAUNCH(kernel, dim3(1), dim3(32), 1024, stream, out.data());
  for (int k = 0; k < 16; ++k)
    for (int n = 0; n < 8; ++n) CHECK(out[static_cast<size_t>(k * 8 + n)] == static_cast<float>(16 * k + n));
  cudaStreamDestroy(stream);
}

}  // namespace
}  // namespace sdft::test
