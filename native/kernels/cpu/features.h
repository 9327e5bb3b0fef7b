// Which instruction sets this processor (and system) can run, and which one the kernels use.
#pragma once
#include <string>
#include <vector>

namespace sdft::cpu {

/// avx512digits takes floats as digits in products with weights of 4 and 8 bits: quicker where additions run beside multiplications (AMD), slower where they take turns (Intel).
/// avx512amx takes products to the matrix unit, those of integers and of floats. Where somebody else uses the same core's unit, vectors can be quicker.
enum class InstructionSet { plain, neon, avx2, avx512, avx512vnni, avx512digits, avx512amx };

const char* instruction_set_name(InstructionSet set);
/// Those that kernels are compiled for and this processor runs, the one to take where none is named last. Asks the system for the matrix unit's registers, for the whole process.
std::vector<InstructionSet> available_instruction_sets();
/// The last available one, or the one named by the environment variable SDFT_CPU. Throws Error("backend") if that one is unknown or cannot run here.
InstructionSet choose_instruction_set();
/// Whether one long stream that nobody asks for ahead comes quickest from memory: so with AMD's processors that have AVX-512 (twice as quick on Zen 4). To others one
/// reads several streams at once, and asks ahead.
bool reads_one_stream();
/// Whether a value that several vectors of 512 bits are multiplied by is better loaded once, apart, than by each multiplication: so where no more of them are loaded at a
/// time than multiplied (AMD's Zen 5, a tenth quicker). Where threads share a core's front end, fewer instructions are quicker.
bool broadcasts_apart();

}  // namespace sdft::cpu
