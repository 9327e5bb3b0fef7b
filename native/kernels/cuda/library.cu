// What the library says about itself and the devices.
#include "kernels/cuda/library.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <iterator>
#include <string>

#include "kernels/cuda/attention.h"
#include "kernels/cuda/cublaslt.h"
#include "kernels/cuda/float_product.h"

#ifndef SDFT_CUDA_ARCHITECTURES
#define SDFT_CUDA_ARCHITECTURES "none"
#endif

namespace sdft::cuda {
namespace {

template <size_t kSize>
void put(char (&out)[kSize], const std::string& text) { std::snprintf(out, kSize, "%s", text.c_str()); }

PlannedSizes planned_sizes() {
  PlannedSizes sizes{kPageRows, kLogitBytes, kStretch, static_cast<int64_t>(kWorkspace), kTileRows, kSplitKeys, kSplitBlocks, {}, kLargestFlashGroup, kLargestHead};
  size_t found = 0;
  for (int64_t head = 1; head <= kLargestHead; ++head)
    if (flash_takes(head, 1) && found < std::size(sizes.flash_heads)) sizes.flash_heads[found++] = head;
  return sizes;
}

}  // namespace
}  // namespace sdft::cuda

int sdft_cuda_abi() { return sdft::cuda::kAbi; }

void sdft_cuda_facts(sdft::cuda::LibraryFacts* facts) {
  using namespace sdft::cuda;
  std::memset(facts, 0, sizeof *facts);
  facts->planned = planned_sizes();
  cudaRuntimeGetVersion(&facts->runtime);
  put(facts->architectures, SDFT_CUDA_ARCHITECTURES);
  const cudaError_t status = cudaGetDeviceCount(&facts->device_count);
  if (status != cudaSuccess) {
    facts->device_count = 0;
    put(facts->error, cudaGetErrorString(status));
    cudaGetLastError();
    return;
  }
  facts->device_count = std::min(facts->device_count, kMostDevices);
  for (int i = 0; i < facts->device_count; ++i) {
    cudaDeviceProp properties;
    if (cudaGetDeviceProperties(&properties, i) != cudaSuccess) continue;
    DeviceFacts& device = facts->devices[i];
    put(device.name, properties.name);
    device.major = properties.major;
    device.minor = properties.minor;
    device.multiprocessors = properties.multiProcessorCount;
    size_t free = 0, total = 0;
    // Free memory is of the device that is set: making a context on each only to ask would take memory of its own.
    if (i == 0 && cudaMemGetInfo(&free, &total) == cudaSuccess) device.free_bytes = static_cast<int64_t>(free);
    device.total_bytes = static_cast<int64_t>(properties.totalGlobalMem);
  }
  if (facts->device_count == 0) return;
  std::string why;
  const auto lt = CublasLt::open(why);
  put(facts->cublaslt, lt ? std::to_string(lt->version()) : why);
}
