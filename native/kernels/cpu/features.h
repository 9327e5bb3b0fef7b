// Which instruction sets this processor (and system) can run, and which one the kernels use.
#pragma once
#include <string>
#include <vector>

namespace sdft::cpu {

enum class InstructionSet { plain, neon, avx2, avx512, avx512vnni };

const char* instruction_set_name(InstructionSet set);
/// Those that kernels are compiled for and this processor runs, the slowest first.
std::vector<InstructionSet> available_instruction_sets();
/// The best available one, or the one named by the environment variable SDFT_CPU. Throws Error("backend") if that one is unknown or cannot run here.
InstructionSet choose_instruction_set();

}  // namespace sdft::cpu
