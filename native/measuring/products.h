// Products with frozen weights through a backend, forward and gradient, at the shapes and numbers of rows that are asked for.
#pragma once
#include <cstdint>
#include <vector>

#include "kernels/backend.h"

namespace sdft::measuring {

enum class Pass { forward, gradient };

struct ProductSpec {
  int64_t inputs, outputs;  // a multiple of 32 inputs where the type has blocks
  DType type;               // f32, bf16, q8_0, q4_0 or q4_1, kept as it is
  int64_t rows;
  Pass pass;
};

struct ProductTime {
  double seconds;       // of one product
  double weight_bytes;  // read by it
  double peak_gflops;   // multiply-adds of all threads right before and after, the better of both
};

/// Of a backend of so many threads. Each is timed with cold weights: copies are taken in turn, more of them than any cache holds. Beside each, the multiply-add
/// peak is taken: on a shared machine it moves from second to second. Throws Error("measuring") for another type.
std::vector<ProductTime> measure_products(Backend& backend, int threads, const std::vector<ProductSpec>& products);

}  // namespace sdft::measuring
