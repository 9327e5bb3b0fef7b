// One piece of a backend's memory, cut into buffers from its start: laid out anew, it is the same memory, already there and warm.
#pragma once
#include "kernels/owned_tensor.h"

namespace sdft {

class Region {
 public:
  /// Without memory: what is taken has none and is only counted.
  explicit Region(Backend& backend) : backend_(&backend) {}
  /// Zeroed at first.
  Region(Backend& backend, int64_t bytes) : backend_(&backend), bytes_(bytes), memory_(backend.allocate(bytes)) {}
  Region(const Region&) = delete;
  Region& operator=(const Region&) = delete;
  ~Region() {
    if (memory_) backend_->release(memory_);
  }

  int64_t bytes() const { return bytes_; }
  int64_t taken() const { return taken_; }
  /// Everything that was taken is given back; what it held may still stand there.
  void clear() { taken_ = 0; }

  /// Contiguous (rows, cols).
  Buffer tensor(int64_t rows, int64_t cols) { return {*backend_, {take(rows * cols * backend_->real_bytes()), rows, cols, cols}}; }
  IndexBuffer indices(int64_t count) { return IndexBuffer({static_cast<int32_t*>(take(count * int64_t{sizeof(int32_t)})), count}); }

 private:
  /// Aligned as the memory of every backend is, to the most that any kernel asks for.
  static constexpr int64_t kAlignment = 256;

  void* take(int64_t bytes) {
    void* memory = memory_ ? static_cast<char*>(memory_) + taken_ : nullptr;
    taken_ += (bytes + kAlignment - 1) / kAlignment * kAlignment;
    return memory;
  }

  Backend* backend_;
  int64_t bytes_ = 0, taken_ = 0;
  void* memory_ = nullptr;
};

}  // namespace sdft
