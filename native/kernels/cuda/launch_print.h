// A number for a launch and all its arguments, by which a step is known again.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace sdft::cuda {

/// Whether the launch is to be made (replay.cu).
bool note_launch(uint64_t print);

/// FNV-1a over words. Padding counts where there is some: structs that are launched in a step that comes again have none.
inline void mix_bytes(uint64_t& print, const void* bytes, size_t count) {
  for (size_t at = 0; at < count; at += sizeof(uint64_t)) {
    uint64_t word = 0;
    std::memcpy(&word, static_cast<const char*>(bytes) + at, count - at < sizeof word ? count - at : sizeof word);
    print = (print ^ word) * 0x100000001b3ull;
    print ^= print >> 29;
  }
}

template <class... Arguments>
uint64_t print_of(const Arguments&... arguments) {
  static_assert((std::is_trivially_copyable_v<Arguments> && ...), "kernels take their arguments by value");
  uint64_t print = 0xcbf29ce484222325ull;
  (mix_bytes(print, &arguments, sizeof arguments), ...);
  return print;
}

}  // namespace sdft::cuda
