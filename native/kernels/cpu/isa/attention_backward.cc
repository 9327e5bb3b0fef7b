// Attention backward. A strip (some queries of a segment) and a kv head make one task: its rows' dq, and their share of dk and dv apart; then each key's
// shares are added in the order of the strips. Probabilities are made again from the logsumexp, page by page.
#include "kernels/cpu/isa/attention_rows.h"
#include "kernels/cpu/isa/attention_tiles.h"
#include "kernels/cpu/isa/exponential.h"
#include "kernels/cpu/isa/row_product.h"
#include "kernels/cpu/isa/table.h"

namespace sdft::SDFT_ISA {

using cpu::Context;

namespace {

/// Rows (queries × heads of a group) worked on at once. Fixed: it decides nothing about the order of sums, only what stays in cache.
constexpr int64_t kRows = 112;
/// Keys worked on at once.
constexpr int64_t kSpanPages = 4, kSpan = kSpanPages * kPageRows;

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

/// scores → probabilities, dprobabilities → dscores, of the keys [low, high) of a span; zero elsewhere in its first `width`.
void soften_backward(float* scores, float* dprobabilities, int64_t low, int64_t high, int64_t width, float logsumexp, float along) {
  low = larger(0, low);
  high = larger(low, smaller(width, high));
  const int64_t first = low / kLanes * kLanes, last = round_up(high, kLanes);
  for (int64_t i = first; i < last; i += kLanes) {
    const Vec p = exp(load(scores + i) + unseen(i, low, high) - broadcast(logsumexp));
    store(scores + i, p);
    store(dprobabilities + i, p * (load(dprobabilities + i) - broadcast(along)));
  }
  for (float* values : {scores, dprobabilities}) {
    clear(values, 0, first);
    clear(values, last, width);
  }
}

struct Gradients {
  float *dk, *dv;  // (positions, D) of one strip and kv head
  int64_t first_key, end_key;
};

/// The keys [start, start + kSpan) of a block of queries. ask_ahead(row) is called on the way, once for each row that sees any.
template <class AskAhead>
void backward_span(const cpu::QueryBlock& block, int64_t start, const HeadGroup& group, const cpu::PageMemory& memory, int64_t kv_head, const Work& work,
                   const Gradients& gradients, const AskAhead& ask_ahead) {
  const int64_t size = group.size, heads = group.heads, offset = kv_head * kPageRows * size;
  const int64_t width = smaller(kSpan, round_up(block.position + block.count - start, kPageRows));
  // The queries that see any of these keys.
  const int64_t first_query = larger(0, start - block.position);
  const int64_t end_query = group.window > 0 ? smaller(block.count, start + width - 1 + group.window - block.position) : block.count;
  if (first_query >= end_query) return;
  const int64_t first = first_query * heads, rows = (end_query - first_query) * heads, tiles = square_count(rows);
  float *probabilities = work.probabilities + first * kSpan, *dscores = work.dscores + first * kSpan;
  const float *queries = work.queries + first * size, *douts = work.douts + first * size;
  auto position = [&](int64_t row) { return block.position + group.query(first + row); };
  auto low = [&](int64_t row) { return larger(0, group.first_visible(position(row)) - start); };
  auto high = [&](int64_t row) { return smaller(width, position(row) + 1 - start); };
  auto page = [&](const float* pages, int64_t step, int64_t key) { return pages + block.pages[(start + key) / kPageRows] * step + offset; };
  // out = rows · (what the pages hold)ᵀ. One after the other, so that either's panels stay in cache for all rows.
  auto multiply = [&](const float* pages, const float* from, float* out) {
    const auto panel_of = [&](int64_t key) { return page(pages, memory.key_step, key) + key % kPageRows * size; };
    for (int64_t key = 0; key < width; key += 2 * kPanel) {
      for (TileWalk tile(rows, tiles); tile; tile.next()) {
        const int64_t from_key = larger(key, low(tile.row) / kPanel * kPanel), end = smaller(key + 2 * kPanel, high(tile.row + tile.height - 1));
        score(kAttentionTiles, ScoreTile<float>{from + tile.row * size, size, out + tile.row * kSpan, kSpan}, tile.height, from_key, end, panel_of);
      }
    }
  };
  multiply(memory.keys, queries, probabilities);
  multiply(memory.value_panels, douts, dscores);
  for (int64_t r = 0; r < rows; ++r) {
    ask_ahead(first + r);
    soften_backward(probabilities + r * kSpan, dscores + r * kSpan, low(r), high(r), width, work.logsumexp[first + r], work.along[first + r]);
  }

  const float* key_rows[kSpanPages];
  for (int64_t key = 0; key < width; key += kPageRows) key_rows[key / kPageRows] = page(memory.key_rows, memory.value_step, key);
  for (int64_t column = 0; column < size; column += kWeighColumns) {
    for (TileWalk tile(rows, tiles); tile; tile.next()) {
      const int64_t from_key = low(tile.row), end = high(tile.row + tile.height - 1);
      weigh(kAttentionTiles, WeighTile<float>{dscores + tile.row * kSpan, kSpan, key_rows, size, from_key, end, nullptr, work.dqueries + (first + tile.row) * size}, tile.height, column,
            smaller(size, column + kWeighColumns));
    }
  }

  // dk and dv of the keys that are this strip's: sums over the rows that see them. Rows before and after these hold zeros.
  const int64_t first_key = larger(0, gradients.first_key - start), keys = smaller(width, gradients.end_key - start) - first_key;
  const int64_t at = (start + first_key - gradients.first_key) * size;
  const RowProduct sums[] = {{gradients.dv + at, size, keys, size, rows, probabilities + first_key, 1, kSpan, douts, size, false, Finish::store, 1.0f},
                             {gradients.dk + at, size, keys, size, rows, dscores + first_key, 1, kSpan, queries, size, false, Finish::store, 1.0f}};
  for (const RowProduct& sum : sums) {
    for (TileWalk tile(keys, square_count(keys)); tile; tile.next()) {
      const int64_t key = start + first_key + tile.row;
      const int64_t begin = larger(0, (key - block.position) * heads - first);
      const int64_t end = group.window > 0 ? smaller(rows, (key + tile.height - 1 + group.window - block.position) * heads - first) : rows;
      ask_for(sum.out + tile.row * size, tile.height * size);  // too many to have stayed in cache since the rows before
      for (int64_t column = 0; column < size && begin < end;) {
        float* out = sum.out + tile.row * size + column;
        column += multiply_tile<false>(sum, tile.row, tile.height, column, size, begin, end, out, size, out, size, Finish::store, 1.0f);
      }
    }
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
    const int64_t begin = group.first_visible(block.position) / kSpan * kSpan, end = block.position + block.count;
    const int64_t next_rows = smaller(queries, strip.queries.count - first - block.count) * group.heads;
    for (int64_t key = begin; key < end; key += kSpan) {
      backward_span(block, key, group, memory, kv_head, work, gradients, [&](int64_t row) {
        if (key > begin || row >= next_rows) return;
        for (const Tensor* x : {&in.q, &in.dout, &in.out}) ask_for_stacked(*x, block.row + block.count, row, group);
      });
    }
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
