// The divergence of two hidden states under one head: against the reference, against its definition, and its promises (0 for equals, never below).
#include <cmath>
#include <numeric>

#include "cpu_fixture.h"

namespace sdft::test {
namespace {

/// `to` is `from` moved by at most `distance`.
std::vector<float> moved(const std::vector<float>& from, uint64_t seed, float distance) {
  std::vector<float> to = random_floats(static_cast<int64_t>(from.size()), seed, distance);
  for (size_t i = 0; i < to.size(); ++i) to[i] += from[i];
  return to;
}

/// Rounding of logits, sums of `width` products of numbers up to `size`, moves u by as much: a term p · u²/2 by p · u · that, and u is at most 2 · distance · width.
Tolerance tolerance_of(int64_t width, float size) { return {3e-7 * static_cast<double>(width) * static_cast<double>(size) + 1e-9, 2e-5}; }

std::vector<Output> divergence(Backend& backend, const Stored& stored, WeightFormat format, Compute compute, int64_t rows, float size, float distance) {
  const int64_t width = stored.source.cols;
  const Weight head = backend.prepare_weight(stored.source, format);
  const std::vector<float> from_values = random_floats(rows * width, 1, size);
  const Guarded from(backend, rows, width, from_values, 3), to(backend, rows, width, moved(from_values, 2, distance), 1), kl(backend, rows, 1, {}, 2);
  backend.linear_divergence(kl, from, to, head, compute);
  return {{"kl", kl.values("kl"), 1, tolerance_of(width, distance)}};
}

CASE("cpu.linear_divergence equals reference") {
  struct Shape {
    int64_t rows, width, vocabulary;
  };
  for (const Shape& shape : std::vector<Shape>{{1, 16, 1}, {1, 16, 5}, {3, 33, 100}, {40, 45, 1500}, {7, 64, 513}, {200, 48, 1024}, {19, 128, 3001}}) {
    const auto stored = random_stored(DType::f32, shape.vocabulary, shape.width, 5);
    for (float distance : {1.0f, 0.01f})
      compare_with_reference(std::to_string(shape.rows) + " x " + std::to_string(shape.vocabulary) + ", distance " + std::to_string(distance),
                             [&](Backend& backend) { return divergence(backend, *stored, WeightFormat::f32, Compute::f32, shape.rows, 1.0f, distance); });
  }
}

CASE("cpu.linear_divergence equals reference for stored types") {
  for (DType type : {DType::bf16, DType::q8_0, DType::q4_1, DType::f16}) {
    const auto stored = random_stored(type, 1300, 64, 5);
    compare_with_reference(dtype_name(type), [&](Backend& backend) { return divergence(backend, *stored, WeightFormat::native, Compute::f32, 21, 1.0f, 0.5f); });
  }
}

CASE("cpu.linear_divergence of integer products equals reference") {
  for (DType type : {DType::q8_0, DType::q4_1, DType::q6_k}) {
    const int64_t width = block_elements(type) == 256 ? 256 : 96;
    const auto stored = random_stored(type, 1301, width, 5);
    for (int64_t rows : {1, 24, 25, 61})
      compare_with_reference(std::string(dtype_name(type)) + ", " + std::to_string(rows) + " rows",
                             [&](Backend& backend) { return divergence(backend, *stored, WeightFormat::native, Compute::integer, rows, 1.0f, 0.5f); });
  }
}

CASE("cpu.linear_divergence equals reference where logits are far apart") {
  const auto stored = random_stored(DType::f32, 1700, 64, 5);
  compare_with_reference("times 60", [&](Backend& backend) { return divergence(backend, *stored, WeightFormat::f32, Compute::f32, 30, 60.0f, 60.0f); });
}

/// KL by its definition from whole logits, in double.
double by_definition(const std::vector<double>& a, const std::vector<double>& b) {
  const auto log_sum = [](const std::vector<double>& logits) {
    double sum = 0;
    for (double logit : logits) sum += std::exp(logit);
    return std::log(sum);
  };
  const double from = log_sum(a), to = log_sum(b);
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += std::exp(a[i] - from) * ((a[i] - from) - (b[i] - to));
  return sum;
}

CASE("reference.linear_divergence is the definition") {
  const int64_t rows = 9, width = 12, vocabulary = 700;
  const auto stored = random_stored(DType::f32, vocabulary, width, 5);
  const std::vector<float> from_values = random_floats(rows * width, 1), to_values = random_floats(rows * width, 2), head_values = random_floats(vocabulary * width, 5);
  Backend& backend = reference_backend();
  const Weight head = backend.prepare_weight(stored->source, WeightFormat::f32);
  const Guarded from(backend, rows, width, from_values), to(backend, rows, width, to_values), kl(backend, rows, 1);
  backend.linear_divergence(kl, from, to, head, Compute::f32);
  std::vector<double> expected, came;
  for (int64_t row = 0; row < rows; ++row) {
    std::vector<double> a(vocabulary), b(vocabulary);
    for (int64_t token = 0; token < vocabulary; ++token) {
      for (int64_t c = 0; c < width; ++c) {
        const double weight = head_values[static_cast<size_t>(token * width + c)];
        a[static_cast<size_t>(token)] += weight * from_values[static_cast<size_t>(row * width + c)];
        b[static_cast<size_t>(token)] += weight * to_values[static_cast<size_t>(row * width + c)];
      }
    }
    expected.push_back(by_definition(a, b));
    came.push_back(kl.values()[static_cast<size_t>(row)]);
  }
  CHECK(expected[0] > 0.01);
  check_close("kl", expected, came, {1e-12, 1e-7});
}

CASE("cpu.linear_divergence of equal rows is 0, and of near ones never below") {
  for (Compute compute : {Compute::f32, Compute::integer}) {
    const auto stored = random_stored(DType::q8_0, 2100, 64, 5);
    const int64_t rows = 33;
    const std::vector<float> values = random_floats(rows * 64, 1, 20.0f);
    const auto check = [&](Backend& backend, const std::string& level) {
      const Weight head = backend.prepare_weight(stored->source, WeightFormat::native);
      const Guarded from(backend, rows, 64, values), same(backend, rows, 64, values, 3), kl(backend, rows, 1);
      backend.linear_divergence(kl, from, same, head, compute);
      CHECK(kl.values() == std::vector<float>(rows, 0.0f));
      for (float distance : {1e-6f, 1e-5f, 1e-4f, 1e-3f, 1e-2f, 0.1f, 1.0f, 10.0f, 1000.0f}) {
        const Guarded to(backend, rows, 64, moved(values, 2, distance));
        backend.linear_divergence(kl, from, to, head, compute);
        for (float value : kl.values())
          if (!(value >= 0)) fail(level + ": " + std::to_string(value) + " at distance " + std::to_string(distance));
      }
    };
    for_each_level(check);
    check(reference_backend(), "reference");
  }
}

CASE("cpu.linear_divergence keeps small numbers") {
  // Two rows a small step apart: KL is half the step squared times the variance of the logits' change, some 1e-8, far under the rounding of a log-probability.
  const auto stored = random_stored(DType::f32, 1500, 64, 5);
  const std::vector<float> values = random_floats(20 * 64, 1), near = moved(values, 2, 1e-4f);
  const auto run = [&](Backend& backend) {
    const Weight head = backend.prepare_weight(stored->source, WeightFormat::f32);
    const Guarded from(backend, 20, 64, values), to(backend, 20, 64, near), kl(backend, 20, 1);
    backend.linear_divergence(kl, from, to, head, Compute::f32);
    return kl.values();
  };
  const std::vector<float> expected = run(reference_backend());
  CHECK(expected[0] > 1e-9f && expected[0] < 1e-7f);
  // Logits are rounded by 2e-7 or so, and change by 3e-4.
  for_each_level([&](Backend& backend, const std::string& level) { check_close(level, expected, run(backend), {0, 0.01}); });
}

CASE("cpu.linear_divergence says so where a number is none") {
  const auto stored = random_stored(DType::f32, 600, 16, 5);
  for_each_level([&](Backend& backend, const std::string& level) {
    const Weight head = backend.prepare_weight(stored->source, WeightFormat::f32);
    std::vector<float> broken = random_floats(16, 1);
    broken[3] = NAN;
    const Guarded from(backend, 1, 16, random_floats(16, 1)), to(backend, 1, 16, broken), kl(backend, 1, 1);
    backend.linear_divergence(kl, from, to, head, Compute::f32);
    if (!std::isnan(kl.values()[0])) fail(level + ": to is no number, but kl is " + std::to_string(kl.values()[0]));
  });
}

CASE("cpu.linear_divergence bits of a row do not depend on the other rows") {
  const int64_t rows = 90;
  const auto stored = random_stored(DType::q8_0, 1200, 64, 5);
  const std::vector<float> from_values = random_floats(rows * 64, 1), to_values = random_floats(rows * 64, 2);
  for (Compute compute : {Compute::f32, Compute::integer}) {
    for_each_level([&](Backend& backend, const std::string& level) {
      const Weight head = backend.prepare_weight(stored->source, WeightFormat::native);
      const Guarded from(backend, rows, 64, from_values), to(backend, rows, 64, to_values, 2), kl(backend, rows, 1), apart(backend, rows, 1, {}, 3);
      backend.linear_divergence(kl, from, to, head, compute);
      for (int64_t row = 0; row < rows; row += 7) {
        auto cut = [&](Tensor t) { return Tensor{static_cast<float*>(t.data) + row * t.stride, std::min<int64_t>(7, rows - row), t.cols, t.stride}; };
        backend.linear_divergence(cut(apart), cut(from), cut(to), head, compute);
      }
      check_same_bits(level, kl.values(), apart.values(), 1);
    });
  }
}

CASE("cpu.linear_divergence refuses what does not fit") {
  const auto plain = random_stored(DType::f32, 40, 32, 5);
  for (Backend* backend : {&cpu_backend(levels().back(), 1), &reference_backend()}) {
    const Weight head = backend->prepare_weight(plain->source, WeightFormat::f32);
    const Guarded x(*backend, 3, 32), fewer(*backend, 2, 32), kl(*backend, 3, 1);
    check_throws("shape", [&] { backend->linear_divergence(kl, x, fewer, head, Compute::f32); });
    check_throws("shape", [&] { backend->linear_divergence(fewer, x, x, head, Compute::f32); });
    check_throws("weights", [&] { backend->linear_divergence(kl, x, x, head, Compute::integer); });
  }
}

}  // namespace
}  // namespace sdft::test
