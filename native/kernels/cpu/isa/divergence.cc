// Head and divergence in one pass: for a block of rows the vocabulary goes by in chunks, and of both rows' logits only a chunk is held.
// By the chain rule, with w and v the shares of the chunks in p and q, KL(p‖q) = Σ_c w_c · (log w_c − log v_c + KL of p and q within chunk c). Each of these
// divergences is summed as Σ p · (e^u − 1 − u), u = log q − log p: terms that cannot be negative, and that an error of the normaliser moves by its square.
#include "kernels/cpu/isa/exponential.h"
#include "kernels/cpu/isa/head_chunks.h"
#include "kernels/cpu/isa/table.h"

namespace sdft::SDFT_ISA {

using cpu::Context;
using cpu::PackedWeight;

namespace {

/// Σ e^logit of a chunk as e^largest · total, for both rows, and the divergence within the chunk.
struct ChunkDivergence {
  float from_largest, from_total, to_largest, to_total, within;
};
constexpr int64_t kNumbers = sizeof(ChunkDivergence) / sizeof(float);

/// Lanes past the end hold a logit whose exponential is 0, and which is not infinite: equal infinities have no difference.
inline Vec load_logits(const float* p, int lanes) {
  Vec v = load_part(p, lanes);
  for (int lane = lanes; lane < kLanes; ++lane) v[lane] = -1e30f;
  return v;
}

struct Exponentials {
  float largest, total;
};

Exponentials sum_exponentials(const float* logits, int64_t count) {
  Vec top = broadcast(-INFINITY), total{};
  over_vectors(count, [&](int64_t i, int lanes) { top = max(top, load_logits(logits + i, lanes)); });
  const float most = largest(top);
  over_vectors(count, [&](int64_t i, int lanes) { total += exp(load_logits(logits + i, lanes) - broadcast(most)); });
  return {most, sum(total)};
}

double log_sum(float largest, float total) { return static_cast<double>(largest) + __builtin_log(static_cast<double>(total)); }

/// (e^u − 1 − u) / u² for |u| ≤ 1/2: its series up to u⁷ / 9!, the rest under 3e-9.
inline Vec series(Vec u) {
  Vec p = broadcast(1.0f / 362880);
  p = fma(p, u, broadcast(1.0f / 40320));
  p = fma(p, u, broadcast(1.0f / 5040));
  p = fma(p, u, broadcast(1.0f / 720));
  p = fma(p, u, broadcast(1.0f / 120));
  p = fma(p, u, broadcast(1.0f / 24));
  p = fma(p, u, broadcast(1.0f / 6));
  return fma(p, u, broadcast(0.5f));
}

/// p · (e^u − 1 − u) where q = p · e^u. A number that is none stays so.
inline Vec divergence_term(Vec p, Vec q, Vec u) {
  const Vec size = max(u, Vec{} - u), half = broadcast(0.5f);
  const Vec near = p * (u * u) * series(u), far = q - p * (u + broadcast(1.0f));
  return where_at_least(half, size, near) + (far - where_at_least(half, size, far));
}

ChunkDivergence chunk_divergence(const float* from, const float* to, int64_t count) {
  const Exponentials p_sum = sum_exponentials(from, count), q_sum = sum_exponentials(to, count);
  const Vec p_largest = broadcast(p_sum.largest), q_largest = broadcast(q_sum.largest);
  const Vec p_scale = broadcast(1.0f / p_sum.total), q_scale = broadcast(1.0f / q_sum.total);
  const Vec shift = broadcast(static_cast<float>(log_sum(p_sum.largest, p_sum.total) - log_sum(q_sum.largest, q_sum.total)));
  Vec within{};
  over_vectors(count, [&](int64_t i, int lanes) {
    const Vec a = load_logits(from + i, lanes), b = load_logits(to + i, lanes);
    within += divergence_term(exp(a - p_largest) * p_scale, exp(b - q_largest) * q_scale, b - a + shift);
  });
  return {p_sum.largest, p_sum.total, q_sum.largest, q_sum.total, sum(within)};
}

/// e^u − 1 − u times p, q = p · e^u, of doubles.
double divergence_term(double p, double q, double u) {
  if (!(u > -0.1 && u < 0.1)) return q - p * (1 + u);
  double total = 0, term = u * u / 2;
  for (int n = 3; n <= 12; ++n) {
    total += term;
    term *= u / n;
  }
  return p * total;
}

/// All chunks of a row, in their order.
float combine(const ChunkDivergence* chunks, int64_t count, int64_t step) {
  double from_top = -INFINITY, to_top = -INFINITY, from_total = 0, to_total = 0, divergence = 0;
  for (int64_t c = 0; c < count; ++c) {
    const ChunkDivergence& chunk = chunks[c * step];
    if (static_cast<double>(chunk.from_largest) > from_top) from_top = static_cast<double>(chunk.from_largest);
    if (static_cast<double>(chunk.to_largest) > to_top) to_top = static_cast<double>(chunk.to_largest);
  }
  for (int64_t c = 0; c < count; ++c) {
    const ChunkDivergence& chunk = chunks[c * step];
    from_total += static_cast<double>(chunk.from_total) * __builtin_exp(static_cast<double>(chunk.from_largest) - from_top);
    to_total += static_cast<double>(chunk.to_total) * __builtin_exp(static_cast<double>(chunk.to_largest) - to_top);
  }
  const double from_log = from_top + __builtin_log(from_total), to_log = to_top + __builtin_log(to_total);
  for (int64_t c = 0; c < count; ++c) {
    const ChunkDivergence& chunk = chunks[c * step];
    const double log_w = log_sum(chunk.from_largest, chunk.from_total) - from_log, log_v = log_sum(chunk.to_largest, chunk.to_total) - to_log;
    const double w = __builtin_exp(log_w);
    divergence += w * static_cast<double>(chunk.within) + divergence_term(w, __builtin_exp(log_v), log_v - log_w);
  }
  return static_cast<float>(divergence);
}

}  // namespace

void linear_divergence(const Context& context, Tensor kl, Tensor from, Tensor to, const PackedWeight& head) {
  const int64_t rows = from.rows, chunks = parts(head.rows, kHeadChunk), threads = context.pool->threads();
  if (rows == 0) return;
  const HeadBlocks blocks(rows, threads, chunks);
  const HeadRows from_rows = head_rows(context, from, 6), to_rows = head_rows(context, to, 7);
  const int64_t logit_floats = kHeadRows * kHeadChunk;
  auto* numbers = reinterpret_cast<ChunkDivergence*>(context.workspace->shared(0, chunks * rows * kNumbers));  // (chunks, M)
  context.pool->run(blocks.count * chunks, [&](int64_t task, int worker) {
    float* logits = context.workspace->local(worker, 2 * logit_floats + head_scratch(head));
    float* scratch = logits + 2 * logit_floats;
    const int64_t begin = task % chunks * kHeadChunk, end = smaller(head.rows, begin + kHeadChunk);
    const HeadBlock block = blocks.at(task / chunks);
    chunk_logits(head, from_rows, block, begin, end, scratch, logits);
    chunk_logits(head, to_rows, block, begin, end, scratch, logits + logit_floats);
    for (int64_t i = 0; i < block.rows; ++i)
      numbers[task % chunks * rows + block.row + i] = chunk_divergence(logits + i * kHeadChunk, logits + logit_floats + i * kHeadChunk, end - begin);
  });
  for (int64_t row = 0; row < rows; ++row) *row_of(kl, row) = combine(numbers + row, chunks, rows);
}

void logit_divergence(const Context& context, Tensor kl, Tensor from, Tensor to) {
  const int64_t chunks = parts(from.cols, kHeadChunk);
  context.pool->run(from.rows, [&](int64_t row, int worker) {
    auto* numbers = reinterpret_cast<ChunkDivergence*>(context.workspace->local(worker, chunks * kNumbers));
    for (int64_t c = 0; c < chunks; ++c) {
      const int64_t begin = c * kHeadChunk;
      numbers[c] = chunk_divergence(row_of(from, row) + begin, row_of(to, row) + begin, smaller(kHeadChunk, from.cols - begin));
    }
    *row_of(kl, row) = combine(numbers, chunks, 1);
  });
}

}  // namespace sdft::SDFT_ISA
