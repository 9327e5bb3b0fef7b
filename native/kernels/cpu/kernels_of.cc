#include "kernels/cpu/kernels_of.h"

namespace sdft::cpu {
namespace {

#if defined(SDFT_KERNELS_X86)
Kernels with_vnni() {
  Kernels kernels = avx512::kernels();
  kernels.name = "avx512vnni";
  kernels.linear_integer = avx512vnni::linear_integer;
  return kernels;
}

Kernels with_digits() {
  Kernels kernels = with_vnni();
  kernels.name = "avx512digits";
  kernels.linear = kernels.linear_tall = avx512digits::linear;
  kernels.gated_linear = avx512digits::gated_linear;
  return kernels;
}
#endif

#if defined(SDFT_KERNELS_AMX)
Kernels with_amx() {
  Kernels kernels = with_vnni();
  kernels.name = "avx512amx";
  kernels.linear = avx512amx::linear;
  kernels.linear_integer = avx512amx::linear_integer;
  kernels.linear_tall = avx512amx::linear_tall;
  kernels.linear_backward = avx512amx::linear_backward;
  kernels.gated_linear = avx512amx::gated_linear;
  kernels.gated_linear_backward = avx512amx::gated_linear_backward;
  kernels.linear_cross_entropy = avx512amx::linear_cross_entropy;
  kernels.linear_divergence = avx512amx::linear_divergence;
  return kernels;
}
#endif

}  // namespace

const Kernels& kernels_of(InstructionSet set) {
  switch (set) {
#if defined(SDFT_KERNELS_X86)
    case InstructionSet::avx2: return avx2::kernels();
    case InstructionSet::avx512: return avx512::kernels();
    case InstructionSet::avx512vnni: {
      static const Kernels kernels = with_vnni();
      return kernels;
    }
    case InstructionSet::avx512digits: {
      static const Kernels kernels = with_digits();
      return kernels;
    }
#endif
#if defined(SDFT_KERNELS_AMX)
    case InstructionSet::avx512amx: {
      static const Kernels kernels = with_amx();
      return kernels;
    }
#endif
#if defined(SDFT_KERNELS_NEON)
    case InstructionSet::neon: return neon::kernels();
#endif
    default: return plain::kernels();
  }
}

}  // namespace sdft::cpu
