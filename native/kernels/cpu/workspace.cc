#include "kernels/cpu/workspace.h"

#include <cstdlib>
#include <string>

#include "base/error.h"

namespace sdft::cpu {

// Large zeroed blocks come from calloc as untouched pages: a big activation buffer costs nothing until it is used. The block's own address stands in front.
void* allocate_aligned(int64_t bytes) {
  constexpr uintptr_t kAlignment = 64;
  void* block = bytes < 0 || bytes > INT64_MAX / 2 ? nullptr : std::calloc(1, static_cast<size_t>(bytes) + 2 * kAlignment);
  require(block != nullptr, "memory", "Expected " + std::to_string(bytes) + " bytes of memory but the system has no more");
  void* memory = reinterpret_cast<void*>((reinterpret_cast<uintptr_t>(block) + 2 * kAlignment - 1) & ~(kAlignment - 1));
  static_cast<void**>(memory)[-1] = block;
  return memory;
}

void release_aligned(void* memory) {
  if (memory != nullptr) std::free(static_cast<void**>(memory)[-1]);
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
