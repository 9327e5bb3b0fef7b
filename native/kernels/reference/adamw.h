// AdamW (Loshchilov & Hutter 2019) with the operations of torch.optim.AdamW in its order, each rounded to Real as there (no sum: nothing to take in double).
// The two moments are fused products and sums, as torch 2.15 computes them on x86-64: the same bits.
#pragma once
#include <cmath>

#include "kernels/backend.h"
#include "kernels/reference/matrix.h"

namespace sdft::reference {

template <class Real>
double sum_of_squares(Matrix<Real> x) {
  double sum = 0;
  for (int64_t r = 0; r < x.rows; ++r)
    for (int64_t c = 0; c < x.cols; ++c) sum += static_cast<double>(x(r, c)) * x(r, c);
  return sum;
}

template <class Real>
void adamw(Matrix<Real> parameter, Matrix<Real> gradient, Matrix<Real> first_moment, Matrix<Real> second_moment, const AdamWStep& step) {
  const double correction1 = 1 - std::pow(step.beta1, static_cast<double>(step.step));
  const double correction2 = 1 - std::pow(step.beta2, static_cast<double>(step.step));
  const Real clip = static_cast<Real>(step.gradient_scale), keep = static_cast<Real>(1 - step.learning_rate * step.weight_decay);
  const Real toward = static_cast<Real>(1 - step.beta1), beta2 = static_cast<Real>(step.beta2), square_share = static_cast<Real>(1 - step.beta2);
  const Real root_correction2 = static_cast<Real>(std::sqrt(correction2)), epsilon = static_cast<Real>(step.epsilon);
  const Real step_size = static_cast<Real>(-(step.learning_rate / correction1));
  for (int64_t r = 0; r < parameter.rows; ++r) {
    for (int64_t c = 0; c < parameter.cols; ++c) {
      const Real g = gradient(r, c) * clip;
      Real &p = parameter(r, c), &m = first_moment(r, c), &v = second_moment(r, c);
      p *= keep;
      m = toward < Real{0.5} ? std::fma(toward, g - m, m) : std::fma(toward - 1, g - m, g);  // torch.lerp
      v = std::fma(square_share * g, g, v * beta2);
      p += step_size * m / (std::sqrt(v) / root_correction2 + epsilon);
    }
  }
}

}  // namespace sdft::reference
