// The exact GELU (Hendrycks & Gimpel 2016): x times the normal distribution function.
#pragma once
#include <cmath>

#include "kernels/reference/matrix.h"

namespace sdft::reference {

template <class Real>
void gelu(Matrix<Real> out, Matrix<Real> x) {
  constexpr double kRootHalf = 0.70710678118654752440;
  // 1 + erf(y) = erfc(−y), without the cancellation where y is far below 0.
  for (int64_t r = 0; r < x.rows; ++r)
    for (int64_t c = 0; c < x.cols; ++c) out(r, c) = static_cast<Real>(0.5 * x(r, c) * std::erfc(-kRootHalf * x(r, c)));
}

}  // namespace sdft::reference
