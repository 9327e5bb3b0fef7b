// Matrix products. Rows are taken a few at a time only to read each weight less often: every sum is still one accumulator in the order of the summed index.
#pragma once
#include <algorithm>
#include <vector>

#include "kernels/backend.h"
#include "kernels/reference/matrix.h"

namespace sdft::reference {

/// write(n, o, Σ_i x(n, i) · w(o, i)) for x (N, I), w (O, I).
template <class X, class W, class Sink>
void multiply_transposed(Matrix<X> x, Matrix<W> w, const Sink& write) {
  constexpr int64_t kRows = 64;
  std::vector<double> turned(static_cast<size_t>(x.cols * kRows));  // (I, rows): neighbouring rows lie side by side
  double sums[kRows];
  for (int64_t first = 0; first < x.rows; first += kRows) {
    const int64_t rows = std::min(kRows, x.rows - first);
    for (int64_t n = 0; n < rows; ++n)
      for (int64_t i = 0; i < x.cols; ++i) turned[static_cast<size_t>(i * rows + n)] = x(first + n, i);
    for (int64_t o = 0; o < w.rows; ++o) {
      std::fill_n(sums, rows, 0.0);
      for (int64_t i = 0; i < x.cols; ++i) {
        const double weight = w(o, i);
        const double* column = turned.data() + i * rows;
        for (int64_t n = 0; n < rows; ++n) sums[n] += column[n] * weight;
      }
      for (int64_t n = 0; n < rows; ++n) write(first + n, o, sums[n]);
    }
  }
}

/// write(n, i, Σ_o x(n, o) · w(o, i)) for x (N, O), w (O, I).
template <class X, class W, class Sink>
void multiply(Matrix<X> x, Matrix<W> w, const Sink& write) {
  constexpr int64_t kRows = 16;
  std::vector<double> sums(static_cast<size_t>(kRows * w.cols));
  for (int64_t first = 0; first < x.rows; first += kRows) {
    const int64_t rows = std::min(kRows, x.rows - first);
    std::fill(sums.begin(), sums.end(), 0.0);
    for (int64_t o = 0; o < w.rows; ++o) {
      for (int64_t n = 0; n < rows; ++n) {
        const double value = x(first + n, o);
        double* sum = sums.data() + n * w.cols;
        for (int64_t i = 0; i < w.cols; ++i) sum[i] += value * w(o, i);
      }
    }
    for (int64_t n = 0; n < rows; ++n)
      for (int64_t i = 0; i < w.cols; ++i) write(first + n, i, sums[static_cast<size_t>(n * w.cols + i)]);
  }
}

/// write(o, i, Σ_n y(n, o) · x(n, i)) for y (N, O), x (N, I).
template <class Y, class X, class Sink>
void multiply_left_transposed(Matrix<Y> y, Matrix<X> x, const Sink& write) {
  std::vector<double> sums(static_cast<size_t>(x.cols));
  for (int64_t o = 0; o < y.cols; ++o) {
    std::fill(sums.begin(), sums.end(), 0.0);
    for (int64_t n = 0; n < y.rows; ++n) {
      const double value = y(n, o);
      for (int64_t i = 0; i < x.cols; ++i) sums[static_cast<size_t>(i)] += value * x(n, i);
    }
    for (int64_t i = 0; i < x.cols; ++i) write(o, i, sums[static_cast<size_t>(i)]);
  }
}

/// bias: null, or O elements.
template <class Real>
void linear(Matrix<Real> out, Matrix<Real> x, Matrix<const float> weight, const Real* bias) {
  multiply_transposed(x, weight, [&](int64_t n, int64_t o, double sum) { out(n, o) = static_cast<Real>(bias ? sum + bias[o] : sum); });
}

template <class Real>
void linear_backward(Matrix<Real> dx, Matrix<Real> dout, Matrix<const float> weight, Write write) {
  multiply(dout, weight, [&](int64_t n, int64_t i, double sum) { dx(n, i) = static_cast<Real>(write == Write::add ? dx(n, i) + sum : sum); });
}

}  // namespace sdft::reference
