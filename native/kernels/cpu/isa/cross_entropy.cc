// Head and cross-entropy in one pass. For a block of rows the vocabulary goes by in chunks: the chunk's logits, its largest and sum, and at once its part of
// dx, scaled to the largest logit so far. Chunks are fixed, so a row's loss depends on nothing else.
// The target stays out of sums and dx until the end: with T = Σ e^logit over the others, dx = (Σ e^logit · head − T · head[target]) / (T + e^target). Taking
// head[target] from a sum that holds it would leave, where the target is likely, little more than rounding errors.
#include "kernels/cpu/isa/exponential.h"
#include "kernels/cpu/isa/head_chunks.h"
#include "kernels/cpu/isa/table.h"

namespace sdft::SDFT_ISA {

using cpu::Context;
using cpu::PackedWeight;

namespace {

/// What is kept of each (chunk, row) without the target, and each row's target logit.
struct Statistics {
  float *largest, *total;  // (chunks, M)
  float* target;           // (M)
  int64_t rows;
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
    const int64_t row = block.first + i, target = targets.data[row], at = begin / kHeadChunk * statistics.rows + row;
    if (target >= begin && target < end) {
      float& logit = logits[i * kHeadChunk + target - begin];
      statistics.target[row] = logit;
      logit = -INFINITY;
    }
    statistics.total[at] = soften(logits + i * kHeadChunk, end - begin, statistics.largest[at]);
  }
}

/// Largest logit of the row but the target's, and the sum of e^(logit − largest) over them, all chunks in order.
double combine(const Statistics& statistics, int64_t row, int64_t chunks, float& largest) {
  largest = statistics.largest[row];
  for (int64_t c = 1; c < chunks; ++c)
    if (statistics.largest[c * statistics.rows + row] > largest) largest = statistics.largest[c * statistics.rows + row];
  double total = 0;
  for (int64_t c = 0; c < chunks; ++c) {
    const int64_t at = c * statistics.rows + row;
    total += static_cast<double>(statistics.total[at]) * __builtin_exp(static_cast<double>(statistics.largest[at]) - static_cast<double>(largest));
  }
  return total;
}

/// All chunks of one block of rows, with the gradient.
void block_with_gradient(const PackedWeight& head, const Tensor& dx, const Tensor& x, const HeadBlock& block, const Indices& targets, const Statistics& statistics,
                         float* logits, float* scratch) {
  float* so_far = scratch + head_scratch(head);  // (rows) largest logit of the chunks before
  for (int64_t begin = 0; begin < head.rows; begin += kHeadChunk) {
    const int64_t end = smaller(head.rows, begin + kHeadChunk);
    chunk_logits(head, x, block, begin, end, scratch, logits);
    chunk_statistics(block, targets, begin, end, logits, statistics);
    for (int64_t i = 0; i < block.rows; ++i) {
      const float largest = statistics.largest[begin / kHeadChunk * statistics.rows + block.first + i];
      if (begin == 0) {
        so_far[i] = largest;
      } else if (largest > so_far[i]) {
        multiply_by(row_of(dx, block.first + i), head.cols, exp_of(so_far[i] - largest));
        so_far[i] = largest;
      } else {
        multiply_by(logits + i * kHeadChunk, end - begin, exp_of(largest - so_far[i]));
      }
    }
    chunk_backward(head, dx, block, begin, end, logits, scratch);
  }
}

}  // namespace

void linear_cross_entropy(const Context& context, Tensor loss, Tensor dx, Tensor x, const PackedWeight& head, Indices targets, double scale) {
  const int64_t rows = x.rows, chunks = parts(head.rows, kHeadChunk), threads = context.pool->threads();
  if (rows == 0) return;
  const int64_t blocks = head_blocks(rows, threads);
  const int64_t logit_floats = kHeadRows * kHeadChunk, scratch_floats = head_scratch(head) + kHeadRows;
  float* memory = context.workspace->shared(0, rows * (2 * chunks + 1));
  const Statistics statistics{memory, memory + chunks * rows, memory + 2 * chunks * rows, rows};
  auto block_of = [&](int64_t index) { return HeadBlock{split(rows, blocks, index), split(rows, blocks, index + 1) - split(rows, blocks, index)}; };
  // Without a gradient the chunks are work of their own; with it they follow each other, because dx gathers them in order.
  context.pool->run(dx.data ? blocks : blocks * chunks, [&](int64_t task, int worker) {
    float* logits = context.workspace->local(worker, logit_floats + scratch_floats);
    float* scratch = logits + logit_floats;
    if (dx.data) return block_with_gradient(head, dx, x, block_of(task), targets, statistics, logits, scratch);
    const HeadBlock block = block_of(task / chunks);
    const int64_t begin = task % chunks * kHeadChunk, end = smaller(head.rows, begin + kHeadChunk);
    chunk_logits(head, x, block, begin, end, scratch, logits);
    chunk_statistics(block, targets, begin, end, logits, statistics);
  });
  context.pool->run(rows, [&](int64_t row, int worker) {
    float largest;
    const double others = combine(statistics, row, chunks, largest);
    const double above = static_cast<double>(largest) - static_cast<double>(statistics.target[row]);
    const double loss_of_row = above > 0 ? above + __builtin_log(others + __builtin_exp(-above)) : __builtin_log1p(others * __builtin_exp(above));
    *row_of(loss, row) = static_cast<float>(loss_of_row);
    if (!dx.data) return;
    // dx = scale · (sums − others · head[target]) / (others + e^−above), everything in units of e^largest
    float* target = context.workspace->local(worker, head.cols);
    cpu::read_row(head, targets.data[row], target);
    float* to = row_of(dx, row);
    const double share = above > 0 ? scale / (others + __builtin_exp(-above)) : scale * __builtin_exp(above) / (1 + others * __builtin_exp(above));
    const Vec gain = broadcast(static_cast<float>(share)), loss_of = broadcast(static_cast<float>(-share * others));
    over_vectors(head.cols, [&](int64_t i, int lanes) {
      store_part(to + i, fma(load_part(to + i, lanes), gain, load_part(target + i, lanes) * loss_of), lanes);
    });
  });
}

}  // namespace sdft::SDFT_ISA
