// Products of a few rows: the weights pass through the registers once, unpacked there, and everything is float32.
#pragma once
#include "kernels/cuda/kernels.h"

namespace sdft::cuda {

/// Rows that one pass over the weights takes.
constexpr int64_t kSkinnyRows = 8;
/// Whether `skinny_product` takes them: any number of rows, kSkinnyRows to a pass.
bool fits_skinny(const DeviceWeight& weight, Tensor x);
/// out (N, O) = x · weightᵀ (+ bias).
void skinny_product(const Context& context, Tensor out, Tensor x, const DeviceWeight& weight, Tensor bias);

}  // namespace sdft::cuda
