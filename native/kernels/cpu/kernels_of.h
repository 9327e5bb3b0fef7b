// Which kernels each instruction set has: a table of its own, or another's with some of them replaced.
#pragma once
#include "kernels/cpu/features.h"
#include "kernels/cpu/kernels.h"

namespace sdft::cpu {

/// One of available_instruction_sets().
const Kernels& kernels_of(InstructionSet set);

}  // namespace sdft::cpu
