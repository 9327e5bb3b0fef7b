// What an encoder runs on beside a decoder's kernels: layer norm, GELU, attention in both directions.
#include <cmath>

#include "cpu_fixture.h"

namespace sdft::test {
namespace {

const std::vector<std::pair<int64_t, int64_t>> kShapes = {{1, 1}, {2, 3}, {5, 16}, {3, 31}, {40, 100}, {7, 384}, {300, 129}};

std::string text(const std::pair<int64_t, int64_t>& shape) { return "(" + std::to_string(shape.first) + ", " + std::to_string(shape.second) + ")"; }

/// Sequences one after the other, nothing between them.
std::vector<Segment> packed(const std::vector<int64_t>& lengths) {
  std::vector<Segment> segments;
  int64_t start = 0;
  for (int64_t length : lengths) {
    segments.push_back({-1, start, length, 0, nullptr});
    start += length;
  }
  return segments;
}

int64_t rows_of(const std::vector<Segment>& segments) { return segments.back().start + segments.back().length; }
Segments view(const std::vector<Segment>& segments) { return {segments.data(), static_cast<int64_t>(segments.size())}; }
AttentionShape shape_of(int64_t heads, int64_t kv_heads, int64_t size) { return {heads, kv_heads, size, 1.0 / std::sqrt(static_cast<double>(size)), 0}; }

CASE("cpu.layer_norm equals reference") {
  for (const auto& shape : kShapes) {
    compare_with_reference(text(shape), [&](Backend& backend) {
      const auto [rows, cols] = shape;
      std::vector<float> values = random_floats(rows * cols, 1, 3.0f);
      for (size_t i = 0; i < values.size(); ++i) values[i] += 2;  // a mean that is not near 0
      const Guarded x(backend, rows, cols, values, 3), weight(backend, 1, cols, random_floats(cols, 2)), bias(backend, 1, cols, random_floats(cols, 3));
      const Guarded out(backend, rows, cols, {}, 2), in_place(backend, rows, cols, values);
      backend.layer_norm(out, x, weight, bias, 1e-5);
      backend.layer_norm(in_place, in_place, weight, bias, 1e-5);
      // Two columns or three whose values nearly agree: the mean's rounding is divided by their small distance.
      const Tolerance tolerance = cols < 4 ? Tolerance{4e-5, 4e-5} : kElementwise;
      return std::vector<Output>{{"out", out.values("out"), cols, tolerance}, {"in place", in_place.values("in place"), cols, tolerance}};
    });
  }
}

CASE("cpu.gelu equals reference") {
  for (const auto& shape : kShapes) {
    compare_with_reference(text(shape), [&](Backend& backend) {
      const auto [rows, cols] = shape;
      const std::vector<float> values = random_floats(rows * cols, 1, 6.0f);
      const Guarded x(backend, rows, cols, values, 3), out(backend, rows, cols, {}, 1), in_place(backend, rows, cols, values);
      backend.gelu(out, x);
      backend.gelu(in_place, in_place);
      return std::vector<Output>{{"out", out.values("out"), cols, kExponential}, {"in place", in_place.values("in place"), cols, kExponential}};
    });
  }
}

CASE("cpu.gelu is near the true function everywhere, relatively too") {
  std::vector<float> x;
  for (float value = -13; value <= 13; value += 0.0137f) x.push_back(value);
  for (float far : {-1e30f, -1000.0f, -40.0f, 40.0f, 1e30f, 0.0f, -0.0f, 1e-20f, -1e-20f}) x.push_back(far);
  std::vector<float> expected;
  for (float value : x) expected.push_back(static_cast<float>(0.5 * value * std::erfc(-static_cast<double>(value) / std::sqrt(2.0))));
  for_each_level([&](Backend& backend, const std::string& level) {
    const auto count = static_cast<int64_t>(x.size());
    const Guarded in(backend, 1, count, x), out(backend, 1, count);
    backend.gelu(out, in);
    // Far out the exponent −x²/2 itself is rounded: half a unit of 80 is 4e-6.
    check_close(level, expected, out.values(), {1e-36, 6e-6});
  });
}

CASE("cpu.bidirectional_attention equals reference") {
  struct Shape {
    int64_t heads, kv_heads, size;
  };
  const auto run = [&](const std::vector<int64_t>& lengths, const Shape& s) {
    const std::vector<Segment> segments = packed(lengths);
    const AttentionShape shape = shape_of(s.heads, s.kv_heads, s.size);
    compare_with_reference(std::to_string(lengths.size()) + " sequences, the first of " + std::to_string(lengths[0]) + ", head size " + std::to_string(s.size), [&](Backend& backend) {
      const int64_t rows = rows_of(segments), wide = s.heads * s.size, narrow = s.kv_heads * s.size;
      const Guarded q(backend, rows, wide, random_floats(rows * wide, 1, 2), 3), k(backend, rows, narrow, random_floats(rows * narrow, 2, 2), 5);
      const Guarded v(backend, rows, narrow, random_floats(rows * narrow, 3), 1), out(backend, rows, wide, {}, 2);
      backend.bidirectional_attention(out, q, k, v, view(segments), shape);
      return std::vector<Output>{{"out", out.values("out"), wide, of_attention(s.size)}};
    });
  };
  for (int64_t length : {1, 2, 31, 32, 33, 57, 64, 127, 128, 129, 256, 300}) run({length}, {3, 3, 32});
  for (const Shape& shape : {Shape{1, 1, 16}, Shape{12, 12, 32}, Shape{4, 2, 20}, Shape{2, 1, 80}}) run({7, 1, 130, 33, 2, 64}, shape);
}

CASE("cpu.bidirectional_attention gives the same bits packed and alone, and between calls of attention") {
  const std::vector<Segment> segments = packed({40, 3, 129, 1, 64});
  const AttentionShape shape = shape_of(4, 4, 32);
  const int64_t rows = rows_of(segments), wide = 128;
  const std::vector<float> qs = random_floats(rows * wide, 1), ks = random_floats(rows * wide, 2), vs = random_floats(rows * wide, 3);
  for_each_level([&](Backend& backend, const std::string& level) {
    const Guarded q(backend, rows, wide, qs), k(backend, rows, wide, ks), v(backend, rows, wide, vs), out(backend, rows, wide), back(backend, rows, wide), again(backend, rows, wide), lse(backend, rows, 4);
    backend.attention(back, lse, q, k, v, view(segments), shape);
    backend.bidirectional_attention(out, q, k, v, view(segments), shape);
    backend.attention(again, lse, q, k, v, view(segments), shape);
    check_same_bits(level + ": attention after it", back.values(), again.values(), wide);
    for (const Segment& segment : segments) {
      const auto cut = [&](Tensor t) { return Tensor{static_cast<float*>(t.data) + segment.start * t.stride, segment.length, t.cols, t.stride}; };
      const Guarded alone(backend, rows, wide, out.values(), 1);
      const std::vector<Segment> single = packed({segment.length});
      backend.bidirectional_attention(cut(alone), cut(q), cut(k), cut(v), view(single), shape);
      check_same_bits(level + ": alone", out.values(), alone.values(), wide);
    }
  });
}

CASE("cpu.encoder kernels refuse what does not fit") {
  for (Backend* backend : {&cpu_backend(levels().back(), 1), &reference_backend()}) {
    const Guarded x(*backend, 4, 32), narrow(*backend, 4, 31), row(*backend, 1, 32);
    check_throws("shape", [&] { backend->layer_norm(narrow, x, row, row, 1e-5); });
    check_throws("shape", [&] { backend->layer_norm(x, x, row, narrow, 1e-5); });
    check_throws("shape", [&] { backend->gelu(narrow, x); });
    for (const std::vector<Segment>& segments : std::vector<std::vector<Segment>>{
             {{-1, 0, 5, 0, nullptr}}, {{-1, 0, 4, 1, nullptr}}, {{-1, 0, 2, 0, nullptr}, {0, 2, 2, 2, nullptr}}})
      check_throws("segments", [&] { backend->bidirectional_attention(x, x, x, x, view(segments), shape_of(2, 2, 16)); });
    const std::vector<Segment> whole = packed({4});
    check_throws("segments", [&] { backend->bidirectional_attention(x, x, x, x, view(whole), {2, 2, 16, 1, 3}); });
    check_throws("shape", [&] { backend->bidirectional_attention(narrow, x, x, x, view(whole), shape_of(2, 2, 16)); });
  }
}

}  // namespace
}  // namespace sdft::test
