// Layer normalisation (Ba, Kiros & Hinton 2016).
#pragma once
#include <cmath>

#include "kernels/reference/matrix.h"

namespace sdft::reference {

template <class Real>
void layer_norm(Matrix<Real> out, Matrix<Real> x, Matrix<Real> weight, Matrix<Real> bias, double epsilon) {
  const auto count = static_cast<double>(x.cols);
  for (int64_t r = 0; r < x.rows; ++r) {
    double sum = 0, squares = 0;
    for (int64_t c = 0; c < x.cols; ++c) sum += x(r, c);
    const double mean = sum / count;
    for (int64_t c = 0; c < x.cols; ++c) squares += (x(r, c) - mean) * (x(r, c) - mean);
    const double inverse = 1 / std::sqrt(squares / count + epsilon);
    for (int64_t c = 0; c < x.cols; ++c) out(r, c) = static_cast<Real>((x(r, c) - mean) * inverse * weight(0, c) + bias(0, c));
  }
}

}  // namespace sdft::reference
