// What the tensor cores multiply: activations and weights as bf16, rows padded with zeros to a multiple of eight.
#pragma once
#include "kernels/cuda/kernels.h"

namespace sdft::cuda {

struct Operand {
  const bf16* data;
  int64_t stride;
};

/// x rounded into scratch memory.
Operand round_rows(const Context& context, Tensor x, Scratch::Slot slot);
/// The weight itself where it is bf16, else unpacked and rounded into scratch memory.
Operand bf16_weight(const Context& context, const DeviceWeight& weight);
/// The same as f32, for exact products.
struct FloatOperand {
  const float* data;
  int64_t stride;
};
FloatOperand float_weight(const Context& context, const DeviceWeight& weight);

}  // namespace sdft::cuda
