// Attention forward, with online softmax over blocks of kKeyBlock keys at absolute positions. One kernel for keys of the step and of the cache: both come as
// pages. What a row does not see adds exact zeros, so its bits depend on its own keys alone.
#include "kernels/cpu/isa/attention_rows.h"
#include "kernels/cpu/isa/attention_tiles.h"
#include "kernels/cpu/isa/exponential.h"
#include "kernels/cpu/isa/panels.h"
#include "kernels/cpu/isa/table.h"

namespace sdft::SDFT_ISA {

using cpu::Context;

namespace {

constexpr int64_t kBlockPages = 4, kKeyBlock = kBlockPages * kPageRows;
static_assert(kPageRows % kPanel == 0, "a page of keys is whole panels");

/// Scratch of one block of queries.
struct Work {
  float *queries, *scores, *sums;  // (rows, D), (rows, kKeyBlock), (rows, D)
  float *largest, *total, *shrink; // (rows)
  static int64_t floats(int64_t rows, int64_t size) { return rows * (2 * size + kKeyBlock + 3) + 64; }
  Work(float* memory, int64_t rows, int64_t size) {
    scores = memory;
    queries = scores + rows * kKeyBlock;
    sums = queries + rows * size;
    largest = sums + rows * size;
    total = largest + rows;
    shrink = total + rows;
  }
};

/// The lanes of one row's next block that hold keys it sees, [low, high), and some that are hidden.
struct Seen {
  int64_t first, last;
  Seen(int64_t low, int64_t high) : first(low < high ? low / kLanes * kLanes : 0), last(low < high ? round_up(high, kLanes) : 0) {}
};

/// Hides what a row does not see of its next block's scores, [low, high) of them. Returns what earlier sums are to be multiplied by, since the largest may have grown.
float find_largest(float* scores, int64_t low, int64_t high, float& largest, float& total) {
  const Seen seen(low, high);
  if (seen.first == seen.last) return 1;
  store(scores + seen.first, load(scores + seen.first) + unseen(seen.first, low, high));
  if (seen.last - kLanes > seen.first) store(scores + seen.last - kLanes, load(scores + seen.last - kLanes) + unseen(seen.last - kLanes, low, high));
  Vec top = load(scores + seen.first);
  for (int64_t i = seen.first + kLanes; i < seen.last; i += kLanes) top = max(top, load(scores + i));
  const float before = largest, block_largest = SDFT_ISA::largest(top);
  if (block_largest <= before) return 1;
  largest = block_largest;
  if (total == 0) return 1;  // the first block
  const float shrink = exp_of(before - block_largest);
  total *= shrink;
  return shrink;
}

/// Then the scores become e^(score − largest), all others of the `width` zero. Returns their sum.
float soften(float* scores, int64_t low, int64_t high, int64_t width, float largest) {
  const Seen seen(low, high);
  Vec added{};
  const Vec base = broadcast(largest);
  for (int64_t i = seen.first; i < seen.last; i += kLanes) {
    const Vec e = exp(load(scores + i) - base);
    store(scores + i, e);
    added += e;
  }
  clear(scores, 0, seen.first);
  clear(scores, seen.last, width);
  return sum(added);
}

struct Pages {
  const cpu::PageMemory& memory;
  const int32_t* pages;
  int64_t kv_head, size;
  const float* keys(int64_t position) const {
    return memory.keys + pages[position / kPageRows] * memory.key_step + (kv_head * kPageRows + position % kPageRows) * size;
  }
  const float* values(int64_t position) const { return memory.values + pages[position / kPageRows] * memory.value_step + kv_head * kPageRows * size; }
};

/// What is asked for while the values of the last keys are read: the first keys of the work that follows.
struct Following {
  Pages pages;
  int64_t end_key;  // 0: nothing follows
};

void attend_block(const cpu::QueryBlock& block, const HeadGroup& group, const Pages& pages, const Following& following, Tensor q, float scale, Tensor out,
                  Tensor logsumexp, int64_t kv_head, float* memory) {
  const int64_t rows = block.count * group.heads, size = group.size, tiles = square_count(rows);
  Work work(memory, rows, size);
  stack_heads(q, block.row, block.count, group, scale, work.queries);
  std::memset(work.sums, 0, static_cast<size_t>(rows * size) * sizeof(float));
  for (int64_t r = 0; r < rows; ++r) work.largest[r] = -INFINITY, work.total[r] = 0;
  const bool both_ways = block.end_key > 0;  // never with a window
  // The last key that a row sees.
  auto position = [&](int64_t row) { return both_ways ? block.end_key - 1 : block.position + group.query(row); };
  const int64_t end_key = both_ways ? block.end_key : block.position + block.count;
  // Few rows wait for memory: while keys are read their values are asked for, and with these the keys that come next.
  const bool waits = tiles <= 2;
  const AttentionTable& table = waits ? kAttentionTilesAhead : kAttentionTiles;
  for (int64_t base = group.first_visible(block.position) / kKeyBlock * kKeyBlock; base < end_key; base += kKeyBlock) {
    const int64_t width = smaller(kKeyBlock, round_up(end_key - base, kPanel));
    const float *values[kBlockPages], *next_keys[kBlockPages];
    for (int64_t i = 0; i * kPageRows < width; ++i) {
      const int64_t key = i * kPageRows;
      values[i] = next_keys[i] = pages.values(base + key);
      if (base + kKeyBlock + key < end_key) next_keys[i] = pages.keys(base + kKeyBlock + key);
      else if (base + kKeyBlock >= end_key && key < following.end_key) next_keys[i] = following.pages.keys(key);
    }
    auto low = [&](int64_t row) { return larger(0, group.first_visible(position(row)) - base); };
    auto high = [&](int64_t row) { return smaller(width, position(row) + 1 - base); };
    auto keys = [&](int64_t key) { return pages.keys(base + key); };
    auto next_values = [&](int64_t key) { return values[key / kPageRows] + key % kPageRows * size; };
    // A panel or two at a time, which stay in the first-level cache for all rows.
    const int64_t strip = waits ? kKeyBlock : 2 * kPanel;
    for (int64_t key = 0; key < width; key += strip) {
      for (TileWalk tile(rows, tiles); tile; tile.next()) {
        const int64_t first = larger(key, low(tile.row) / kPanel * kPanel), end = smaller(key + strip, high(tile.row + tile.height - 1));
        score(table, {work.queries + tile.row * size, size, work.scores + tile.row * kKeyBlock, kKeyBlock}, tile.height, first, end, keys, next_values);
      }
    }
    for (int64_t r = 0; r < rows; ++r) work.shrink[r] = find_largest(work.scores + r * kKeyBlock, low(r), high(r), work.largest[r], work.total[r]);
    for (int64_t r = 0; r < rows; ++r) work.total[r] += soften(work.scores + r * kKeyBlock, low(r), high(r), width, work.largest[r]);
    for (int64_t column = 0; column < size; column += kWeighColumns) {
      for (TileWalk tile(rows, tiles); tile; tile.next()) {
        const int64_t first = low(tile.row), end = high(tile.row + tile.height - 1);
        if (first >= end) continue;
        weigh(table, {work.scores + tile.row * kKeyBlock, kKeyBlock, values, size, first, end, work.shrink + tile.row, work.sums + tile.row * size, next_keys}, tile.height,
              column, smaller(size, column + kWeighColumns));
      }
    }
  }
  for (int64_t i = 0; i < block.count; ++i) {
    for (int64_t head = 0; head < group.heads; ++head) {
      const int64_t r = i * group.heads + head;
      const float* sums = work.sums + r * size;
      float* to = row_of(out, block.row + i) + group.first + head * size;
      const Vec inverse = broadcast(1.0f / work.total[r]);
      over_vectors(size, [&](int64_t c, int lanes) { store_part(to + c, load_part(sums + c, lanes) * inverse, lanes); });
      if (logsumexp.data)
        row_of(logsumexp, block.row + i)[kv_head * group.heads + head] =
            static_cast<float>(static_cast<double>(work.largest[r]) + __builtin_log(static_cast<double>(work.total[r])));
    }
  }
}

}  // namespace

void attend(const Context& context, Tensor out, Tensor logsumexp, Tensor q, const cpu::AttentionTasks& tasks, const cpu::PageMemory& memory,
            const AttentionShape& shape) {
  // The heads of a block one after the other where there are blocks for everyone: what follows is then known.
  const int64_t heads = shape.kv_heads, threads = context.pool->threads(), run = tasks.count >= 8 * threads ? heads : 1;
  context.pool->run(tasks.count * heads / run, [&](int64_t task, int worker) {
    for (int64_t unit = task * run; unit < (task + 1) * run; ++unit) {
      const cpu::QueryBlock& block = tasks.blocks[unit / heads];
      const HeadGroup group(shape, unit % heads);
      const Pages pages{memory, block.pages, unit % heads, shape.head_size};
      // In the next run, what follows where threads take turns.
      const int64_t after = unit + 1 < (task + 1) * run ? unit + 1 : (task + threads) * run;
      const bool follows = after < tasks.count * heads && shape.window == 0;
      const cpu::QueryBlock& then = tasks.blocks[follows ? after / heads : 0];
      const Following following{{memory, then.pages, after % heads, shape.head_size}, follows ? then.position + then.count : 0};
      float* scratch = context.workspace->local(worker, Work::floats(tasks.largest * group.heads, shape.head_size));
      attend_block(block, group, pages, following, q, static_cast<float>(shape.scale), out, logsumexp, unit % heads, scratch);
    }
  }, ThreadPool::Order::in_turn);
}

namespace {

/// Row of D floats into its slot of a page of keys: [panel][D][P].
inline void store_key(const float* from, int64_t size, int64_t slot, float* page) {
  float* to = page + slot / kPanel * kPanel * size + slot % kPanel;
  for (int64_t d = 0; d < size; ++d) to[d * kPanel] = from[d];
}

/// Rows that fill whole panels are turned block by block.
void store_keys(const Tensor& x, const cpu::PageRun& run, int64_t column, int64_t size, float* page) {
  for (int64_t i = 0; i < run.count;) {
    const int64_t slot = run.slot + i;
    if (slot % kPanel == 0 && run.count - i >= kPanel) {
      transpose(row_of(x, run.row + i) + column, x.stride, kPanel, size, page + slot * size, kPanel);
      i += kPanel;
    } else {
      store_key(row_of(x, run.row + i) + column, size, slot, page);
      ++i;
    }
  }
}

void store_values(const Tensor& x, const cpu::PageRun& run, int64_t column, int64_t size, float* page) {
  for (int64_t i = 0; i < run.count; ++i)
    std::memcpy(page + (run.slot + i) * size, row_of(x, run.row + i) + column, static_cast<size_t>(size) * sizeof(float));
}

}  // namespace

void store_runs(const Context& context, const cpu::PageRuns& runs, const cpu::PageMemory& memory, Tensor k, Tensor v, const AttentionShape& shape) {
  const int64_t size = shape.head_size;
  over_rows(context, runs.count, 4 * kPageRows * k.cols, [&](int64_t index) {
    const cpu::PageRun& run = runs.data[index];
    for (int64_t head = 0; head < shape.kv_heads; ++head) {
      const int64_t offset = head * kPageRows * size, column = head * size;
      store_keys(k, run, column, size, memory.keys + run.page * memory.key_step + offset);
      store_values(v, run, column, size, memory.values + run.page * memory.value_step + offset);
      if (memory.value_panels) store_keys(v, run, column, size, memory.value_panels + run.page * memory.key_step + offset);
      if (memory.key_rows) store_values(k, run, column, size, memory.key_rows + run.page * memory.value_step + offset);
    }
  });
}

}  // namespace sdft::SDFT_ISA
