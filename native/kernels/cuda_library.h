// Opens libsdft_cuda.so, which holds the cuda backend: beside the addon, or where $SDFT_CUDA_LIB says. Three facts are kept apart: the library, the driver, the
// devices.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "kernels/backend.h"
#include "kernels/cuda/library.h"

namespace sdft {

struct CudaFacts {
  bool usable;                       // there is a device that the library can run on
  std::string library;               // built for which architectures, or why there is none
  std::string driver;                // its version, or none
  std::vector<std::string> devices;  // name, compute capability, memory
  std::string reason;                // why not usable; what was chosen otherwise
  std::string used;                  // if usable: what results depend on beside the engine, card and libraries
  int64_t free_bytes = 0, total_bytes = 0;  // of the device that is used
  cuda::PlannedSizes planned{};             // zeros without a library
};

/// Asked anew each time: devices come and go.
CudaFacts cuda_facts();
/// Throws Error("backend") with the reason where cuda_facts() says that it is not usable.
std::unique_ptr<Backend> make_cuda(bool batch_invariant);
/// Whether it rounds operands of products to bf16, as it does unless SDFT_CUDA_EXACT is set (empty and 0: not set).
bool cuda_rounds();

}  // namespace sdft
