// Products with weights of 4 or 8 bits; avx512amx::linear (kernels/cpu/kernels.h) makes them too.
#pragma once
#include "kernels/cpu/kernels.h"

namespace sdft::SDFT_ISA {

/// linear of activation(gate) · up, which stands nowhere.
void gated_linear_in_digits(const cpu::Context& context, Tensor out, Tensor gate, Tensor up, Activation activation, const cpu::PackedWeight& weight, Tensor bias);

}  // namespace sdft::SDFT_ISA
