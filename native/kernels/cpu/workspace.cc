#include "kernels/cpu/workspace.h"

#include <sys/mman.h>

#include <cstdlib>
#include <string>

#include "base/error.h"

namespace sdft::cpu {

// Zeroed blocks come as untouched pages: a big activation buffer costs nothing until it is used.
namespace {

constexpr size_t kAlignment = 64;
/// From here on memory comes straight from the system and goes straight back: the heap would keep a training step's buffers after it.
constexpr size_t kMapFrom = size_t{256} << 10;

/// Stands in front of each piece of memory.
struct Origin {
  void* block;
  size_t mapped;  // bytes; 0 for heap memory
};

void* take_block(size_t bytes) {
  if (bytes < kMapFrom) return std::calloc(1, bytes);
  void* block = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (block != MAP_FAILED) madvise(block, bytes, MADV_HUGEPAGE);
  return block == MAP_FAILED ? nullptr : block;
}

}  // namespace

void* allocate_aligned(int64_t bytes) {
  static_assert(sizeof(Origin) <= kAlignment);
  const size_t whole = static_cast<size_t>(bytes) + 2 * kAlignment;
  void* block = bytes < 0 || bytes > INT64_MAX / 2 ? nullptr : take_block(whole);
  require(block != nullptr, "memory", "Expected " + std::to_string(bytes) + " bytes of memory but the system has no more");
  void* memory = reinterpret_cast<void*>((reinterpret_cast<uintptr_t>(block) + 2 * kAlignment - 1) & ~(kAlignment - 1));
  static_cast<Origin*>(memory)[-1] = {block, whole < kMapFrom ? 0 : whole};
  return memory;
}

void release_aligned(void* memory) {
  if (memory == nullptr) return;
  const Origin origin = static_cast<Origin*>(memory)[-1];
  if (origin.mapped > 0) munmap(origin.block, origin.mapped);
  else std::free(origin.block);
}

Workspace::Workspace(int workers) : local_(static_cast<size_t>(workers)) {}

Workspace::~Workspace() {
  for (Buffer& buffer : shared_) release_aligned(buffer.data);
  for (Buffer& buffer : local_) release_aligned(buffer.data);
}

float* Workspace::grow(Buffer& buffer, int64_t floats) {
  if (floats <= buffer.floats) return buffer.data;
  const int64_t wanted = floats + floats / 4;
  float* data = static_cast<float*>(allocate_aligned(wanted * int64_t{sizeof(float)}));
  release_aligned(buffer.data);
  buffer.data = data;
  buffer.floats = wanted;
  return data;
}

float* Workspace::shared(int slot, int64_t floats) { return grow(shared_[slot], floats); }
float* Workspace::local(int worker, int64_t floats) { return grow(local_[static_cast<size_t>(worker)], floats); }

}  // namespace sdft::cpu
