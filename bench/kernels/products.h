// The frozen products of real models through the cpu backend: forward and gradient, at 1 to 2,048 rows.
#pragma once
#include <string>
#include <vector>

#include "base/dtype.h"

namespace sdft::bench {

struct ProductOptions {
  int threads;
  std::vector<int> rows;
  DType stored;  // f32, or bf16
};

/// Prints a line for each shape and number of rows. Weights are cold: copies are taken in turn, more of them than any cache holds.
void measure_products(const ProductOptions& options);

}  // namespace sdft::bench
