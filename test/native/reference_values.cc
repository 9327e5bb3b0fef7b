// Forward methods of the reference backend against values worked out by hand or by the definition: gradients alone would agree with a wrong formula.
#include <cmath>

#include "device_tensor.h"
#include "harness.h"
#include "kernels/reference/reference.h"

namespace sdft::test {
namespace {

using Values = std::vector<double>;
constexpr Tolerance kRounding{1e-14, 1e-14};

CASE("reference.values of rms_norm") {
  const auto backend = make_reference_double();
  const DeviceTensor x(*backend, 2, 2, {3, 4, 0, 0}), weight(*backend, 1, 2, {1, 10}), out(*backend, 2, 2);
  backend->rms_norm(out, x, weight, 0.5);
  check_close("out", {3 / std::sqrt(13.0), 40 / std::sqrt(13.0), 0, 0}, out.values(), kRounding);
}

CASE("reference.values of rope") {
  const auto backend = make_reference_double();
  const double frequencies[] = {std::acos(0.0), 0};  // a quarter turn a position, and none
  const DeviceIndices positions(*backend, {1, 2});
  const DeviceTensor cosines(*backend, 2, 2), sines(*backend, 2, 2), x(*backend, 2, 8, {1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8});
  backend->rope_table(cosines, sines, positions, frequencies, 2);
  backend->rope(x, cosines, sines, 4, Rotation::forward);
  check_close("x", {-6, 4, 2, 8, -14, 12, 10, 16, -2, 4, -6, 8, -10, 12, -14, 16}, x.values(), kRounding);
}

CASE("reference.values of gated") {
  const auto backend = make_reference_double();
  const DeviceTensor gate(*backend, 1, 4, {0, 1, -2, 800}), up(*backend, 1, 4, {5, 2, 1, 1}), out(*backend, 1, 4);
  backend->gated(out, gate, up, Activation::silu);
  const double e = std::exp(1.0);
  check_close("silu", {0, 2 * e / (1 + e), -2 / (1 + e * e), 800}, out.values(), kRounding);
  backend->gated(out, gate, up, Activation::gelu_tanh);
  // torch.nn.functional.gelu(x, approximate="tanh") in double, torch 2.15.0
  check_close("gelu", {0, 2 * 0.8411919906082768, -0.04540230591222494, 800}, out.values(), kRounding);
}

CASE("reference.values of products") {
  const auto backend = make_reference_double();
  const std::vector<float> values = {1, 2, 3, 4, 5, 6};
  const Weight weight = backend->prepare_weight({values.data(), DType::f32, 3, 2, RowOrder::natural, 0}, WeightFormat::native);
  const DeviceTensor x(*backend, 2, 2, {1, 10, 2, -1}), bias(*backend, 1, 3, {100, 200, 300}), out(*backend, 2, 3), dx(*backend, 2, 2);
  backend->linear(out, x, weight, {});
  CHECK((out.values() == Values{21, 43, 65, 0, 2, 4}));
  backend->linear(out, x, weight, bias);
  CHECK((out.values() == Values{121, 243, 365, 100, 202, 304}));
  const DeviceTensor dout(*backend, 2, 3, {1, 0, 0, 0, 1, 10});
  backend->linear_backward(dx, dout, weight, Write::overwrite);
  CHECK((dx.values() == Values{1, 2, 53, 64}));
  const DeviceTensor a(*backend, 1, 2, {1, 1}), b(*backend, 3, 1, {1, 0, -1}), t(*backend, 2, 1);
  backend->lora_forward(out, t, x, a, b, 2);
  CHECK((out.values() == Values{143, 243, 343, 102, 202, 302}));
}

CASE("reference.values of linear_cross_entropy") {
  const auto backend = make_reference_double();
  const std::vector<float> values = {0, 0, 1, 0, 0, 1000};  // rows (0, 0), (1, 0), (0, 1000)
  const Weight head = backend->prepare_weight({values.data(), DType::f32, 3, 2, RowOrder::natural, 0}, WeightFormat::native);
  const DeviceTensor x(*backend, 3, 2, {0, 0, 1, -1, 0, 2}), loss(*backend, 3, 1), dx(*backend, 3, 2);
  const DeviceIndices targets(*backend, {1, 0, 1});
  backend->linear_cross_entropy(loss, dx, x, head, targets, 3);
  const double e = std::exp(1.0), share = e / (1 + e);
  check_close("loss", {std::log(3.0), std::log(1 + e), 2000}, loss.values(), kRounding);
  check_close("dx", {-2, 1000, 3 * share, 0, -3, 3000}, dx.values(), kRounding);
}

CASE("reference.values of attention") {
  const auto backend = make_reference_double();
  constexpr int64_t kRows = 6, kSize = 2;
  const std::vector<float> numbers = random_floats(kRows * kSize * 4, 1);
  const auto number = [&](int64_t which, int64_t row, int64_t d) { return static_cast<double>(numbers[static_cast<size_t>((which * kRows + row) * kSize + d)]); };
  const auto rows = [&](int64_t first, int64_t heads) {
    Values values;
    for (int64_t row = 0; row < kRows; ++row)
      for (int64_t head = 0; head < heads; ++head)
        for (int64_t d = 0; d < kSize; ++d) values.push_back(number(first + head, row, d));
    return values;
  };
  // Two query heads on one key head: numbers hold query 0, query 1, keys, values.
  const DeviceTensor q(*backend, kRows, 2 * kSize, rows(0, 2)), k(*backend, kRows, kSize, rows(2, 1)), v(*backend, kRows, kSize, rows(3, 1));
  const DeviceTensor out(*backend, kRows, 2 * kSize), logsumexp(*backend, kRows, 2);
  const Segment whole{-1, 0, kRows, 0};
  for (int64_t window : {0, 1, 3, 100}) {
    backend->attention(out, logsumexp, q, k, v, {&whole, 1}, {2, 1, kSize, 1.5, window});
    Values expected, expected_logsumexp;
    for (int64_t row = 0; row < kRows; ++row) {
      for (int64_t head = 0; head < 2; ++head) {
        double total = 0, sums[kSize] = {};
        for (int64_t other = 0; other <= row; ++other) {
          if (window > 0 && row - other >= window) continue;
          const double weight = std::exp(1.5 * (number(head, row, 0) * number(2, other, 0) + number(head, row, 1) * number(2, other, 1)));
          total += weight;
          for (int64_t d = 0; d < kSize; ++d) sums[d] += weight * number(3, other, d);
        }
        for (double sum : sums) expected.push_back(sum / total);
        expected_logsumexp.push_back(std::log(total));
      }
    }
    check_close("out", expected, out.values(), kRounding);
    check_close("logsumexp", expected_logsumexp, logsumexp.values(), kRounding);
  }
}

CASE("reference.values of layer_norm") {
  const auto backend = make_reference_double();
  const DeviceTensor x(*backend, 2, 2, {3, 5, 7, 7}), weight(*backend, 1, 2, {1, 10}), bias(*backend, 1, 2, {100, -1}), out(*backend, 2, 2);
  backend->layer_norm(out, x, weight, bias, 3);  // mean 4, variance 1
  check_close("out", {100 - 0.5, -1 + 5, 100, -1}, out.values(), kRounding);
}

CASE("reference.values of gelu") {
  const auto backend = make_reference_double();
  const DeviceTensor x(*backend, 1, 5, {0, 1, -1, -10, 30}), out(*backend, 1, 5);
  backend->gelu(out, x);
  // x times the normal distribution function, from its tables: Φ(1) and Φ(−10).
  check_close("out", {0, 0.8413447460685429, -0.15865525393145705, -7.619853024160525e-23, 30}, out.values(), kRounding);
}

CASE("reference.values of bidirectional_attention") {
  const auto backend = make_reference_double();
  constexpr int64_t kRows = 5, kSize = 2;
  const std::vector<float> numbers = random_floats(3 * kRows * kSize, 1);
  const auto number = [&](int64_t which, int64_t row, int64_t d) { return static_cast<double>(numbers[static_cast<size_t>((which * kRows + row) * kSize + d)]); };
  const auto matrix = [&](int64_t which) {
    return Values(numbers.begin() + which * kRows * kSize, numbers.begin() + (which + 1) * kRows * kSize);
  };
  const DeviceTensor q(*backend, kRows, kSize, matrix(0)), k(*backend, kRows, kSize, matrix(1)), v(*backend, kRows, kSize, matrix(2)), out(*backend, kRows, kSize);
  const Segment segments[] = {{-1, 0, 2, 0, nullptr}, {-1, 2, 3, 0, nullptr}};
  backend->bidirectional_attention(out, q, k, v, {segments, 2}, {1, 1, kSize, 1.5, 0});
  Values expected;
  for (const Segment& segment : segments) {
    for (int64_t row = segment.start; row < segment.start + segment.length; ++row) {
      double total = 0, sums[kSize] = {};
      for (int64_t other = segment.start; other < segment.start + segment.length; ++other) {
        const double weight = std::exp(1.5 * (number(0, row, 0) * number(1, other, 0) + number(0, row, 1) * number(1, other, 1)));
        total += weight;
        for (int64_t d = 0; d < kSize; ++d) sums[d] += weight * number(2, other, d);
      }
      for (double sum : sums) expected.push_back(sum / total);
    }
  }
  check_close("out", expected, out.values(), kRounding);
}

}  // namespace
}  // namespace sdft::test
