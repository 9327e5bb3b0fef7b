// Attention of the cpu backend: forward and backward against the reference, and the same bits packed, alone and from the cache.
#include <cmath>
#include <iterator>
#include <numeric>

#include "base/half.h"
#include "cpu_fixture.h"

namespace sdft::test {
namespace {

/// A tree: two roots, children of the first, a child of a child.
std::vector<Segment> tree() {
  std::vector<Segment> segments;
  auto add = [&](int32_t parent, int64_t length) {
    const int64_t start = segments.empty() ? 0 : segments.back().start + segments.back().length;
    const int64_t position = parent < 0 ? 0 : segments[static_cast<size_t>(parent)].position + segments[static_cast<size_t>(parent)].length;
    segments.push_back({parent, start, length, position, nullptr});
    return static_cast<int32_t>(segments.size() - 1);
  };
  const int32_t first = add(-1, 45);
  const int32_t child = add(first, 20);
  add(-1, 7);
  add(first, 1);
  add(child, 70);
  add(first, 19);
  add(child, 1);
  return segments;
}

std::vector<Segment> one(int64_t length) { return {{-1, 0, length, 0, nullptr}}; }

int64_t rows_of(const std::vector<Segment>& segments) { return segments.back().start + segments.back().length; }
Segments view(const std::vector<Segment>& segments) { return {segments.data(), static_cast<int64_t>(segments.size())}; }

AttentionShape shape_of(int64_t heads, int64_t kv_heads, int64_t size, int64_t window) {
  return {heads, kv_heads, size, 1.0 / std::sqrt(static_cast<double>(size)), window};
}

std::vector<Output> both_ways(Backend& backend, const std::vector<Segment>& segments, const AttentionShape& shape) {
  const int64_t rows = rows_of(segments), wide = shape.query_heads * shape.head_size, narrow = shape.kv_heads * shape.head_size;
  const Guarded q(backend, rows, wide, random_floats(rows * wide, 1, 2), 3), k(backend, rows, narrow, random_floats(rows * narrow, 2, 2), 5), v(backend, rows, narrow, random_floats(rows * narrow, 3), 1);
  const Guarded out(backend, rows, wide, {}, 2), lse(backend, rows, shape.query_heads, {}, 1), dout(backend, rows, wide, random_floats(rows * wide, 4));
  const Guarded dq(backend, rows, wide, {}, 1), dk(backend, rows, narrow, {}, 2), dv(backend, rows, narrow, {}, 3);
  backend.attention(out, lse, q, k, v, view(segments), shape);
  backend.attention_backward(dq, dk, dv, dout, out, lse, q, k, v, view(segments), shape);
  const Tolerance gradient = of_attention_gradient(shape.head_size, 40);
  return {{"out", out.values("out"), wide, of_attention(shape.head_size)}, {"logsumexp", lse.values("lse"), shape.query_heads, of_attention(shape.head_size)},
          {"dq", dq.values("dq"), wide, gradient},  {"dk", dk.values("dk"), narrow, gradient}, {"dv", dv.values("dv"), narrow, gradient}};
}

CASE("cpu.attention equals reference for every head size") {
  for (int64_t size : {16, 32, 64, 80, 96, 128, 256, 20, 18})
    compare_with_reference("head size " + std::to_string(size), [&](Backend& backend) { return both_ways(backend, tree(), shape_of(4, 2, size, 0)); });
}

CASE("cpu.attention equals reference for every grouping of heads") {
  for (const auto& [heads, kv_heads] : std::vector<std::pair<int64_t, int64_t>>{{1, 1}, {3, 3}, {4, 2}, {9, 3}, {8, 1}, {7, 1}, {16, 2}})
    compare_with_reference(std::to_string(heads) + "/" + std::to_string(kv_heads), [&, h = heads, g = kv_heads](Backend& backend) { return both_ways(backend, tree(), shape_of(h, g, 16, 0)); });
}

CASE("cpu.attention equals reference in a window") {
  for (int64_t window : {1, 2, 24, 32, 33, 100})
    compare_with_reference("window " + std::to_string(window), [&](Backend& backend) { return both_ways(backend, tree(), shape_of(4, 2, 16, window)); });
}

CASE("cpu.attention equals reference where segments are seen only") {
  std::vector<Segment> segments = tree();
  segments[0].seen_only = segments[1].seen_only = true;
  for (int64_t window : {0, 24})
    compare_with_reference("window " + std::to_string(window), [&](Backend& backend) { return both_ways(backend, segments, shape_of(4, 2, 16, window)); });
  // A plan is not taken for that of the same segments, asked otherwise.
  compare_with_reference("then wholly asked", [&](Backend& backend) {
    both_ways(backend, segments, shape_of(4, 2, 16, 0));
    return both_ways(backend, tree(), shape_of(4, 2, 16, 0));
  });
  segments = {{-1, 0, 300, 0, nullptr, true}, {0, 300, 280, 300, nullptr}};
  compare_with_reference("580 rows", [&](Backend& backend) { return both_ways(backend, segments, shape_of(3, 1, 16, 0)); });
}

CASE("cpu.attention equals reference for every length") {
  for (int64_t length : {1, 2, 31, 32, 33, 64, 65, 127, 128, 129, 300, 600})
    compare_with_reference(std::to_string(length) + " rows", [&](Backend& backend) { return both_ways(backend, one(length), shape_of(3, 1, 16, 0)); });
  compare_with_reference("600 rows, window 140", [&](Backend& backend) { return both_ways(backend, one(600), shape_of(2, 2, 16, 140)); });
}

/// The chain of rows that the last row of a segment sees, as one sequence of its own.
std::vector<int64_t> chain(const std::vector<Segment>& segments, size_t index) {
  std::vector<int64_t> rows;
  for (int32_t at = static_cast<int32_t>(index); at >= 0; at = segments[static_cast<size_t>(at)].parent) {
    std::vector<int64_t> own(static_cast<size_t>(segments[static_cast<size_t>(at)].length));
    std::iota(own.begin(), own.end(), segments[static_cast<size_t>(at)].start);
    rows.insert(rows.begin(), own.begin(), own.end());
  }
  return rows;
}

std::vector<float> pick(const std::vector<float>& values, const std::vector<int64_t>& rows, int64_t cols) {
  std::vector<float> out;
  for (int64_t row : rows) out.insert(out.end(), values.begin() + row * cols, values.begin() + (row + 1) * cols);
  return out;
}

CASE("cpu.attention gives the same bits packed in a tree and alone") {
  for (int64_t window : {0, 24}) {
    const std::vector<Segment> segments = tree();
    const AttentionShape shape = shape_of(6, 2, 32, window);
    const int64_t rows = rows_of(segments), wide = 6 * 32, narrow = 2 * 32;
    const std::vector<float> qs = random_floats(rows * wide, 1), ks = random_floats(rows * narrow, 2), vs = random_floats(rows * narrow, 3);
    for_each_level([&](Backend& backend, const std::string& level) {
      const Guarded q(backend, rows, wide, qs), k(backend, rows, narrow, ks), v(backend, rows, narrow, vs), out(backend, rows, wide), lse(backend, rows, 6);
      backend.attention(out, lse, q, k, v, view(segments), shape);
      for (size_t s = 0; s < segments.size(); ++s) {
        const std::vector<int64_t> seen = chain(segments, s);
        const int64_t count = static_cast<int64_t>(seen.size());
        const Guarded q1(backend, count, wide, pick(qs, seen, wide), 4), k1(backend, count, narrow, pick(ks, seen, narrow)), v1(backend, count, narrow, pick(vs, seen, narrow)), out1(backend, count, wide), lse1(backend, count, 6);
        const std::vector<Segment> alone = one(count);
        backend.attention(out1, lse1, q1, k1, v1, view(alone), shape);
        check_same_bits(level + " segment " + std::to_string(s) + ": out", pick(out.values(), seen, wide), out1.values(), wide);
        check_same_bits(level + " segment " + std::to_string(s) + ": logsumexp", pick(lse.values(), seen, 6), lse1.values(), 6);
      }
    });
  }
}

/// As they stand in a cache of halves.
std::vector<float> rounded(std::vector<float> values) {
  for (float& value : values) value = from_f16(to_f16(value));
  return values;
}

void compare_cached(const AttentionShape& shape, const std::vector<float>& qs, const std::vector<float>& ks, const std::vector<float>& vs) {
  const bool halves = shape.cache == CacheForm::halves;
  const int64_t wide = shape.query_heads * shape.head_size, narrow = shape.kv_heads * shape.head_size, length = static_cast<int64_t>(qs.size()) / wide;
  for_each_level([&](Backend& backend, const std::string& level) {
    const Guarded q(backend, length, wide, qs), k(backend, length, narrow, halves ? rounded(ks) : ks), v(backend, length, narrow, halves ? rounded(vs) : vs);
    const Guarded out(backend, length, wide), lse(backend, length, shape.query_heads);
    const std::vector<Segment> alone = one(length);
    backend.attention(out, lse, q, k, v, view(alone), shape);
    for (int64_t step : {int64_t{1}, int64_t{3}, int64_t{32}, int64_t{45}, length}) {
      // Two sequences at once in scattered pages; the second is the same and runs 5 rows behind.
      const int64_t pages = 24;
      const Guarded keys(backend, pages, backend.page_reals(shape)), values(backend, pages, backend.page_reals(shape));
      std::vector<int32_t> first, second;
      for (int32_t i = 0; i < 11; ++i) first.push_back(2 * i + 1), second.push_back(22 - 2 * i);
      for (int64_t at = 0; at < length; at += step) {
        const int64_t count = std::min(step, length - at), behind = std::max<int64_t>(0, at - 5), count2 = std::min<int64_t>(count, length - behind);
        std::vector<int64_t> picked;
        for (int64_t i = 0; i < count; ++i) picked.push_back(at + i);
        for (int64_t i = 0; i < count2; ++i) picked.push_back(behind + i);
        const int64_t total = count + count2;
        const Guarded qn(backend, total, wide, pick(qs, picked, wide)), kn(backend, total, narrow, pick(ks, picked, narrow)), vn(backend, total, narrow, pick(vs, picked, narrow)), outn(backend, total, wide);
        const std::vector<Segment> segments = {{-1, 0, count, at, first.data()}, {-1, count, count2, behind, second.data()}};
        backend.store_keys_values(keys, values, kn, vn, view(segments), shape);
        backend.cached_attention(outn, qn, keys, values, view(segments), shape);
        check_same_bits(level + (halves ? ", halves" : "") + ", steps of " + std::to_string(step) + " at " + std::to_string(at), pick(out.values(), picked, wide), outn.values(), wide);
      }
      keys.values("keys"), values.values("values");
    }
  });
}

CASE("cpu.cached_attention gives the bits of attention, in steps of any length") {
  const int64_t length = 301;
  for (CacheForm form : {CacheForm::reals, CacheForm::halves}) {
    for (int64_t window : {0, 50}) {
      for (int64_t size : {16, 80}) {
        AttentionShape shape = shape_of(6, 2, size, window);
        shape.cache = form;
        compare_cached(shape, random_floats(length * 6 * size, 1), random_floats(length * 2 * size, 2), random_floats(length * 2 * size, 3));
      }
    }
  }
}

CASE("cpu.cached_attention takes halves of any size: subnormal, beyond their range, in the middle of two") {
  const int64_t length = 40, size = 20;
  AttentionShape shape = shape_of(2, 1, size, 0);
  shape.cache = CacheForm::halves;
  const float special[] = {0, -0.0f, 1e-8f, -2.98023224e-8f, 2.98023259e-8f, 5.9e-8f, 3.1e-6f, -6.1e-5f, 1 + 0x1p-11f, 1 + 0x3p-11f, -1 - 0x1.8p-11f, 65504, 65519, -65520, 1e9f, -3e38f, INFINITY, -INFINITY, 1e-41f};
  std::vector<float> values = random_floats(length * size, 3), keys = random_floats(length * size, 2);
  for (size_t i = 0; i < values.size(); i += 3) values[i] = special[i / 3 % std::size(special)];
  for (size_t i = 0; i < keys.size(); i += 7) keys[i] = special[i / 7 % 11];
  compare_cached(shape, random_floats(length * 2 * size, 1), keys, values);
}

CASE("cpu.attention refuses segments that do not continue each other") {
  Backend& backend = cpu_backend(levels().back(), 1);
  const AttentionShape shape = shape_of(2, 1, 16, 0);
  const Guarded q(backend, 10, 32), k(backend, 10, 16), out(backend, 10, 32), lse(backend, 10, 2);
  for (const std::vector<Segment>& segments : std::vector<std::vector<Segment>>{
           {{-1, 0, 10, 3, nullptr}}, {{-1, 0, 4, 0, nullptr}, {0, 4, 6, 5, nullptr}}, {{0, 0, 4, 4, nullptr}}, {{-1, 0, 11, 0, nullptr}}, {{-1, 0, 0, 0, nullptr}}})
    check_throws("segments", [&] { backend.attention(out, lse, q, k, k, view(segments), shape); });
  const int32_t pages[] = {0, 9};
  const Guarded cache(backend, 2, backend.page_reals(shape));
  const std::vector<Segment> cached = {{-1, 0, 2, 32, pages}};
  check_throws("segments", [&] { backend.cached_attention(out, q, cache, cache, view(cached), shape); });
}

}  // namespace
}  // namespace sdft::test
