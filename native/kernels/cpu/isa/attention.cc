// Attention forward, with online softmax over blocks of kKeyBlock keys at absolute positions. One kernel for keys of the step and of the cache: both come as
// pages, of floats or halves. What a row does not see adds exact zeros, so its bits depend on its own keys alone.
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
  float *keys, *values;            // (kKeyBlock, D), where halves become floats
  float *queries, *scores, *sums;  // (rows, D), (rows, kKeyBlock), (rows, D)
  float *largest, *total, *shrink; // (rows)
  static int64_t floats(int64_t rows, int64_t size) { return rows * (2 * size + kKeyBlock + 3) + 2 * kKeyBlock * size + 64; }
  Work(float* memory, int64_t rows, int64_t size) {
    keys = memory;
    values = keys + kKeyBlock * size;
    scores = values + kKeyBlock * size;
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

/// Pages of all segments and heads.
template <class Element>
struct Memory {
  const Element *keys, *values;
  int64_t key_step, value_step;
};

/// Those of one segment and head.
template <class Element>
struct Pages {
  const Memory<Element>& memory;
  const int32_t* pages;
  int64_t kv_head, size;
  const Element* keys(int64_t position) const { return memory.keys + pages[position / kPageRows] * memory.key_step + kv_head * kPageRows * size; }
  const Element* values(int64_t position) const { return memory.values + pages[position / kPageRows] * memory.value_step + kv_head * kPageRows * size; }
};

/// What is asked for while the values of the last keys are read: the first keys of the work that follows.
template <class Element>
struct Following {
  Pages<Element> pages;
  int64_t end_key;  // 0: nothing follows
};

/// Keys [base, base + width), page by page, and those that come next.
template <class Element>
struct KeyBlock {
  int64_t base, width;
  const Element *keys[kBlockPages], *values[kBlockPages], *next_keys[kBlockPages];

  KeyBlock(int64_t first, int64_t count) : base(first), width(count) {}
  KeyBlock(const Pages<Element>& pages, const Following<Element>& following, int64_t first, int64_t end_key) : KeyBlock(first, smaller(kKeyBlock, round_up(end_key - first, kPanel))) {
    for (int64_t i = 0; i * kPageRows < width; ++i) {
      const int64_t key = i * kPageRows;
      keys[i] = pages.keys(base + key);
      values[i] = next_keys[i] = pages.values(base + key);
      if (base + kKeyBlock + key < end_key) next_keys[i] = pages.keys(base + kKeyBlock + key);
      else if (base + kKeyBlock >= end_key && key < following.end_key) next_keys[i] = following.pages.keys(key);
    }
  }
};

/// The same keys and values as floats, for rows so many that they meet each of them again and again.
KeyBlock<float> widen(const KeyBlock<uint16_t>& from, int64_t size, const Work& work) {
  KeyBlock<float> to(from.base, from.width);
  const int64_t page_floats = kPageRows * size;
  const auto widen_page = [&](const uint16_t* halves, float* floats) {
    for (int64_t i = 0; i < page_floats; i += kLanes) store(floats + i, load_f16(halves + i));
  };
  for (int64_t i = 0; i * kPageRows < from.width; ++i) {
    widen_page(from.keys[i], work.keys + i * page_floats);
    widen_page(from.values[i], work.values + i * page_floats);
    to.keys[i] = work.keys + i * page_floats;
    to.values[i] = to.next_keys[i] = work.values + i * page_floats;
  }
  return to;
}

/// The rows of a block as they meet one block of keys after the other.
struct Rows {
  const cpu::QueryBlock& block;
  const HeadGroup& group;
  int64_t count, tiles;
  /// Few rows wait for memory: while keys are read their values are asked for, and with these the keys that come next.
  bool wait;

  Rows(const cpu::QueryBlock& queries, const HeadGroup& heads)
      : block(queries), group(heads), count(queries.count * heads.heads), tiles(square_count(count)), wait(tiles <= 2) {}
  bool both_ways() const { return block.end_key > 0; }  // never with a window
  /// The last key that a row sees.
  int64_t position(int64_t row) const { return both_ways() ? block.end_key - 1 : block.position + group.query(row); }
  int64_t end_key() const { return both_ways() ? block.end_key : block.position + block.count; }
};

template <class Element>
void attend_keys(const AttentionTable<Element>& table, const Rows& rows, const KeyBlock<Element>& block, const Work& work) {
  const int64_t size = rows.group.size, base = block.base, width = block.width;
  auto low = [&](int64_t row) { return larger(0, rows.group.first_visible(rows.position(row)) - base); };
  auto high = [&](int64_t row) { return smaller(width, rows.position(row) + 1 - base); };
  auto keys = [&](int64_t key) { return block.keys[key / kPageRows] + key % kPageRows * size; };
  auto next_values = [&](int64_t key) { return block.values[key / kPageRows] + key % kPageRows * size; };
  // A panel or two at a time, which stay in the first-level cache for all rows.
  const int64_t strip = rows.wait ? kKeyBlock : 2 * kPanel;
  for (int64_t key = 0; key < width; key += strip) {
    for (TileWalk tile(rows.count, rows.tiles); tile; tile.next()) {
      const int64_t first = larger(key, low(tile.row) / kPanel * kPanel), end = smaller(key + strip, high(tile.row + tile.height - 1));
      score(table, ScoreTile<Element>{work.queries + tile.row * size, size, work.scores + tile.row * kKeyBlock, kKeyBlock}, tile.height, first, end, keys, next_values);
    }
  }
  for (int64_t r = 0; r < rows.count; ++r) work.shrink[r] = find_largest(work.scores + r * kKeyBlock, low(r), high(r), work.largest[r], work.total[r]);
  for (int64_t r = 0; r < rows.count; ++r) work.total[r] += soften(work.scores + r * kKeyBlock, low(r), high(r), width, work.largest[r]);
  for (int64_t column = 0; column < size; column += kWeighColumns) {
    for (TileWalk tile(rows.count, rows.tiles); tile; tile.next()) {
      const int64_t first = low(tile.row), end = high(tile.row + tile.height - 1);
      if (first >= end) continue;
      weigh(table, WeighTile<Element>{work.scores + tile.row * kKeyBlock, kKeyBlock, block.values, size, first, end, work.shrink + tile.row, work.sums + tile.row * size, block.next_keys},
            tile.height, column, smaller(size, column + kWeighColumns));
    }
  }
}

void attend_keys(const Rows& rows, const KeyBlock<float>& block, const Work& work) { attend_keys(rows.wait ? kAttentionTilesAhead : kAttentionTiles, rows, block, work); }
void attend_keys(const Rows& rows, const KeyBlock<uint16_t>& block, const Work& work) {
  if (rows.wait) attend_keys(kHalfAttentionTilesAhead, rows, block, work);
  else attend_keys(kAttentionTiles, rows, widen(block, rows.group.size, work), work);
}

template <class Element>
void attend_block(const cpu::QueryBlock& block, const HeadGroup& group, const Pages<Element>& pages, const Following<Element>& following, Tensor q, float scale, Tensor out,
                  Tensor logsumexp, int64_t kv_head, float* memory) {
  const Rows rows(block, group);
  const int64_t size = group.size, end_key = rows.end_key();
  const Work work(memory, rows.count, size);
  stack_heads(q, block.row, block.count, group, scale, work.queries);
  std::memset(work.sums, 0, static_cast<size_t>(rows.count * size) * sizeof(float));
  for (int64_t r = 0; r < rows.count; ++r) work.largest[r] = -INFINITY, work.total[r] = 0;
  for (int64_t base = group.first_visible(block.position) / kKeyBlock * kKeyBlock; base < end_key; base += kKeyBlock)
    attend_keys(rows, KeyBlock<Element>(pages, following, base, end_key), work);
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

template <class Element>
void attend_pages(const Context& context, Tensor out, Tensor logsumexp, Tensor q, const cpu::AttentionTasks& tasks, const Memory<Element>& memory, const AttentionShape& shape) {
  // The heads of a block one after the other where there are blocks for everyone: what follows is then known.
  const int64_t heads = shape.kv_heads, threads = context.pool->threads(), run = tasks.count >= 8 * threads ? heads : 1;
  context.pool->run(tasks.count * heads / run, [&](int64_t task, int worker) {
    for (int64_t unit = task * run; unit < (task + 1) * run; ++unit) {
      const cpu::QueryBlock& block = tasks.blocks[unit / heads];
      const HeadGroup group(shape, unit % heads);
      const Pages<Element> pages{memory, block.pages, unit % heads, shape.head_size};
      // In the next run, what follows where threads take turns.
      const int64_t after = unit + 1 < (task + 1) * run ? unit + 1 : (task + threads) * run;
      const bool follows = after < tasks.count * heads && shape.window == 0;
      const cpu::QueryBlock& then = tasks.blocks[follows ? after / heads : 0];
      const Following<Element> following{{memory, then.pages, after % heads, shape.head_size}, follows ? then.position + then.count : 0};
      float* scratch = context.workspace->local(worker, Work::floats(tasks.largest * group.heads, shape.head_size));
      attend_block(block, group, pages, following, q, static_cast<float>(shape.scale), out, logsumexp, unit % heads, scratch);
    }
  }, ThreadPool::Order::in_turn);
}

}  // namespace

void attend(const Context& context, Tensor out, Tensor logsumexp, Tensor q, const cpu::AttentionTasks& tasks, const cpu::PageMemory& memory,
            const AttentionShape& shape) {
  attend_pages<float>(context, out, logsumexp, q, tasks, {memory.keys, memory.values, memory.key_step, memory.value_step}, shape);
}

void attend_halves(const Context& context, Tensor out, Tensor q, const cpu::AttentionTasks& tasks, const cpu::HalfPageMemory& memory, const AttentionShape& shape) {
  attend_pages<uint16_t>(context, out, Tensor{}, q, tasks, {memory.keys, memory.values, memory.key_step, memory.value_step}, shape);
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

void store_half_runs(const Context& context, const cpu::PageRuns& runs, const cpu::HalfPageMemory& memory, Tensor k, Tensor v, const AttentionShape& shape) {
  const int64_t size = shape.head_size;
  over_rows(context, runs.count, 4 * kPageRows * k.cols, [&](int64_t index) {
    const cpu::PageRun& run = runs.data[index];
    for (int64_t i = 0; i < run.count; ++i) {
      const int64_t slot = run.slot + i;
      for (int64_t head = 0; head < shape.kv_heads; ++head) {
        const float *key = row_of(k, run.row + i) + head * size, *value = row_of(v, run.row + i) + head * size;
        uint16_t* keys = memory.keys + run.page * memory.key_step + head * kPageRows * size + slot / kPanel * kPanel * size + slot % kPanel;
        uint16_t* values = memory.values + run.page * memory.value_step + (head * kPageRows + slot) * size;
        over_vectors(size, [&](int64_t d, int lanes) {
          uint16_t halves[kLanes];
          store_f16(halves, load_part(key + d, lanes));
          for (int lane = 0; lane < lanes; ++lane) keys[(d + lane) * kPanel] = halves[lane];
          store_f16(halves, load_part(value + d, lanes));
          std::memcpy(values + d, halves, static_cast<size_t>(lanes) * sizeof(uint16_t));
        });
      }
    }
  });
}

}  // namespace sdft::SDFT_ISA
