// Attention backward. A strip (some queries of a segment) and a kv head make one task: its rows' dq, and their share of dk and dv apart; then each key's
// shares are added in the order of the strips. Probabilities are made again from the logsumexp, page by page.
#include "kernels/cpu/isa/attention_rows.h"
#include "kernels/cpu/isa/exponential.h"
#include "kernels/cpu/isa/row_product.h"
#include "kernels/cpu/isa/table.h"

namespace sdft::SDFT_ISA {

using cpu::Context;

namespace {

/// Rows (queries × heads of a group) worked on at once. Fixed: it decides nothing about the order of sums, only what stays in cache.
constexpr int64_t kRows = 112;

struct Work {
  float *probabilities, *dscores;         // (rows, kPageRows)
  float *queries, *douts, *dqueries;      // (rows, D)
  float *logsumexp, *along;               // (rows); along = dout · out
  static int64_t floats(int64_t rows, int64_t size) { return rows * (2 * kPageRows + 3 * size + 2); }
  Work(float* memory, int64_t rows, int64_t size) {
    probabilities = memory;
    dscores = probabilities + rows * kPageRows;
    queries = dscores + rows * kPageRows;
    douts = queries + rows * size;
    dqueries = douts + rows * size;
    logsumexp = dqueries + rows * size;
    along = logsumexp + rows;
  }
};

struct Inputs {
  Tensor dout, out, logsumexp, q;
};

void load_block(const Inputs& in, const cpu::QueryBlock& block, const HeadGroup& group, int64_t kv_head, float scale, const Work& work) {
  stack_heads(in.q, block.row, block.count, group, scale, work.queries);
  stack_heads(in.dout, block.row, block.count, group, 1.0f, work.douts);
  std::memset(work.dqueries, 0, static_cast<size_t>(block.count * group.heads * group.size) * sizeof(float));
  for (int64_t i = 0; i < block.count; ++i) {
    for (int64_t head = 0; head < group.heads; ++head) {
      const int64_t r = i * group.heads + head;
      work.logsumexp[r] = row_of(in.logsumexp, block.row + i)[kv_head * group.heads + head];
      const float *out = row_of(in.out, block.row + i) + group.first + head * group.size, *dout = work.douts + r * group.size;
      Vec along{};
      over_vectors(group.size, [&](int64_t c, int lanes) { along = fma(load_part(out + c, lanes), load_part(dout + c, lanes), along); });
      work.along[r] = sum(along);
    }
  }
}

/// scores → probabilities, dprobabilities → dscores, of the keys [low, high) of a page; zero elsewhere.
void soften_backward(float* scores, float* dprobabilities, int64_t low, int64_t high, float logsumexp, float along) {
  for (int64_t i = 0; i < kPageRows; i += kLanes) {
    const Vec p = exp(load(scores + i) - broadcast(logsumexp));
    store(scores + i, p);
    store(dprobabilities + i, p * (load(dprobabilities + i) - broadcast(along)));
  }
  for (int64_t i = 0; i < low; ++i) scores[i] = dprobabilities[i] = 0;
  for (int64_t i = larger(0, high); i < kPageRows; ++i) scores[i] = dprobabilities[i] = 0;
}

/// out (rows of `p`) += A · B over k in [begin, end), from the stored sums on.
template <bool kAlongK>
void accumulate(const RowProduct& p, int64_t begin, int64_t end) {
  const int64_t tiles = tile_count(p.rows);
  for (int64_t i = 0; i < tiles; ++i) {
    const int64_t row = split(p.rows, tiles, i), height = split(p.rows, tiles, i + 1) - row;
    for (int64_t column = 0; column < p.columns;) {
      float* out = p.out + row * p.out_row + column;
      column += multiply_tile<kAlongK>(p, row, height, column, p.columns, begin, end, out, p.out_row, out, p.out_row, Finish::store, 1.0f);
    }
  }
}

struct Gradients {
  float *dk, *dv;  // (positions, D) of one strip and kv head
  int64_t first_key, end_key;
};

void backward_page(const cpu::QueryBlock& block, int64_t page_start, const HeadGroup& group, const cpu::PageMemory& memory, int64_t kv_head, const Work& work,
                   const Gradients& gradients) {
  const int64_t size = group.size, offset = kv_head * kPageRows * size, page = block.pages[page_start / kPageRows];
  // The queries that see any of this page.
  const int64_t first_query = larger(0, page_start - block.position);
  const int64_t end_query = group.window > 0 ? smaller(block.count, page_start + kPageRows - 1 + group.window - block.position) : block.count;
  if (first_query >= end_query) return;
  const int64_t first = first_query * group.heads, rows = (end_query - first_query) * group.heads, tiles = tile_count(rows);
  float *probabilities = work.probabilities + first * kPageRows, *dscores = work.dscores + first * kPageRows;
  const float *queries = work.queries + first * size, *douts = work.douts + first * size;
  for (int64_t key = 0; key < kPageRows; key += kPanel) {
    const char* keys = reinterpret_cast<const char*>(memory.keys + page * memory.key_step + offset + key * size);
    const char* values = reinterpret_cast<const char*>(memory.value_panels + page * memory.key_step + offset + key * size);
    for (int64_t i = 0; i < tiles; ++i) {
      const int64_t row = split(rows, tiles, i), height = split(rows, tiles, i + 1) - row;
      kF32Tiles.one[height - 1](Tile{queries + row * size, size, 1, keys, 0, 0, size, nullptr, 0, probabilities + row * kPageRows + key, kPageRows, kPanel,
                                     Finish::store, 1.0f, nullptr});
      kF32Tiles.one[height - 1](Tile{douts + row * size, size, 1, values, 0, 0, size, nullptr, 0, dscores + row * kPageRows + key, kPageRows, kPanel,
                                     Finish::store, 1.0f, nullptr});
    }
  }
  for (int64_t r = 0; r < rows; ++r) {
    const int64_t position = block.position + (first + r) / group.heads;
    soften_backward(probabilities + r * kPageRows, dscores + r * kPageRows, group.first_visible(position) - page_start, position + 1 - page_start,
                    work.logsumexp[first + r], work.along[first + r]);
  }
  const int64_t slot = larger(0, gradients.first_key - page_start), end_slot = smaller(kPageRows, gradients.end_key - page_start);
  const int64_t at = (page_start + slot - gradients.first_key) * size;
  accumulate<false>({gradients.dv + at, size, end_slot - slot, size, rows, probabilities + slot, 1, kPageRows, douts, size, false, Finish::store, 1.0f}, 0, rows);
  accumulate<false>({gradients.dk + at, size, end_slot - slot, size, rows, dscores + slot, 1, kPageRows, queries, size, false, Finish::store, 1.0f}, 0, rows);
  accumulate<true>({work.dqueries + first * size, size, rows, size, kPageRows, dscores, kPageRows, 1, memory.key_rows + page * memory.value_step + offset, size,
                    false, Finish::store, 1.0f},
                   slot, end_slot);
}

void backward_strip(const cpu::Strip& strip, int64_t kv_head, const Inputs& in, Tensor dq, const cpu::PageMemory& memory, const AttentionShape& shape,
                    float* shares, float* scratch) {
  const HeadGroup group(shape, kv_head);
  const int64_t size = group.size, span = (strip.end_key - strip.first_key) * size, queries = larger(1, kRows / group.heads);
  const Gradients gradients{shares + strip.scratch + kv_head * 2 * span, shares + strip.scratch + kv_head * 2 * span + span, strip.first_key, strip.end_key};
  std::memset(gradients.dk, 0, static_cast<size_t>(2 * span) * sizeof(float));
  const Work work(scratch, larger(kRows, group.heads), size);
  for (int64_t first = 0; first < strip.queries.count; first += queries) {
    const cpu::QueryBlock block{strip.queries.row + first, smaller(queries, strip.queries.count - first), strip.queries.position + first, strip.queries.pages};
    load_block(in, block, group, kv_head, static_cast<float>(shape.scale), work);
    const int64_t end = block.position + block.count;
    for (int64_t page = group.first_visible(block.position) / kPageRows * kPageRows; page < end; page += kPageRows)
      backward_page(block, page, group, memory, kv_head, work, gradients);
    for (int64_t i = 0; i < block.count; ++i) {
      const float* from = work.dqueries + i * group.heads * size;
      float* to = row_of(dq, block.row + i) + group.first;
      const Vec scale = broadcast(static_cast<float>(shape.scale));
      over_vectors(group.heads * size, [&](int64_t c, int lanes) { store_part(to + c, load_part(from + c, lanes) * scale, lanes); });
    }
  }
}

void gather(const cpu::Gathering& rows, const cpu::BackwardTasks& tasks, Tensor dk, Tensor dv, const float* shares, const AttentionShape& shape) {
  const int64_t size = shape.head_size;
  for (int64_t i = 0; i < rows.count; ++i) {
    const int64_t position = rows.position + i;
    for (int64_t head = 0; head < shape.kv_heads; ++head) {
      float *key = row_of(dk, rows.row + i) + head * size, *value = row_of(dv, rows.row + i) + head * size;
      over_vectors(size, [&](int64_t c, int lanes) {
        Vec key_sum{}, value_sum{};
        for (int64_t s = 0; s < rows.strip_count; ++s) {
          const cpu::Strip& strip = tasks.strips[rows.strips[s]];
          if (position < strip.first_key || position >= strip.end_key) continue;
          const int64_t span = (strip.end_key - strip.first_key) * size;
          const float* share = shares + strip.scratch + head * 2 * span + (position - strip.first_key) * size + c;
          key_sum += load_part(share, lanes);
          value_sum += load_part(share + span, lanes);
        }
        store_part(key + c, key_sum, lanes);
        store_part(value + c, value_sum, lanes);
      });
    }
  }
}

}  // namespace

void attend_backward(const Context& context, Tensor dq, Tensor dk, Tensor dv, Tensor dout, Tensor out, Tensor logsumexp, Tensor q,
                     const cpu::BackwardTasks& tasks, const cpu::PageMemory& memory, const AttentionShape& shape) {
  const int64_t heads = shape.kv_heads;
  float* shares = context.workspace->shared(4, tasks.scratch_floats);
  context.pool->run(tasks.strip_count * heads, [&](int64_t task, int worker) {
    float* scratch = context.workspace->local(worker, Work::floats(larger(kRows, shape.query_heads / heads), shape.head_size));
    backward_strip(tasks.strips[task / heads], task % heads, {dout, out, logsumexp, q}, dq, memory, shape, shares, scratch);
  });
  context.pool->run(tasks.gathering_count, [&](int64_t task, int) { gather(tasks.gatherings[task], tasks, dk, dv, shares, shape); });
}

}  // namespace sdft::SDFT_ISA
