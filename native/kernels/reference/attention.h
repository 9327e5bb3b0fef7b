// Attention by the textbook: scores of one row over all its visible keys, softmax, weighted sum, in the order of the keys' positions. That order is the
// same whether keys are rows of the step or of cached pages, so both give the same bits; no blocks are needed here.
#pragma once
#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/half.h"
#include "kernels/backend.h"
#include "kernels/reference/matrix.h"

namespace sdft::reference {

/// The rows of the step that a segment's last row would see without a window: element p is the row that stands at position p.
inline std::vector<int64_t> rows_by_position(Segments segments, int64_t index) {
  const Segment& segment = segments.data[index];
  std::vector<int64_t> rows(static_cast<size_t>(segment.position + segment.length));
  for (int64_t at = index, end = segment.position + segment.length; end > 0;) {
    const Segment& part = segments.data[at];
    require(part.position + part.length == end && part.position >= 0 && part.length > 0, "segments",
            "Expected segment " + std::to_string(at) + " to end before position " + std::to_string(end) + " but it has " + std::to_string(part.length) +
                " rows from position " + std::to_string(part.position));
    for (int64_t i = 0; i < part.length; ++i) rows[static_cast<size_t>(part.position + i)] = part.start + i;
    end = part.position;
    require((part.parent < 0) == (end == 0) && part.parent < at, "segments",
            "Expected segment " + std::to_string(at) + " to start at position 0 or to follow an earlier segment");
    at = part.parent;
  }
  return rows;
}

inline int64_t first_visible(int64_t position, int64_t window) { return window > 0 ? std::max<int64_t>(0, position - window + 1) : 0; }

template <class Real>
double dot(const Real* a, const Real* b, int64_t count) {
  double sum = 0;
  for (int64_t i = 0; i < count; ++i) sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

/// Positions that a row sees: [first, end).
struct Sight {
  int64_t first, end;
};

inline Sight sight_back(int64_t position, const AttentionShape& shape) { return {first_visible(position, shape.window), position + 1}; }

/// One row of one query head. keys[p], values[p] point at the head's D channels of position p. Returns the logsumexp of the scores.
template <class Real>
double attend(Real* out, const Real* query, const std::vector<const Real*>& keys, const std::vector<const Real*>& values, Sight sight,
              const AttentionShape& shape) {
  const int64_t first = sight.first, count = sight.end - first;
  std::vector<double> scores(static_cast<size_t>(count));
  for (int64_t j = 0; j < count; ++j) scores[static_cast<size_t>(j)] = shape.scale * dot(query, keys[static_cast<size_t>(first + j)], shape.head_size);
  const double largest = *std::max_element(scores.begin(), scores.end());
  double sum = 0;
  for (double& score : scores) sum += score = std::exp(score - largest);
  for (int64_t d = 0; d < shape.head_size; ++d) {
    double weighted = 0;
    for (int64_t j = 0; j < count; ++j) weighted += scores[static_cast<size_t>(j)] * values[static_cast<size_t>(first + j)][d];
    out[d] = static_cast<Real>(weighted / sum);
  }
  return largest + std::log(sum);
}

/// logsumexp.data null: not wanted. rows_of(s): for segment s, where the keys and the values of all kv heads lie, by position. sight_of(segment, position).
template <class Real, class Rows, class SightOf>
void attend_segments(Matrix<Real> out, Matrix<Real> logsumexp, Matrix<Real> q, Segments segments, const AttentionShape& shape, const Rows& rows_of,
                     const SightOf& sight_of) {
  const int64_t group = shape.query_heads / shape.kv_heads, size = shape.head_size;
  for (int64_t s = 0; s < segments.count; ++s) {
    const Segment& segment = segments.data[s];
    if (segment.seen_only) continue;
    const auto [key_rows, value_rows] = rows_of(s);
    for (int64_t h = 0; h < shape.query_heads; ++h) {
      std::vector<const Real*> keys(key_rows), values(value_rows);
      for (const Real*& key : keys) key += h / group * size;
      for (const Real*& value : values) value += h / group * size;
      for (int64_t i = 0; i < segment.length; ++i) {
        const int64_t row = segment.start + i;
        const double lse = attend(out.row(row) + h * size, q.row(row) + h * size, keys, values, sight_of(segment, segment.position + i), shape);
        if (logsumexp.data) logsumexp(row, h) = static_cast<Real>(lse);
      }
    }
  }
}

/// Keys and values of a segment that are rows of the step, by position.
template <class Real>
std::pair<std::vector<const Real*>, std::vector<const Real*>> step_rows(Matrix<Real> k, Matrix<Real> v, Segments segments, int64_t s) {
  std::pair<std::vector<const Real*>, std::vector<const Real*>> rows;
  for (int64_t row : rows_by_position(segments, s)) {
    rows.first.push_back(k.row(row));
    rows.second.push_back(v.row(row));
  }
  return rows;
}

template <class Real>
void attention(Matrix<Real> out, Matrix<Real> logsumexp, Matrix<Real> q, Matrix<Real> k, Matrix<Real> v, Segments segments, const AttentionShape& shape) {
  attend_segments(
      out, logsumexp, q, segments, shape, [&](int64_t s) { return step_rows(k, v, segments, s); },
      [&](const Segment&, int64_t position) { return sight_back(position, shape); });
}

template <class Real>
void bidirectional_attention(Matrix<Real> out, Matrix<Real> q, Matrix<Real> k, Matrix<Real> v, Segments segments, const AttentionShape& shape) {
  attend_segments(
      out, Matrix<Real>{}, q, segments, shape, [&](int64_t s) { return step_rows(k, v, segments, s); },
      [](const Segment& segment, int64_t) { return Sight{0, segment.length}; });
}

/// With p = exp(scale · q · k − logsumexp) and out = Σ p · v:  dv = p · dout;  dp = dout · v;  ds = p · (dp − dout · out);  dq = scale · ds · k;
/// dk = scale · ds · q.
template <class Real>
void attention_backward(Matrix<Real> dq, Matrix<Real> dk, Matrix<Real> dv, Matrix<Real> dout, Matrix<Real> out, Matrix<Real> logsumexp, Matrix<Real> q,
                        Matrix<Real> k, Matrix<Real> v, Segments segments, const AttentionShape& shape) {
  const int64_t group = shape.query_heads / shape.kv_heads, size = shape.head_size;
  std::vector<double> key_sums(static_cast<size_t>(dk.rows * dk.cols)), value_sums(static_cast<size_t>(dv.rows * dv.cols));
  std::vector<double> query_sums(static_cast<size_t>(size));
  for (int64_t s = 0; s < segments.count; ++s) {
    const Segment& segment = segments.data[s];
    if (segment.seen_only) continue;
    const std::vector<int64_t> rows = rows_by_position(segments, s);
    for (int64_t i = 0; i < segment.length; ++i) {
      const int64_t row = segment.start + i, position = segment.position + i;
      for (int64_t h = 0; h < shape.query_heads; ++h) {
        const int64_t at = h * size, kv_at = h / group * size;
        const double along = dot(dout.row(row) + at, out.row(row) + at, size);
        std::fill(query_sums.begin(), query_sums.end(), 0.0);
        for (int64_t p = first_visible(position, shape.window); p <= position; ++p) {
          const int64_t other = rows[static_cast<size_t>(p)];
          const double score = shape.scale * dot(q.row(row) + at, k.row(other) + kv_at, size);
          const double probability = std::exp(score - logsumexp(row, h));
          const double dscore = shape.scale * probability * (dot(dout.row(row) + at, v.row(other) + kv_at, size) - along);
          for (int64_t d = 0; d < size; ++d) {
            query_sums[static_cast<size_t>(d)] += dscore * k(other, kv_at + d);
            key_sums[static_cast<size_t>(other * dk.cols + kv_at + d)] += dscore * q(row, at + d);
            value_sums[static_cast<size_t>(other * dv.cols + kv_at + d)] += probability * dout(row, at + d);
          }
        }
        for (int64_t d = 0; d < size; ++d) dq(row, at + d) = static_cast<Real>(query_sums[static_cast<size_t>(d)]);
      }
    }
  }
  for (int64_t r = 0; r < dk.rows; ++r) {
    for (int64_t c = 0; c < dk.cols; ++c) {
      dk(r, c) = static_cast<Real>(key_sums[static_cast<size_t>(r * dk.cols + c)]);
      dv(r, c) = static_cast<Real>(value_sums[static_cast<size_t>(r * dv.cols + c)]);
    }
  }
}

/// A page holds kPageRows rows of G · D channels, position after position.
template <class Real>
Real* cached_row(Matrix<Real> cache, const Segment& segment, int64_t position, int64_t cols) {
  return cache.row(segment.pages[position / kPageRows]) + position % kPageRows * cols;
}

template <class Real>
void store_keys_values(Matrix<Real> key_cache, Matrix<Real> value_cache, Matrix<Real> k, Matrix<Real> v, Segments segments, CacheForm form) {
  const auto kept = [form](Real x) { return form == CacheForm::reals ? x : static_cast<Real>(from_f16(to_f16(static_cast<float>(x)))); };
  for (int64_t s = 0; s < segments.count; ++s) {
    const Segment& segment = segments.data[s];
    for (int64_t i = 0; i < segment.length; ++i) {
      const Real *key = k.row(segment.start + i), *value = v.row(segment.start + i);
      std::transform(key, key + k.cols, cached_row(key_cache, segment, segment.position + i, k.cols), kept);
      std::transform(value, value + v.cols, cached_row(value_cache, segment, segment.position + i, v.cols), kept);
    }
  }
}

template <class Real>
void cached_attention(Matrix<Real> out, Matrix<Real> q, Matrix<Real> key_cache, Matrix<Real> value_cache, Segments segments, const AttentionShape& shape) {
  const int64_t cols = shape.kv_heads * shape.head_size;
  attend_segments(
      out, Matrix<Real>{}, q, segments, shape,
      [&](int64_t s) {
        const Segment& segment = segments.data[s];
        std::pair<std::vector<const Real*>, std::vector<const Real*>> rows;
        for (int64_t p = 0; p < segment.position + segment.length; ++p) {
          rows.first.push_back(cached_row(key_cache, segment, p, cols));
          rows.second.push_back(cached_row(value_cache, segment, p, cols));
        }
        return rows;
      },
      [&](const Segment&, int64_t position) { return sight_back(position, shape); });
}

}  // namespace sdft::reference
