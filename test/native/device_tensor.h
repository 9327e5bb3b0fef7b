// Tensors and indices for tests: they own a backend's memory and copy values in and out as doubles.
#pragma once
#include <cstdint>
#include <vector>

#include "kernels/backend.h"

namespace sdft::test {

class DeviceTensor {
 public:
  /// Zeros, or `values` row-major. A stride beyond cols leaves gaps between the rows.
  DeviceTensor(Backend& backend, int64_t rows, int64_t cols, const std::vector<double>& values = {}, int64_t stride = 0) : backend_(backend) {
    stride = stride > 0 ? stride : cols;
    tensor_ = {backend.allocate(rows * stride * backend.real_bytes()), rows, cols, stride};
    if (!values.empty()) backend.upload(tensor_, values.data());
  }
  ~DeviceTensor() { backend_.release(tensor_.data); }
  DeviceTensor(const DeviceTensor&) = delete;
  DeviceTensor& operator=(const DeviceTensor&) = delete;

  operator Tensor() const { return tensor_; }
  std::vector<double> values() const {
    std::vector<double> out(static_cast<size_t>(tensor_.rows * tensor_.cols));
    backend_.download(out.data(), tensor_);
    return out;
  }

 private:
  Backend& backend_;
  Tensor tensor_;
};

class DeviceIndices {
 public:
  DeviceIndices(Backend& backend, const std::vector<int32_t>& values) : backend_(backend) {
    indices_ = {static_cast<int32_t*>(backend.allocate(static_cast<int64_t>(values.size() * sizeof(int32_t)))), static_cast<int64_t>(values.size())};
    backend.upload(indices_, values.data());
  }
  ~DeviceIndices() { backend_.release(indices_.data); }
  DeviceIndices(const DeviceIndices&) = delete;
  DeviceIndices& operator=(const DeviceIndices&) = delete;

  operator Indices() const { return indices_; }

 private:
  Backend& backend_;
  Indices indices_;
};

}  // namespace sdft::test
