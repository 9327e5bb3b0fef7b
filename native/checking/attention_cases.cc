// Attention over trees of segments, forward and backward, and from a cache.
#include <algorithm>
#include <cmath>

#include "checking/check.h"

namespace sdft::checking {
namespace {

using Segments_ = std::vector<Segment>;

/// Two roots, children of the first, a child of a child; lengths around a page, a tile, and one row.
Segments_ tree() {
  Segments_ segments;
  const auto add = [&](int32_t parent, int64_t length) {
    const int64_t start = segments.empty() ? 0 : segments.back().start + segments.back().length;
    const int64_t position = parent < 0 ? 0 : segments[static_cast<size_t>(parent)].position + segments[static_cast<size_t>(parent)].length;
    segments.push_back({parent, start, length, position, nullptr});
    return static_cast<int32_t>(segments.size() - 1);
  };
  const int32_t first = add(-1, 45), child = add(first, 20);
  add(-1, 7);
  add(first, 1);
  add(child, 40);
  add(child, 1);
  return segments;
}

/// The same with its first root seen only, and a child of that too.
Segments_ partly_asked() {
  Segments_ segments = tree();
  segments[0].seen_only = segments[1].seen_only = true;
  return segments;
}

int64_t rows_of(const Segments_& segments) { return segments.back().start + segments.back().length; }
Segments view(const Segments_& segments) { return {segments.data(), static_cast<int64_t>(segments.size())}; }

AttentionShape shape_of(int64_t heads, int64_t kv_heads, int64_t size, int64_t window) {
  return {heads, kv_heads, size, 1.0 / std::sqrt(static_cast<double>(size)), window};
}

/// Scores of numbers in [−1, 1) are below 1 by far, so weights spread. Rounded: values and weights are off by 2⁻⁸ of themselves at most, scores by as much as a
/// product of D terms over sqrt(D) (0.001), so outputs by less than 0.01; gradients of keys sum up to twenty weights' worth of rows.
constexpr Tolerance kForward{1e-5, 1e-5, 0.01}, kLogsumexp{1e-5, 1e-5, 0.006}, kQueryGradient{2e-5, 2e-5, 0.008}, kKeyGradient{1e-4, 2e-5, 0.03};

std::vector<Output> both_ways(Backend& backend, const Segments_& segments, const AttentionShape& shape) {
  const int64_t rows = rows_of(segments), wide = shape.query_heads * shape.head_size, narrow = shape.kv_heads * shape.head_size;
  const Guarded q(backend, rows, wide, random_floats(rows * wide, 1), 3), k(backend, rows, narrow, random_floats(rows * narrow, 2), 5), v(backend, rows, narrow, random_floats(rows * narrow, 3), 1);
  const Guarded out(backend, rows, wide, {}, 2), lse(backend, rows, shape.query_heads, {}, 1), dout(backend, rows, wide, random_floats(rows * wide, 4));
  const Guarded dq(backend, rows, wide, {}, 1), dk(backend, rows, narrow, {}, 2), dv(backend, rows, narrow, {}, 3);
  backend.attention(out, lse, q, k, v, view(segments), shape);
  backend.attention_backward(dq, dk, dv, dout, out, lse, q, k, v, view(segments), shape);
  return {out.output("out", kForward), lse.output("logsumexp", kLogsumexp), dq.output("dq", kQueryGradient), dk.output("dk", kKeyGradient), dv.output("dv", kKeyGradient)};
}

std::vector<Output> both_directions(Backend& backend, int64_t size) {
  const Segments_ segments = {{-1, 0, 37, 0, nullptr}, {-1, 37, 1, 0, nullptr}, {-1, 38, 64, 0, nullptr}};
  const AttentionShape shape = shape_of(3, 3, size, 0);
  const int64_t rows = rows_of(segments), wide = 3 * size;
  const Guarded q(backend, rows, wide, random_floats(rows * wide, 1), 3), k(backend, rows, wide, random_floats(rows * wide, 2)), v(backend, rows, wide, random_floats(rows * wide, 3)), out(backend, rows, wide, {}, 2);
  backend.bidirectional_attention(out, q, k, v, view(segments), shape);
  return {out.output("out", {1e-5, 1e-5, 0})};
}

/// Two sequences in scattered pages, the second 5 rows behind, read in steps.
std::vector<Output> cached(Backend& backend, int64_t length, int64_t step, const AttentionShape& shape) {
  const int64_t wide = shape.query_heads * shape.head_size, narrow = shape.kv_heads * shape.head_size, pages = 24;
  const Guarded keys(backend, pages, backend.page_reals(shape)), values(backend, pages, backend.page_reals(shape));
  std::vector<int32_t> first, second;
  for (int32_t i = 0; i < 11; ++i) first.push_back(2 * i + 1), second.push_back(22 - 2 * i);
  std::vector<Output> outputs;
  for (int64_t at = 0; at < length; at += step) {
    const int64_t count = std::min(step, length - at), behind = std::max<int64_t>(0, at - 5), total = 2 * count;
    const auto seed = static_cast<uint64_t>(100 + at);
    const Guarded q(backend, total, wide, random_floats(total * wide, seed)), k(backend, total, narrow, random_floats(total * narrow, seed + 1)), v(backend, total, narrow, random_floats(total * narrow, seed + 2)), out(backend, total, wide, {}, 1);
    const Segments_ segments = {{-1, 0, count, at, first.data()}, {-1, count, count, behind, second.data()}};
    backend.store_keys_values(keys, values, k, v, view(segments), shape);
    backend.cached_attention(out, q, keys, values, view(segments), shape);
    outputs.push_back(out.output("out at " + std::to_string(at), kForward));
  }
  keys.values("keys"), values.values("values");
  return outputs;
}

/// Two sequences that have their first page in common, each with a page of its own after it.
std::vector<Output> shared_page(Backend& backend, const AttentionShape& shape) {
  const int64_t wide = shape.query_heads * shape.head_size, narrow = shape.kv_heads * shape.head_size;
  const Guarded keys(backend, 4, backend.page_reals(shape)), values(backend, 4, backend.page_reals(shape));
  const std::vector<int32_t> first = {2, 0}, second = {2, 3};
  std::vector<Output> outputs;
  const auto step = [&](const Segments_& segments, uint64_t seed) {
    const int64_t rows = rows_of(segments);
    const Guarded q(backend, rows, wide, random_floats(rows * wide, seed)), k(backend, rows, narrow, random_floats(rows * narrow, seed + 1)), v(backend, rows, narrow, random_floats(rows * narrow, seed + 2)), out(backend, rows, wide);
    backend.store_keys_values(keys, values, k, v, view(segments), shape);
    backend.cached_attention(out, q, keys, values, view(segments), shape);
    outputs.push_back(out.output("out of " + std::to_string(rows) + " rows", kForward));
  };
  step({{-1, 0, kPageRows, 0, first.data()}}, 1);
  step({{-1, 0, 5, kPageRows, first.data()}, {-1, 5, 7, kPageRows, second.data()}}, 4);
  return outputs;
}

}  // namespace

void add_attention_cases(std::vector<Case>& cases) {
  const auto add = [&](const std::string& name, Segments_ segments, AttentionShape shape) {
    cases.push_back({"attention, " + name, [=](Backend& backend) { return both_ways(backend, segments, shape); }});
  };
  for (int64_t size : {16, 20, 64, 80, 96, 128, 256}) add("heads of " + std::to_string(size), tree(), shape_of(2, 1, size, 0));
  for (const auto& [heads, kv_heads] : std::vector<std::pair<int64_t, int64_t>>{{1, 1}, {4, 2}, {3, 1}, {8, 1}}) {
    add(std::to_string(heads) + " heads on " + std::to_string(kv_heads), tree(), shape_of(heads, kv_heads, 64, 0));
    if (heads == 4) add("4 heads of 16 on 2", tree(), shape_of(4, 2, 16, 0));
  }
  for (int64_t window : {1, 24, 33})
    for (int64_t size : {16, 64}) add("window " + std::to_string(window) + ", heads of " + std::to_string(size), tree(), shape_of(2, 1, size, window));
  for (int64_t length : {1, 32, 65, 130}) add(std::to_string(length) + " rows", {{-1, 0, length, 0, nullptr}}, shape_of(2, 2, 64, 0));
  add("300 rows, split", {{-1, 0, 300, 0, nullptr}}, shape_of(1, 1, 64, 0));
  for (int64_t size : {16, 64}) add("partly asked, heads of " + std::to_string(size), partly_asked(), shape_of(2, 1, size, 0));
  add("partly asked, window 33", partly_asked(), shape_of(4, 2, 64, 33));
  add("partly asked, split", {{-1, 0, 300, 0, nullptr, true}, {0, 300, 40, 300, nullptr}}, shape_of(1, 1, 64, 0));
  cases.push_back({"attention, partly asked and then wholly", [](Backend& backend) {
                     std::vector<Output> outputs = both_ways(backend, partly_asked(), shape_of(2, 1, 64, 0));
                     for (Output& output : both_ways(backend, tree(), shape_of(2, 1, 64, 0))) outputs.push_back(std::move(output));
                     return outputs;
                   }});
  for (int64_t size : {32, 64}) cases.push_back({"bidirectional_attention, heads of " + std::to_string(size), [size](Backend& backend) { return both_directions(backend, size); }});
  for (int64_t size : {16, 64, 128})
    cases.push_back({"cached_attention, heads of " + std::to_string(size), [size](Backend& backend) { return cached(backend, 60, 13, shape_of(4, 2, size, 0)); }});
  cases.push_back({"cached_attention, window 20", [](Backend& backend) { return cached(backend, 60, 29, shape_of(4, 2, 64, 20)); }});
  for (int64_t size : {16, 64}) cases.push_back({"cached_attention, a page of two, heads of " + std::to_string(size), [size](Backend& backend) { return shared_page(backend, shape_of(4, 2, size, 0)); }});
  cases.push_back({"cached_attention, split", [](Backend& backend) { return cached(backend, 310, 155, shape_of(2, 1, 64, 0)); }});
}

}  // namespace sdft::checking
