// The gated activation of the MLP: activation(gate) · up, with SiLU or the tanh form of GELU (Hendrycks & Gimpel 2016).
#pragma once
#include <cmath>

#include "kernels/backend.h"
#include "kernels/reference/matrix.h"

namespace sdft::reference {

struct ActivationPoint {
  double value, slope;
};

inline ActivationPoint activate(double x, Activation activation) {
  if (activation == Activation::silu) {
    const double sigmoid = 1 / (1 + std::exp(-x));
    return {x * sigmoid, sigmoid * (1 + x * (1 - sigmoid))};
  }
  constexpr double kRootTwoOverPi = 0.79788456080286535588, kCubic = 0.044715;
  const double tangent = std::tanh(kRootTwoOverPi * (x + kCubic * x * x * x));
  const double inner_slope = kRootTwoOverPi * (1 + 3 * kCubic * x * x);
  return {0.5 * x * (1 + tangent), 0.5 * (1 + tangent) + 0.5 * x * (1 - tangent * tangent) * inner_slope};
}

template <class Real>
void gated(Matrix<Real> out, Matrix<Real> gate, Matrix<Real> up, Activation activation) {
  for (int64_t r = 0; r < out.rows; ++r)
    for (int64_t c = 0; c < out.cols; ++c) out(r, c) = static_cast<Real>(activate(gate(r, c), activation).value * up(r, c));
}

template <class Real>
void gated_backward(Matrix<Real> dgate, Matrix<Real> dup, Matrix<Real> dout, Matrix<Real> gate, Matrix<Real> up, Activation activation) {
  for (int64_t r = 0; r < dout.rows; ++r) {
    for (int64_t c = 0; c < dout.cols; ++c) {
      const ActivationPoint point = activate(gate(r, c), activation);
      const double up_value = up(r, c), gradient = dout(r, c);  // read before dgate and dup, which may lie on gate and up
      dgate(r, c) = static_cast<Real>(gradient * up_value * point.slope);
      dup(r, c) = static_cast<Real>(gradient * point.value);
    }
  }
}

}  // namespace sdft::reference
