// What libsdft_cuda.so exports. The addon opens it at run time, so that the CPU backends neither need it nor can be stopped by it.
#pragma once
#include <cstdint>

#include "kernels/backend.h"

namespace sdft::cuda {

/// Raised with any change of this file, of Backend or of what its arguments are made of.
constexpr int kAbi = 6;

constexpr int kMostDevices = 16;

struct DeviceFacts {
  char name[128];
  int major, minor;      // compute capability
  int multiprocessors;
  int64_t total_bytes, free_bytes;
};

/// What a plan of the device's memory has to know: src/engine/device-scratch.ts holds the same, and a test compares them.
struct PlannedSizes {
  int64_t page_rows, logit_bytes, sum_rows, workspace_bytes, tile_rows, split_keys, split_blocks;
  int64_t flash_heads[8], flash_group;  // heads cached in bf16, 0: none more; query heads to a key-value head at most
  int64_t largest_head;  // channels that attention takes
};

struct LibraryFacts {
  int runtime;           // 13000: CUDA 13.0
  char architectures[128];  // "80 86 89 90 100 120 and PTX"
  char cublaslt[160];    // its version, or why there is none
  char error[256];       // why there are no devices; empty otherwise
  int device_count;
  DeviceFacts devices[kMostDevices];
  PlannedSizes planned;
};

struct BackendOptions {
  int device;
  bool exact;            // float32 throughout, for checking
  bool batch_invariant;  // the same bits of a row whatever the batch: own products of fixed tiles, attention unsplit
};

using AbiFunction = int (*)();
using FactsFunction = void (*)(LibraryFacts*);
/// The caller owns the result. Throws sdft::Error.
using CreateFunction = Backend* (*)(const BackendOptions*);

}  // namespace sdft::cuda

extern "C" {
__attribute__((visibility("default"))) int sdft_cuda_abi();
__attribute__((visibility("default"))) void sdft_cuda_facts(sdft::cuda::LibraryFacts* facts);
__attribute__((visibility("default"))) sdft::Backend* sdft_cuda_create(const sdft::cuda::BackendOptions* options);
}
