#include "kernels/cpu/workspace.h"

#include "kernels/cpu/memory.h"

namespace sdft::cpu {

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
