// The head and the cross-entropy in one: only one row's logits are held.
#pragma once
#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/reference/matrix.h"

namespace sdft::reference {

/// dx.data null: the gradient is not wanted.
template <class Real>
void linear_cross_entropy(Matrix<Real> loss, Matrix<Real> dx, Matrix<Real> x, Matrix<const float> head, const int32_t* targets, double scale) {
  std::vector<double> logits(static_cast<size_t>(head.rows)), gradient(static_cast<size_t>(x.cols));
  for (int64_t r = 0; r < x.rows; ++r) {
    for (int64_t token = 0; token < head.rows; ++token) {
      double sum = 0;
      for (int64_t c = 0; c < x.cols; ++c) sum += static_cast<double>(x(r, c)) * head(token, c);
      logits[static_cast<size_t>(token)] = sum;
    }
    const double largest = *std::max_element(logits.begin(), logits.end());
    double sum = 0;
    for (double logit : logits) sum += std::exp(logit - largest);
    const double logsumexp = largest + std::log(sum);
    loss(r, 0) = static_cast<Real>(logsumexp - logits[static_cast<size_t>(targets[r])]);
    if (!dx.data) continue;
    std::fill(gradient.begin(), gradient.end(), 0.0);
    for (int64_t token = 0; token < head.rows; ++token) {
      const double difference = std::exp(logits[static_cast<size_t>(token)] - logsumexp) - (token == targets[r] ? 1 : 0);
      for (int64_t c = 0; c < x.cols; ++c) gradient[static_cast<size_t>(c)] += difference * head(token, c);
    }
    for (int64_t c = 0; c < x.cols; ++c) dx(r, c) = static_cast<Real>(scale * gradient[static_cast<size_t>(c)]);
  }
}

}  // namespace sdft::reference
