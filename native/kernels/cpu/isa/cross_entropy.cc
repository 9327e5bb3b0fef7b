// Head and cross-entropy in one pass. For a block of rows the vocabulary goes by in chunks: the chunk's logits, its largest and sum, and at once its part of
// dx, scaled to the largest logit so far. Chunks are fixed, so a row's loss depends on nothing else; dx is gathered over some fixed ranges of chunks, each a task
// of its own, and these are added up in their order.
// The target stays out of sums and dx until the end: with T = Σ e^logit over the others, dx = (Σ e^logit · head − T · head[target]) / (T + e^target). Taking
// head[target] from a sum that holds it would leave, where the target is likely, little more than rounding errors.
#include "kernels/cpu/isa/exponential.h"
#include "kernels/cpu/isa/head_chunks.h"
#include "kernels/cpu/isa/table.h"

namespace sdft::SDFT_ISA {

using cpu::Context;
using cpu::PackedWeight;

namespace {

/// Ranges of chunks: many, because a thread whose core is shared should hold up the others no longer than one takes.
constexpr int64_t kRanges = 16;
/// What is kept of each (chunk, row) without the target, and each row's target logit.
struct Statistics {
  float *largest, *total;  // (chunks, M)
  float* target;           // (M)
  int64_t rows;

  float largest_of(int64_t row, int64_t first_chunk, int64_t end_chunk) const {
    float most = largest[first_chunk * rows + row];
    for (int64_t c = first_chunk + 1; c < end_chunk; ++c)
      if (largest[c * rows + row] > most) most = largest[c * rows + row];
    return most;
  }
};

/// logits[0, count) become e^(logit − largest); their sum. −∞ is largest where all are.
float soften(float* logits, int64_t count, float& largest) {
  const int64_t end = round_up(count, kLanes);
  for (int64_t i = count; i < end; ++i) logits[i] = -INFINITY;
  Vec top = load(logits);
  for (int64_t i = kLanes; i < end; i += kLanes) top = max(top, load(logits + i));
  largest = SDFT_ISA::largest(top);
  const Vec base = broadcast(largest == -INFINITY ? 0.0f : largest);
  Vec total{};
  for (int64_t i = 0; i < end; i += kLanes) {
    const Vec e = exp(load(logits + i) - base);
    store(logits + i, e);
    total += e;
  }
  return sum(total);
}

void multiply_by(float* values, int64_t count, float factor) {
  over_vectors(count, [&](int64_t i, int lanes) { store_part(values + i, load_part(values + i, lanes) * broadcast(factor), lanes); });
}

void chunk_statistics(const HeadBlock& block, const Indices& targets, int64_t begin, int64_t end, float* logits, const Statistics& statistics) {
  for (int64_t i = 0; i < block.rows; ++i) {
    const int64_t row = block.row + i, target = targets.data[row], at = begin / kHeadChunk * statistics.rows + row;
    if (target >= begin && target < end) {
      float& logit = logits[i * kHeadChunk + target - begin];
      statistics.target[row] = logit;
      logit = -INFINITY;
    }
    statistics.total[at] = soften(logits + i * kHeadChunk, end - begin, statistics.largest[at]);
  }
}

/// A row's logits but the target's: the largest, Σ e^(logit − largest), and how far it lies above the target's.
struct RowTotals {
  double largest, others, above;

