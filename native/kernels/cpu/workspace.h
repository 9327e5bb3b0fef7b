// Scratch memory of a backend: a few shared buffers and one for each worker. They grow to what was ever asked and are reused, so that a step allocates
// nothing once warm. Contents are lost at the next request of the same slot.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

namespace sdft::cpu {

class Workspace {
 public:
  explicit Workspace(int workers);
  ~Workspace();
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;

  /// `slot` 0 … kSlots − 1: buffers that live side by side.
  static constexpr int kSlots = 8;
  float* shared(int slot, int64_t floats);
  /// Of worker `worker` alone; called from inside its task.
  float* local(int worker, int64_t floats);

 private:
  struct Buffer {
    float* data = nullptr;
    int64_t floats = 0;
    char apart[48];  // neighbours are grown by different threads
  };
  static float* grow(Buffer& buffer, int64_t floats);
  Buffer shared_[kSlots];
  std::vector<Buffer> local_;
};

}  // namespace sdft::cpu
