// Memory of a backend with an owner: released with the object.
#pragma once
#include <utility>

#include "kernels/backend.h"

namespace sdft {

class OwnedTensor {
 public:
  OwnedTensor() = default;
  /// Zeroed, contiguous (rows, cols).
  OwnedTensor(Backend& backend, int64_t rows, int64_t cols)
      : backend_(&backend), view_{backend.allocate(rows * cols * backend.real_bytes()), rows, cols, cols} {}
  OwnedTensor(OwnedTensor&& other) noexcept { swap(other); }
  OwnedTensor& operator=(OwnedTensor&& other) noexcept {
    swap(other);
    return *this;
  }
  ~OwnedTensor() {
    if (view_.data) backend_->release(view_.data);
  }

  Tensor view() const { return view_; }
  /// The first `rows` rows.
  Tensor top(int64_t rows) const { return {view_.data, rows, view_.cols, view_.stride}; }
  /// Rows [first, end).
  Tensor range(int64_t first, int64_t end) const {
    return {static_cast<char*>(view_.data) + first * view_.stride * backend_->real_bytes(), end - first, view_.cols, view_.stride};
  }
  explicit operator bool() const { return view_.data != nullptr; }

 private:
  void swap(OwnedTensor& other) {
    std::swap(backend_, other.backend_);
    std::swap(view_, other.view_);
  }
  Backend* backend_ = nullptr;
  Tensor view_;
};

class OwnedIndices {
 public:
  OwnedIndices() = default;
  OwnedIndices(Backend& backend, int64_t count)
      : backend_(&backend), view_{static_cast<int32_t*>(backend.allocate(count * int64_t{sizeof(int32_t)})), count} {}
  OwnedIndices(OwnedIndices&& other) noexcept { swap(other); }
  OwnedIndices& operator=(OwnedIndices&& other) noexcept {
    swap(other);
    return *this;
  }
  ~OwnedIndices() {
    if (view_.data) backend_->release(view_.data);
  }

  /// The first `count` integers.
  Indices top(int64_t count) const { return {view_.data, count}; }
  /// Integers [first, end).
  Indices range(int64_t first, int64_t end) const { return {view_.data + first, end - first}; }

 private:
  void swap(OwnedIndices& other) {
    std::swap(backend_, other.backend_);
    std::swap(view_, other.view_);
  }
  Backend* backend_ = nullptr;
  Indices view_;
};

}  // namespace sdft
