// The compilers' own detection asks the processor and the system (saved registers) alike; only the matrix unit's registers have to be asked for.
#include "kernels/cpu/features.h"

#if defined(SDFT_KERNELS_X86)
#include <cpuid.h>
#endif
#if defined(SDFT_KERNELS_AMX) && defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include <cstdlib>
#include <utility>

#include "base/error.h"

namespace sdft::cpu {

#if defined(SDFT_KERNELS_AMX)
namespace {

/// Whether the processor has the matrix unit with products of bytes and bfloat16, and the system lets this process use its registers. Linux grants them when asked,
/// to all threads of the process.
bool ask_for_matrix_unit() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  constexpr unsigned kTile = 1u << 24, kInt8 = 1u << 25, kBf16 = 1u << 22, kWanted = kTile | kInt8 | kBf16;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0 || (d & kWanted) != kWanted || !__builtin_cpu_supports("avx512vbmi")) return false;
#if defined(__linux__)
  constexpr long kRequestPermission = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
#else
  return false;
#endif
}

}  // namespace
#endif

const char* instruction_set_name(InstructionSet set) {
  switch (set) {
    case InstructionSet::plain: return "plain";
    case InstructionSet::neon: return "neon";
    case InstructionSet::avx2: return "avx2";
    case InstructionSet::avx512: return "avx512";
    case InstructionSet::avx512vnni: return "avx512vnni";
    case InstructionSet::avx512digits: return "avx512digits";
    case InstructionSet::avx512amx: return "avx512amx";
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
    if (__builtin_cpu_supports("avx512vnni")) {
      sets.insert(sets.end(), {InstructionSet::avx512digits, InstructionSet::avx512vnni});
      if (__builtin_cpu_is("amd")) std::swap(sets[sets.size() - 2], sets.back());
#if defined(SDFT_KERNELS_AMX)
      if (ask_for_matrix_unit()) sets.push_back(InstructionSet::avx512amx);
#endif
    }
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

bool reads_one_stream() {
#if defined(SDFT_KERNELS_X86)
  __builtin_cpu_init();
  return __builtin_cpu_is("amd") && __builtin_cpu_supports("avx512f");
#else
  return false;
#endif
}

bool broadcasts_apart() {
#if defined(SDFT_KERNELS_X86)
  __builtin_cpu_init();
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (!__builtin_cpu_is("amd") || !__builtin_cpu_supports("avx512f") || __get_cpuid(1, &a, &b, &c, &d) == 0) return false;
  constexpr unsigned kZen5 = 26;
  return (a >> 8 & 0xF) + (a >> 20 & 0xFF) >= kZen5;
#else
  return false;
#endif
}

}  // namespace sdft::cpu
