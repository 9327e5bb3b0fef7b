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
/// Keys worked on at once: whole pages, and what a tile takes.
constexpr int64_t kSpan = kPageRows > kTallWidth ? kPageRows : kTallWidth;
static_assert(kSpan % kPageRows == 0, "a span is whole pages");

struct Work {
  float *probabilities, *dscores;         // (rows, kSpan)
  float *queries, *douts, *dqueries;      // (rows, D)
  float *logsumexp, *along;               // (rows); along = dout · out
  static int64_t floats(int64_t rows, int64_t size) { return rows * (2 * kSpan + 3 * size + 2); }
  Work(float* memory, int64_t rows, int64_t size) {
    probabilities = memory;
    dscores = probabilities + rows * kSpan;
    queries = dscores + rows * kSpan;
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

/// scores → probabilities, dprobabilities → dscores, of the keys [low, high) of a span; zero elsewhere.
void soften_backward(float* scores, float* dprobabilities, int64_t low, int64_t high, float logsumexp, float along) {
  low = larger(0, low);
  high = larger(low, smaller(kSpan, high));
  const int64_t first = low / kLanes * kLanes, last = round_up(high, kLanes);
  for (int64_t i = first; i < last; i += kLanes) {
    const Vec p = exp(load(scores + i) + unseen(i, low, high) - broadcast(logsumexp));
    store(scores + i, p);
    store(dprobabilities + i, p * (load(dprobabilities + i) - broadcast(along)));
  }
  for (float* values : {scores, dprobabilities}) {
    clear(values, 0, first);
    clear(values, last, kSpan);
  }
}

/// out (rows of `p`) += A · B over k in [begin, end), from the stored sums on.
template <bool kAlongK>
void accumulate(const RowProduct& p, int64_t begin, int64_t end) {
  for (TileWalk tile(p.rows, tall_count(p.rows)); tile; tile.next()) {
    for (int64_t column = 0; column < p.columns;) {
      float* out = p.out + tile.row * p.out_row + column;
      column += multiply_tile<kAlongK>(p, tile.row, tile.height, column, p.columns, begin, end, out, p.out_row, out, p.out_row, Finish::store, 1.0f);
    }
  }
}

struct Gradients {
  float *dk, *dv;  // (positions, D) of one strip and kv head
  int64_t first_key, end_key;
};

/// The keys [start, start + kSpan) of a block of queries.
void backward_span(const cpu::QueryBlock& block, int64_t start, const HeadGroup& group, const cpu::PageMemory& memory, int64_t kv_head, const Work& work,
                   const Gradients& gradients) {
  const int64_t size = group.size, heads = group.heads, offset = kv_head * kPageRows * size;
  // The queries that see any of these keys.
  const int64_t first_query = larger(0, start - block.position);
  const int64_t end_query = group.window > 0 ? smaller(block.count, start + kSpan - 1 + group.window - block.position) : block.count;
  if (first_query >= end_query) return;
  const int64_t first = first_query * heads, rows = (end_query - first_query) * heads, tiles = tall_count(rows);
  float *probabilities = work.probabilities + first * kSpan, *dscores = work.dscores + first * kSpan;
  const float *queries = work.queries + first * size, *douts = work.douts + first * size;
  auto position = [&](int64_t row) { return block.position + group.query(first + row); };
  auto panel = [&](const float* pages, int64_t key) {
    return pages + block.pages[key / kPageRows] * memory.key_step + offset + key % kPageRows * size;
  };
  // out = rows · (what the pages hold)ᵀ. One after the other, so that either's panels stay in cache for all rows.
  auto multiply = [&](const float* pages, const float* from, float* out) {
    for (TileWalk tile(rows, tiles); tile; tile.next()) {
      const int64_t row = tile.row, height = tile.height, seen = smaller(kSpan, position(row + height - 1) + 1 - start);
      for (int64_t key = start; key < start + seen;)
        key += multiply_keys(panel(pages, key), start + seen - key > kPanel ? panel(pages, key + kPanel) : nullptr, from + row * size, height, size,
                             out + row * kSpan + key - start, kSpan);
    }
  };
  multiply(memory.keys, queries, probabilities);
  multiply(memory.value_panels, douts, dscores);
  for (int64_t r = 0; r < rows; ++r)
    soften_backward(probabilities + r * kSpan, dscores + r * kSpan, group.first_visible(position(r)) - start, position(r) + 1 - start, work.logsumexp[first + r],
                    work.along[first + r]);
  for (int64_t page = 0; page < kSpan; page += kPageRows) {
    const int64_t slot = larger(0, gradients.first_key - start - page), end_slot = smaller(kPageRows, gradients.end_key - start - page);
    if (slot >= end_slot) continue;
    const int64_t at = (start + page + slot - gradients.first_key) * size, from = page + slot;
    // Rows before the first that sees this page hold zeros.
    const int64_t begin = smaller(rows, larger(0, (start + page - block.position) * heads - first));
    accumulate<false>({gradients.dv + at, size, end_slot - slot, size, rows, probabilities + from, 1, kSpan, douts, size, false, Finish::store, 1.0f}, begin, rows);
    accumulate<false>({gradients.dk + at, size, end_slot - slot, size, rows, dscores + from, 1, kSpan, queries, size, false, Finish::store, 1.0f}, begin, rows);
    const float* key_rows = memory.key_rows + block.pages[(start + page) / kPageRows] * memory.value_step + offset;
    accumulate<true>({work.dqueries + (first + begin) * size, size, rows - begin, size, kPageRows, dscores + begin * kSpan + page, kSpan, 1, key_rows, size, false,
                      Finish::store, 1.0f},
                     slot, end_slot);
  }
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
    for (int64_t key = group.first_visible(block.position) / kSpan * kSpan; key < end; key += kSpan)
      backward_span(block, key, group, memory, kv_head, work, gradients);
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
