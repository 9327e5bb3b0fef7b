// The compilers' own detection asks the processor and the system (saved registers) alike.
#include "kernels/cpu/features.h"

#include <cstdlib>

#include "base/error.h"

namespace sdft::cpu {

const char* instruction_set_name(InstructionSet set) {
  switch (set) {
    case InstructionSet::plain: return "plain";
    case InstructionSet::neon: return "neon";
    case InstructionSet::avx2: return "avx2";
    case InstructionSet::avx512: return "avx512";
    case InstructionSet::avx512vnni: return "avx512vnni";
  }
  return "";
}

std::vector<InstructionSet> available_instruction_sets() {
  std::vector<InstructionSet> sets{InstructionSet::plain};
#if defined(SDFT_KERNELS_NEON)
  sets.push_back(InstructionSet::neon);
#endif
#if defined(SDFT_KERNELS_X86)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c")) sets.push_back(InstructionSet::avx2);
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
    sets.push_back(InstructionSet::avx512);
    if (__builtin_cpu_supports("avx512vnni")) sets.push_back(InstructionSet::avx512vnni);
  }
#endif
  return sets;
}

InstructionSet choose_instruction_set() {
  const std::vector<InstructionSet> sets = available_instruction_sets();
  const char* forced = std::getenv("SDFT_CPU");
  if (forced == nullptr || *forced == '\0') return sets.back();
  std::string names;
  for (InstructionSet set : sets) {
    if (std::string(forced) == instruction_set_name(set)) return set;
    names += (names.empty() ? "" : ", ") + std::string(instruction_set_name(set));
  }
  throw Error("backend", "Expected SDFT_CPU to name an instruction set of this processor (" + names + ") but received \"" + forced + "\"");
}

}  // namespace sdft::cpu
