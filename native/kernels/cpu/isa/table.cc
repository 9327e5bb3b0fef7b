// The table of this instruction set.
#include "kernels/cpu/isa/table.h"

#include "kernels/cpu/isa/vector.h"

namespace sdft::SDFT_ISA {

#define SDFT_NAME_(x) #x
#define SDFT_NAME(x) SDFT_NAME_(x)

const cpu::Kernels& kernels() {
  static const cpu::Kernels table = {
      SDFT_NAME(SDFT_ISA), kPanel,
      zero, copy, add, scale, gather_rows, scatter_rows, rms_norm, add_rms_norm, rms_norm_backward, rope, gated, gated_backward, layer_norm,
      gelu, dropout, sum_of_squares, adamw, linear, /* linear_tall */ linear, linear_integer, logit_loss, linear_backward, gated_linear, gated_linear_backward, lora_forward,
      lora_backward, linear_cross_entropy, linear_divergence, logit_divergence, store_runs, attend, attend_backward, store_half_runs, attend_halves,
  };
  return table;
}

}  // namespace sdft::SDFT_ISA
