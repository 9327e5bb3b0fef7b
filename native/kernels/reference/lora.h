// LoRA (Hu et al. 2021): out += scale · (x · aᵀ) · bᵀ, and its gradients.
#pragma once
#include "kernels/reference/linear.h"

namespace sdft::reference {

template <class Real>
void lora_forward(Matrix<Real> out, Matrix<Real> t, Matrix<Real> x, Matrix<Real> a, Matrix<Real> b, double scale) {
  multiply_transposed(x, a, [&](int64_t n, int64_t r, double sum) { t(n, r) = static_cast<Real>(sum); });
  multiply_transposed(t, b, [&](int64_t n, int64_t o, double sum) {
    if (sum != 0) out(n, o) = static_cast<Real>(out(n, o) + scale * sum);  // adding +0 would turn −0 into +0
  });
}

/// dx.data null: the gradient of x is not wanted.
template <class Real>
void lora_backward(Matrix<Real> dx, Matrix<Real> da, Matrix<Real> db, Matrix<Real> dt, Matrix<Real> dout, Matrix<Real> x, Matrix<Real> t, Matrix<Real> a,
                   Matrix<Real> b, double scale, Write write) {
  multiply(dout, b, [&](int64_t n, int64_t r, double sum) { dt(n, r) = static_cast<Real>(scale * sum); });
  multiply_left_transposed(dout, t, [&](int64_t o, int64_t r, double sum) { db(o, r) = static_cast<Real>(db(o, r) + scale * sum); });
  multiply_left_transposed(dt, x, [&](int64_t r, int64_t i, double sum) { da(r, i) = static_cast<Real>(da(r, i) + sum); });
  if (!dx.data) return;
  multiply(dt, a, [&](int64_t n, int64_t i, double sum) { dx(n, i) = static_cast<Real>(write == Write::add ? dx(n, i) + sum : sum); });
}

}  // namespace sdft::reference
