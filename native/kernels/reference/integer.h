// Products in integers: activations quantised as backend.h says, exact sums within a group, groups added in their order.
#pragma once
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "kernels/reference/matrix.h"
#include "kernels/reference/weight.h"

namespace sdft::reference {

/// One row of activations: x ≈ scales[group] · quants.
template <class Real>
struct QuantizedRow {
  std::vector<int32_t> quants;
  std::vector<Real> scales;
};

template <class Real>
QuantizedRow<Real> quantize_row(const Real* x, int64_t count) {
  QuantizedRow<Real> row{std::vector<int32_t>(static_cast<size_t>(count)), {}};
  for (int64_t first = 0; first < count; first += kGroup) {
    Real largest = 0;
    bool number = true;
    for (int64_t i = first; i < first + kGroup; ++i) {
      largest = std::max(largest, std::abs(x[i]));
      number = number && !std::isnan(x[i]);
    }
    const bool zero = largest < static_cast<Real>(7.8886e-31f);
    const Real inverse = zero ? 0 : 127 / largest;
    row.scales.push_back(!number ? std::numeric_limits<Real>::quiet_NaN() : zero ? 0 : largest / 127);
    for (int64_t i = first; i < first + kGroup; ++i) {
      const Real quant = std::nearbyint(x[i] * inverse);
      row.quants[static_cast<size_t>(i)] = number && std::isfinite(quant) ? static_cast<int32_t>(quant) : 0;
    }
  }
  return row;
}

/// bias: null, or O elements.
template <class Real>
void linear_integer(Matrix<Real> out, Matrix<Real> x, const Stored& weight, const Real* bias) {
  const int64_t group = group_of(weight.form), groups = x.cols / group;
  for (int64_t n = 0; n < x.rows; ++n) {
    const QuantizedRow<Real> row = quantize_row(x.row(n), x.cols);
    for (int64_t o = 0; o < out.cols; ++o) {
      double sum = 0;
      for (int64_t g = 0; g < groups; ++g) {
        int64_t product = 0, total = 0;
        for (int64_t i = g * group; i < (g + 1) * group; ++i) {
          const int64_t quant = row.quants[static_cast<size_t>(i)];
          product += quant * weight.quants[static_cast<size_t>(o * x.cols + i)];
          total += quant;
        }
        const auto at = static_cast<size_t>(o * groups + g);
        const double scale = row.scales[static_cast<size_t>(g * group / kGroup)];
        sum += scale * (static_cast<double>(weight.scales[at]) * static_cast<double>(product) + static_cast<double>(weight.minima[at]) * static_cast<double>(total));
      }
      out(n, o) = static_cast<Real>(bias ? sum + static_cast<double>(bias[o]) : sum);
    }
  }
}

/// loss (M, 1) = log Σ e^logits − logits[target], of logits made by linear_integer.
template <class Real>
void linear_cross_entropy_integer(Matrix<Real> loss, Matrix<Real> x, const Stored& head, int64_t vocabulary, const int32_t* targets) {
  std::vector<Real> logits(static_cast<size_t>(vocabulary));
  for (int64_t r = 0; r < x.rows; ++r) {
    linear_integer<Real>({logits.data(), 1, vocabulary, vocabulary}, {x.row(r), 1, x.cols, x.cols}, head, nullptr);
    const double largest = *std::max_element(logits.begin(), logits.end());
    double sum = 0;
    for (Real logit : logits) sum += std::exp(logit - largest);
    loss(r, 0) = static_cast<Real>(largest + std::log(sum) - logits[static_cast<size_t>(targets[r])]);
  }
}

}  // namespace sdft::reference
