// Rotary position embedding (Su et al. 2021), half rotation as Hugging Face orders it: channel i of a head turns with channel i + D/2.
#pragma once
#include <cmath>

#include "kernels/backend.h"
#include "kernels/reference/matrix.h"

namespace sdft::reference {

template <class Real>
void rope_table(Matrix<Real> cosines, Matrix<Real> sines, const int32_t* positions, const double* frequencies, double scale) {
  for (int64_t r = 0; r < cosines.rows; ++r) {
    for (int64_t i = 0; i < cosines.cols; ++i) {
      const double angle = positions[r] * frequencies[i];
      cosines(r, i) = static_cast<Real>(scale * std::cos(angle));
      sines(r, i) = static_cast<Real>(scale * std::sin(angle));
    }
  }
}

template <class Real>
void rope(Matrix<Real> x, Matrix<Real> cosines, Matrix<Real> sines, int64_t head_size, Rotation rotation) {
  const int64_t half = head_size / 2;
  const double sign = rotation == Rotation::forward ? 1 : -1;
  for (int64_t r = 0; r < x.rows; ++r) {
    for (int64_t head = 0; head < x.cols / head_size; ++head) {
      for (int64_t i = 0; i < half; ++i) {
        Real &low = x(r, head * head_size + i), &high = x(r, head * head_size + i + half);
        const double a = low, b = high, cosine = cosines(r, i), sine = sign * sines(r, i);
        low = static_cast<Real>(a * cosine - b * sine);
        high = static_cast<Real>(b * cosine + a * sine);
      }
    }
  }
}

}  // namespace sdft::reference
