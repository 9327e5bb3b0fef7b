#include "checking/check.h"

#include <cmath>
#include <cstdio>

#include "base/error.h"
#include "kernels/reference/reference.h"

namespace sdft::checking {
namespace {

constexpr int64_t kGuard = 64;  // floats before and after
constexpr float kSentinel = -12345.678f;

/// splitmix64: enough for test data.
uint64_t mix(uint64_t value) {
  value += 0x9E3779B97F4A7C15ull;
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9ull;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EBull;
  return value ^ (value >> 31);
}

std::string place(int64_t index, int64_t columns) {
  return "(" + std::to_string(index / columns) + ", " + std::to_string(index % columns) + ")";
}

void compare(const std::string& name, const Output& expected, const Output& actual, Operands operands) {
  require(expected.values.size() == actual.values.size(), "check", name + ": " + expected.name + " has another size");
  const Tolerance t = expected.tolerance;
  int64_t wrong = 0, first = 0, worst = 0;
  double worst_by = -1;
  for (size_t i = 0; i < expected.values.size(); ++i) {
    const double e = expected.values[i], a = actual.values[i], difference = std::fabs(a - e);
    if (difference <= t.absolute + t.relative * std::fabs(e) + (operands == Operands::bf16 ? t.rounded : 0)) continue;
    if (wrong++ == 0) first = static_cast<int64_t>(i);
    if (!(difference <= worst_by)) worst = static_cast<int64_t>(i), worst_by = difference;
  }
  if (wrong == 0) return;
  char text[400];
  std::snprintf(text, sizeof text, "%lld of %zu elements are wrong; first %s: expected %.9g, came %.9g; worst %s: expected %.9g, came %.9g",
                static_cast<long long>(wrong), expected.values.size(), place(first, expected.columns).c_str(),
                static_cast<double>(expected.values[static_cast<size_t>(first)]), static_cast<double>(actual.values[static_cast<size_t>(first)]),
                place(worst, expected.columns).c_str(), static_cast<double>(expected.values[static_cast<size_t>(worst)]),
                static_cast<double>(actual.values[static_cast<size_t>(worst)]));
  throw Error("check", name + ", " + expected.name + ": " + text);
}

}  // namespace

Tolerance of_sum(int64_t terms) {
  return {6e-8 * static_cast<double>(terms) + 1e-6, 2e-6, 4.6e-3 * std::sqrt(static_cast<double>(terms))};
}

const std::vector<Case>& cases() {
  static const std::vector<Case> all = [] {
    std::vector<Case> list;
    add_row_cases(list);
    add_product_cases(list);
    add_attention_cases(list);
    add_loss_cases(list);
    return list;
  }();
  return all;
}

void check(Backend& tested, Operands operands, const Case& one) {
  const std::unique_ptr<Backend> reference = make_reference_float();
  const std::vector<Output> expected = one.run(*reference), actual = one.run(tested);
  require(expected.size() == actual.size(), "check", one.name + ": another number of outputs");
  for (size_t i = 0; i < expected.size(); ++i) compare(one.name, expected[i], actual[i], operands);
}

bool has_invariant_form(const Case& one) { return one.name.rfind("linear", 0) == 0 || one.name.find("split") != std::string::npos; }

std::vector<float> random_floats(int64_t count, uint64_t seed, float scale) {
  std::vector<float> values(static_cast<size_t>(count));
  for (size_t i = 0; i < values.size(); ++i) values[i] = scale * (static_cast<float>(mix(mix(seed) + i) >> 40) * (1.0f / 8388608.0f) - 1.0f);
  return values;
}

std::vector<int32_t> random_integers(int64_t count, uint64_t seed, int32_t bound) {
  std::vector<int32_t> values(static_cast<size_t>(count));
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<int32_t>((mix(mix(seed) + i) >> 33) % static_cast<uint64_t>(bound));
  return values;
}

Guarded::Guarded(Backend& backend, int64_t rows, int64_t cols, const std::vector<float>& values, int64_t gap) : backend_(backend) {
  const int64_t stride = cols + gap, floats = rows * stride + 2 * kGuard;
  whole_ = {backend.allocate(floats * int64_t{sizeof(float)}), 1, floats, floats};
  std::vector<float> image(static_cast<size_t>(floats), kSentinel);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < cols; ++c) image[static_cast<size_t>(kGuard + r * stride + c)] = values.empty() ? 0.0f : values[static_cast<size_t>(r * cols + c)];
  backend.upload(whole_, image.data());
  tensor_ = {static_cast<float*>(whole_.data) + kGuard, rows, cols, stride};
}

Guarded::~Guarded() { backend_.release(whole_.data); }

std::vector<float> Guarded::values(const std::string& name) const {
  std::vector<float> image(static_cast<size_t>(whole_.cols)), inside(static_cast<size_t>(tensor_.rows * tensor_.cols));
  backend_.download(image.data(), whole_);
  for (int64_t i = 0; i < whole_.cols; ++i) {
    const int64_t at = i - kGuard, row = at >= 0 ? at / tensor_.stride : -1, col = at >= 0 ? at % tensor_.stride : -1;
    const float value = image[static_cast<size_t>(i)];
    if (at >= 0 && row < tensor_.rows && col < tensor_.cols) inside[static_cast<size_t>(row * tensor_.cols + col)] = value;
    else if (value != kSentinel)
      throw Error("check", name + ": the float at (" + std::to_string(row) + ", " + std::to_string(col) + "), outside the tensor, was overwritten");
  }
  return inside;
}

Integers::Integers(Backend& backend, const std::vector<int32_t>& values) : backend_(backend) {
  indices_ = {static_cast<int32_t*>(backend.allocate(static_cast<int64_t>(values.size() * sizeof(int32_t)))), static_cast<int64_t>(values.size())};
  backend.upload(indices_, values.data());
}

Integers::~Integers() { backend_.release(indices_.data); }

}  // namespace sdft::checking
