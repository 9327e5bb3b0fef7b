// A Tensor as kernels take it: floats with a row stride.
#pragma once
#include <cstdint>

#include "kernels/tensor.h"

#ifdef __CUDACC__
#define SDFT_BOTH_SIDES __host__ __device__
#else
#define SDFT_BOTH_SIDES
#endif

namespace sdft::cuda {

struct Rows {
  float* data;
  int64_t rows, cols, stride;

  SDFT_BOTH_SIDES float* row(int64_t r) const { return data + r * stride; }
  SDFT_BOTH_SIDES explicit operator bool() const { return data != nullptr; }
};

inline Rows rows_of(Tensor tensor) { return {static_cast<float*>(tensor.data), tensor.rows, tensor.cols, tensor.stride}; }

/// Whether rows can be read 16 bytes at a time.
inline bool in_quads(const Rows& x) {
  return reinterpret_cast<uintptr_t>(x.data) % 16 == 0 && x.cols % 4 == 0 && (x.stride % 4 == 0 || x.rows <= 1);
}

inline int64_t round_up(int64_t value, int64_t step) { return (value + step - 1) / step * step; }
inline unsigned blocks_for(int64_t count, int64_t each) { return static_cast<unsigned>((count + each - 1) / each); }

}  // namespace sdft::cuda