  RowTotals(const Statistics& statistics, int64_t row, int64_t chunks) : largest(static_cast<double>(statistics.largest_of(row, 0, chunks))), others(0) {
    for (int64_t c = 0; c < chunks; ++c) {
      const int64_t at = c * statistics.rows + row;
      others += static_cast<double>(statistics.total[at]) * __builtin_exp(static_cast<double>(statistics.largest[at]) - largest);
    }
    above = largest - static_cast<double>(statistics.target[row]);
  }
  double loss() const { return above > 0 ? above + __builtin_log(others + __builtin_exp(-above)) : __builtin_log1p(others * __builtin_exp(above)); }
  /// 1 / (others + e^−above): what an other's e^(logit − largest) is multiplied by to become its probability.
  double share() const { return above > 0 ? 1 / (others + __builtin_exp(-above)) : __builtin_exp(above) / (1 + others * __builtin_exp(above)); }
};

/// Σ e^(logit − largest) · head over a range of chunks, for each row of a pass.
struct RangeSums {
  float* data;  // (ranges, rows, width)
  int64_t ranges, chunks, rows, width;
  int64_t first_chunk(int64_t range) const { return split(chunks, ranges, range); }
  float* of(int64_t range, int64_t row) const { return data + (range * rows + row) * width; }
};

/// One range for a block of rows of the pass that begins at pass_row.
void sum_range(const PackedWeight& head, const RangeSums& sums, int64_t range, int64_t pass_row, const HeadRows& x, const HeadBlock& block, const Indices& targets,
               const Statistics& statistics, float* logits, float* scratch) {
  float *so_far = scratch + head_scratch(head), *to = sums.of(range, block.row - pass_row);  // so_far (rows): largest logit of the chunks before
  for (int64_t chunk = sums.first_chunk(range); chunk < sums.first_chunk(range + 1); ++chunk) {
    const bool first = chunk == sums.first_chunk(range);
    const int64_t begin = chunk * kHeadChunk, end = smaller(head.rows, begin + kHeadChunk);
    chunk_logits(head, x, block, begin, end, scratch, logits);
    chunk_statistics(block, targets, begin, end, logits, statistics);
    for (int64_t i = 0; i < block.rows; ++i) {
      const float largest = statistics.largest[chunk * statistics.rows + block.row + i];
      if (first) {
        so_far[i] = largest;
      } else if (largest > so_far[i]) {
        multiply_by(to + i * head.cols, head.cols, exp_of(so_far[i] - largest));
        so_far[i] = largest;
      } else {
        multiply_by(logits + i * kHeadChunk, end - begin, exp_of(largest - so_far[i]));
      }
    }
    chunk_backward(head, to, block, begin, end, first ? Finish::store : Finish::add, logits, scratch);
  }
}

/// dx = scale · share · (the ranges' sums, all in units of e^largest, − others · head[target]). memory: head.cols floats of scratch.
void finish_gradient(float* dx, const RangeSums& sums, int64_t pass_row, const Statistics& statistics, int64_t row, const RowTotals& totals, const PackedWeight& head,
                     int32_t target, double scale, float* memory) {
  cpu::read_row(head, target, memory);
  const double share = scale * totals.share();
  float gains[kRanges];
  for (int64_t range = 0; range < sums.ranges; ++range) {
    const float largest = statistics.largest_of(row, sums.first_chunk(range), sums.first_chunk(range + 1));
    gains[range] = static_cast<float>(share * __builtin_exp(static_cast<double>(largest) - totals.largest));
  }
  const Vec loss_of = broadcast(static_cast<float>(-share * totals.others));
  over_vectors(head.cols, [&](int64_t i, int lanes) {
    Vec sum = load_part(memory + i, lanes) * loss_of;
    for (int64_t range = 0; range < sums.ranges; ++range) sum = fma(load_part(sums.of(range, row - pass_row) + i, lanes), broadcast(gains[range]), sum);
    store_part(dx + i, sum, lanes);
  });
}

}  // namespace

void linear_cross_entropy(const Context& context, Tensor loss, Tensor dx, Tensor x, const PackedWeight& head, Indices targets, double scale) {
  const int64_t rows = x.rows, chunks = parts(head.rows, kHeadChunk), threads = context.pool->threads();
  if (rows == 0) return;
  float* memory = context.workspace->shared(0, rows * (2 * chunks + 1));
  const Statistics statistics{memory, memory + chunks * rows, memory + 2 * chunks * rows, rows};
  const HeadRows all = head_rows(context, x, 6);
  constexpr int64_t kLogits = kHeadRows * kHeadChunk;
  const int64_t local_floats = kLogits + head_scratch(head) + kHeadRows;
  if (!dx.data) {
    const HeadBlocks blocks(rows, threads, chunks);
    context.pool->run(blocks.count * chunks, [&](int64_t task, int worker) {
      float* logits = context.workspace->local(worker, local_floats);
      const HeadBlock block = blocks.at(task / chunks);
      const int64_t begin = task % chunks * kHeadChunk, end = smaller(head.rows, begin + kHeadChunk);
      chunk_logits(head, all, block, begin, end, logits + kLogits, logits);
      chunk_statistics(block, targets, begin, end, logits, statistics);
    });
    context.pool->run(rows, [&](int64_t row, int) { *row_of(loss, row) = static_cast<float>(RowTotals(statistics, row, chunks).loss()); });
    return;
  }
  // The sums of all ranges are held for a few blocks of rows at once, enough for all threads.
  const int64_t ranges = smaller(kRanges, chunks), at_once = larger(2, parts(2 * threads, ranges));
  const HeadBlocks blocks(rows, threads, ranges);
  const RangeSums sums{context.workspace->shared(7, ranges * smaller(rows, at_once * kHeadRows) * head.cols), ranges, chunks, smaller(rows, at_once * kHeadRows), head.cols};
  for (int64_t first = 0; first < blocks.count; first += at_once) {
    const int64_t count = smaller(at_once, blocks.count - first), begin = blocks.row(first), end = blocks.row(first + count);
    context.pool->run(count * ranges, [&](int64_t task, int worker) {
      float* logits = context.workspace->local(worker, local_floats);
      sum_range(head, sums, task % ranges, begin, all, blocks.at(first + task / ranges), targets, statistics, logits, logits + kLogits);
    });
    context.pool->run(end - begin, [&](int64_t i, int worker) {
      const RowTotals totals(statistics, begin + i, chunks);
      *row_of(loss, begin + i) = static_cast<float>(totals.loss());
      finish_gradient(row_of(dx, begin + i), sums, begin, statistics, begin + i, totals, head, targets.data[begin + i], scale, context.workspace->local(worker, head.cols));
    });
  }
}

}  // namespace sdft::SDFT_ISA
