// What the reference kernels work on: a row-major view with real elements. Their sums are taken in double, one accumulator an element in the order of the
// summed index, and rounded once, so in float too they are an oracle for faster kernels.
#pragma once
#include <cstdint>

#include "kernels/tensor.h"

namespace sdft::reference {

template <class Element>
struct Matrix {
  Element* data;
  int64_t rows, cols, stride;

  Element* row(int64_t r) const { return data + r * stride; }
  Element& operator()(int64_t r, int64_t c) const { return data[r * stride + c]; }
};

template <class Real>
Matrix<Real> matrix(Tensor tensor) {
  return {static_cast<Real*>(tensor.data), tensor.rows, tensor.cols, tensor.stride};
}

}  // namespace sdft::reference
