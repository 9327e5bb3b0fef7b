// Moving and adding rows.
#pragma once
#include "kernels/reference/matrix.h"

namespace sdft::reference {

template <class Real>
void zero(Matrix<Real> out) {
  for (int64_t r = 0; r < out.rows; ++r)
    for (int64_t c = 0; c < out.cols; ++c) out(r, c) = 0;
}

template <class Real>
void copy(Matrix<Real> out, Matrix<Real> x) {
  for (int64_t r = 0; r < out.rows; ++r)
    for (int64_t c = 0; c < out.cols; ++c) out(r, c) = x(r, c);
}

template <class Real>
void add(Matrix<Real> out, Matrix<Real> x, Matrix<Real> y) {
  for (int64_t r = 0; r < out.rows; ++r)
    for (int64_t c = 0; c < out.cols; ++c) out(r, c) = x(r, c) + y(r, c);
}

template <class Real>
void gather_rows(Matrix<Real> out, Matrix<Real> x, const int32_t* rows) {
  for (int64_t r = 0; r < out.rows; ++r)
    for (int64_t c = 0; c < out.cols; ++c) out(r, c) = x(rows[r], c);
}

template <class Real>
void scatter_rows(Matrix<Real> out, Matrix<Real> x, const int32_t* rows) {
  zero(out);
  for (int64_t r = 0; r < x.rows; ++r)
    for (int64_t c = 0; c < x.cols; ++c) out(rows[r], c) = x(r, c);
}

template <class Real>
void embed(Matrix<Real> out, Matrix<const float> table, const int32_t* tokens, double scale) {
  for (int64_t r = 0; r < out.rows; ++r)
    for (int64_t c = 0; c < out.cols; ++c) out(r, c) = static_cast<Real>(scale * table(tokens[r], c));
}

}  // namespace sdft::reference
