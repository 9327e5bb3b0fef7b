// Kullback-Leibler divergence between the distributions that two hidden states give under one head.
#pragma once
#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/reference/integer.h"
#include "kernels/reference/linear.h"

namespace sdft::reference {

/// Logits → log-probabilities.
inline void log_softmax(std::vector<double>& logits) {
  const double largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (double logit : logits) sum += std::exp(logit - largest);
  const double normaliser = largest + std::log(sum);
  for (double& logit : logits) logit -= normaliser;
}

/// e^u − 1 − u, never negative: by its series where the terms of the difference nearly cancel.
inline double exp_beyond_tangent(double u) {
  if (std::abs(u) > 0.1) return std::exp(u) - 1 - u;
  double sum = 0, term = u * u / 2;
  for (int n = 3; n <= 12; ++n) {
    sum += term;
    term *= u / n;
  }
  return sum;
}

/// logits_of(row of x, out (V)) writes one row's logits.
template <class Real, class Logits>
void linear_divergence(Matrix<Real> kl, Matrix<Real> from, Matrix<Real> to, int64_t vocabulary, const Logits& logits_of) {
  std::vector<double> p(static_cast<size_t>(vocabulary)), q(p.size());
  for (int64_t r = 0; r < from.rows; ++r) {
    logits_of(from.row(r), p);
    logits_of(to.row(r), q);
    log_softmax(p);
    log_softmax(q);
    double sum = 0;
    for (size_t i = 0; i < p.size(); ++i) {
      const double u = q[i] - p[i];
      // Where e^u is out of range p is 0, or next to it.
      sum += u < 700 ? std::exp(p[i]) * exp_beyond_tangent(u) : std::exp(q[i]) - std::exp(p[i]) * (1 + u);
    }
    kl(r, 0) = static_cast<Real>(sum);
  }
}

template <class Real>
void linear_divergence(Matrix<Real> kl, Matrix<Real> from, Matrix<Real> to, Matrix<const float> head) {
  linear_divergence(kl, from, to, head.rows, [&](const Real* x, std::vector<double>& logits) {
    for (int64_t token = 0; token < head.rows; ++token) {
      double sum = 0;
      for (int64_t c = 0; c < head.cols; ++c) sum += static_cast<double>(x[c]) * head(token, c);
      logits[static_cast<size_t>(token)] = sum;
    }
  });
}

/// Of logits made by linear_integer.
template <class Real>
void linear_divergence_integer(Matrix<Real> kl, Matrix<Real> from, Matrix<Real> to, const Stored& head, int64_t vocabulary) {
  std::vector<Real> row(static_cast<size_t>(vocabulary));
  linear_divergence(kl, from, to, vocabulary, [&](Real* x, std::vector<double>& logits) {
    linear_integer<Real>({row.data(), 1, vocabulary, vocabulary}, {x, 1, from.cols, from.cols}, head, nullptr);
    std::copy(row.begin(), row.end(), logits.begin());
  });
}

}  // namespace sdft::reference
