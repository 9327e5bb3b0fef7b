// RMSNorm (Zhang & Sennrich 2019).
#pragma once
#include <cmath>

#include "kernels/backend.h"
#include "kernels/reference/matrix.h"

namespace sdft::reference {

/// 1 / sqrt(mean(x²) + epsilon) of one row.
template <class Real>
double inverse_rms(const Real* x, int64_t cols, double epsilon) {
  double sum = 0;
  for (int64_t c = 0; c < cols; ++c) sum += static_cast<double>(x[c]) * x[c];
  return 1 / std::sqrt(sum / static_cast<double>(cols) + epsilon);
}

template <class Real>
void rms_norm(Matrix<Real> out, Matrix<Real> x, Matrix<Real> weight, double epsilon) {
  for (int64_t r = 0; r < x.rows; ++r) {
    const double inverse = inverse_rms(x.row(r), x.cols, epsilon);
    for (int64_t c = 0; c < x.cols; ++c) out(r, c) = static_cast<Real>(x(r, c) * inverse * weight(0, c));
  }
}

/// out = x · weight · inverse(x); the inverse's own derivative is −inverse³ · x / C.
template <class Real>
void rms_norm_backward(Matrix<Real> dx, Matrix<Real> dout, Matrix<Real> x, Matrix<Real> weight, double epsilon, Write write) {
  for (int64_t r = 0; r < x.rows; ++r) {
    const double inverse = inverse_rms(x.row(r), x.cols, epsilon);
    double sum = 0;
    for (int64_t c = 0; c < x.cols; ++c) sum += static_cast<double>(dout(r, c)) * weight(0, c) * x(r, c);
    const double along = inverse * inverse * inverse * sum / static_cast<double>(x.cols);
    for (int64_t c = 0; c < x.cols; ++c) {
      const double gradient = inverse * (static_cast<double>(dout(r, c)) * weight(0, c)) - x(r, c) * along;
      dx(r, c) = static_cast<Real>(write == Write::add ? dx(r, c) + gradient : gradient);
    }
  }
}

}  // namespace sdft::reference
