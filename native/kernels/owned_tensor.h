// Memory of a backend: as it is seen, and with an owner, with whom it is released.
#pragma once
#include <utility>

#include "kernels/backend.h"

namespace sdft {

/// A matrix whose memory someone else holds.
class Buffer {
 public:
  Buffer() = default;
  Buffer(Backend& backend, Tensor view) : backend_(&backend), view_(view) {}

  Tensor view() const { return view_; }
  /// The first `rows` rows.
  Tensor top(int64_t rows) const { return {view_.data, rows, view_.cols, view_.stride}; }
  /// Rows [first, end).
  Tensor range(int64_t first, int64_t end) const {
    return {static_cast<char*>(view_.data) + first * view_.stride * backend_->real_bytes(), end - first, view_.cols, view_.stride};
  }
  explicit operator bool() const { return view_.data != nullptr; }

 protected:
  Backend* backend_ = nullptr;
  Tensor view_;
};

class OwnedTensor : public Buffer {
 public:
  OwnedTensor() = default;
  /// Zeroed, contiguous (rows, cols).
  OwnedTensor(Backend& backend, int64_t rows, int64_t cols) : Buffer(backend, {backend.allocate(rows * cols * backend.real_bytes()), rows, cols, cols}) {}
  OwnedTensor(OwnedTensor&& other) noexcept { swap(other); }
  OwnedTensor& operator=(OwnedTensor&& other) noexcept {
    swap(other);
    return *this;
  }
  ~OwnedTensor() {
    if (view_.data) backend_->release(view_.data);
  }

 private:
  void swap(OwnedTensor& other) {
    std::swap(backend_, other.backend_);
    std::swap(view_, other.view_);
  }
};

/// Integers whose memory someone else holds.
class IndexBuffer {
 public:
  IndexBuffer() = default;
  explicit IndexBuffer(Indices view) : view_(view) {}

  /// The first `count` integers.
  Indices top(int64_t count) const { return {view_.data, count}; }
  /// Integers [first, end).
  Indices range(int64_t first, int64_t end) const { return {view_.data + first, end - first}; }

 protected:
  Indices view_;
};

class OwnedIndices : public IndexBuffer {
 public:
  OwnedIndices() = default;
  OwnedIndices(Backend& backend, int64_t count)
      : IndexBuffer({static_cast<int32_t*>(backend.allocate(count * int64_t{sizeof(int32_t)})), count}), backend_(&backend) {}
  OwnedIndices(OwnedIndices&& other) noexcept { swap(other); }
  OwnedIndices& operator=(OwnedIndices&& other) noexcept {
    swap(other);
    return *this;
  }
  ~OwnedIndices() {
    if (view_.data) backend_->release(view_.data);
  }

 private:
  void swap(OwnedIndices& other) {
    std::swap(backend_, other.backend_);
    std::swap(view_, other.view_);
  }
  Backend* backend_ = nullptr;
};

}  // namespace sdft
