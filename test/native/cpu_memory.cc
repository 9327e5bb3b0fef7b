// Memory of the processor: what is handed out is aligned, zeroed, nobody else's, and goes back.
#include "kernels/cpu/memory.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <vector>

#include "harness.h"

namespace sdft::test {
namespace {

constexpr int64_t kKilobyte = 1024, kMegabyte = 1024 * kKilobyte;

bool all_are(const void* memory, int64_t bytes, char value) {
  const char* begin = static_cast<const char*>(memory);
  return std::all_of(begin, begin + bytes, [value](char byte) { return byte == value; });
}

/// Bytes that the process has mapped.
int64_t mapped() {
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  long pages = 0;
  if (file == nullptr || std::fscanf(file, "%ld", &pages) != 1) pages = -1;
  if (file != nullptr) std::fclose(file);
  return pages * int64_t{4096};
}

}  // namespace

CASE("cpu_memory.pieces are aligned, zeroed and apart, whatever goes back between them") {
  for (void* (*allocate)(int64_t) : {cpu::allocate_aligned, cpu::allocate_side_by_side}) {
    struct Piece {
      void* memory;
      int64_t bytes;
      char value;
    };
    std::vector<Piece> pieces;
    const int64_t sizes[] = {0, 1, 63, 64, 70 * kKilobyte, 300 * kKilobyte, 553 * kKilobyte, 3 * kMegabyte, 8 * kMegabyte - 128, 8 * kMegabyte, 9 * kMegabyte + 1};
    for (int turn = 0; turn < 40; ++turn) {
      const int64_t bytes = sizes[turn * 7 % 11];
      const auto value = static_cast<char>(turn + 1);
      void* memory = allocate(bytes);
      CHECK(reinterpret_cast<uintptr_t>(memory) % 64 == 0);
      CHECK(all_are(memory, bytes, 0));
      std::memset(memory, value, static_cast<size_t>(bytes));
      pieces.push_back({memory, bytes, value});
      if (turn % 3 != 2) continue;
      const Piece& gone = pieces[static_cast<size_t>(turn) / 2 % pieces.size()];
      CHECK(all_are(gone.memory, gone.bytes, gone.value));
      cpu::release_aligned(gone.memory);
      pieces.erase(pieces.begin() + (&gone - pieces.data()));
    }
    for (const Piece& piece : pieces) {
      CHECK(all_are(piece.memory, piece.bytes, piece.value));
      cpu::release_aligned(piece.memory);
    }
  }
}

CASE("cpu_memory.what lies side by side goes back to the system with its last piece") {
  const int64_t before = mapped();
  std::vector<void*> pieces;
  for (int i = 0; i < 200; ++i) pieces.push_back(cpu::allocate_side_by_side(553 * kKilobyte));
  const int64_t with = mapped();
  for (void* piece : pieces) cpu::release_aligned(piece);
  CHECK(with - before > 90 * kMegabyte && with - before < 180 * kMegabyte);
  CHECK(mapped() - before < 40 * kMegabyte);
}

CASE("cpu_memory.refuses what no system has") {
  for (void* (*allocate)(int64_t) : {cpu::allocate_aligned, cpu::allocate_side_by_side})
    for (int64_t bytes : {int64_t{-1}, INT64_MAX, INT64_MAX / 4}) check_throws("memory", [&] { allocate(bytes); });
  cpu::release_aligned(nullptr);
}

}  // namespace sdft::test
