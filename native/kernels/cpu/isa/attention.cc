// Attention forward, with online softmax over blocks of kKeyBlock keys at absolute positions. One kernel for keys of the step and of the cache: both come as
// pages. What a row does not see adds exact zeros, so its bits depend on its own keys alone.
#include "kernels/cpu/isa/attention_rows.h"
#include "kernels/cpu/isa/exponential.h"
#include "kernels/cpu/isa/row_product.h"
#include "kernels/cpu/isa/table.h"

namespace sdft::SDFT_ISA {

using cpu::Context;

namespace {

constexpr int64_t kKeyBlock = 4 * kPageRows;
static_assert(kPageRows % kPanel == 0, "a page of keys is whole panels");

/// Scratch of one block of queries.
struct Work {
  float *queries, *scores, *sums;  // (rows, D), (rows, kKeyBlock), (rows, D)
  float *largest, *total;          // (rows)
  static int64_t floats(int64_t rows, int64_t size) { return rows * (2 * size + kKeyBlock + 2) + 64; }
  Work(float* memory, int64_t rows, int64_t size) {
    scores = memory;
    queries = scores + rows * kKeyBlock;
    sums = queries + rows * size;
    largest = sums + rows * size;
    total = largest + rows;
  }
};

/// One row's next block: scores[low, high) become e^(score − largest), all other of the `width` zero; earlier sums are scaled where the largest grew.
void soften(float* scores, int64_t low, int64_t high, int64_t width, float* sums, int64_t size, float& largest, float& total) {
  int64_t first = 0, last = 0;
  if (low < high) {
    first = low / kLanes * kLanes;
    last = round_up(high, kLanes);
    store(scores + first, load(scores + first) + unseen(first, low, high));
    if (last - kLanes > first) store(scores + last - kLanes, load(scores + last - kLanes) + unseen(last - kLanes, low, high));
    Vec top = load(scores + first);
    for (int64_t i = first + kLanes; i < last; i += kLanes) top = max(top, load(scores + i));
    const float block_largest = SDFT_ISA::largest(top);
    if (block_largest > largest) {
      if (total > 0) {  // not the first block
        const float shrink = exp_of(largest - block_largest);
        over_vectors(size, [&](int64_t i, int lanes) { store_part(sums + i, load_part(sums + i, lanes) * broadcast(shrink), lanes); });
        total *= shrink;
      }
      largest = block_largest;
    }
    Vec added{};
    const Vec base = broadcast(largest);
    for (int64_t i = first; i < last; i += kLanes) {
      const Vec e = exp(load(scores + i) - base);
      store(scores + i, e);
      added += e;
    }
    total += sum(added);
  }
  clear(scores, 0, first);
  clear(scores, last, width);
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

inline void fetch(const float* from, int64_t floats) {
  for (int64_t i = 0; i < floats; i += 16) __builtin_prefetch(from + i, 0, 2);
}

void attend_block(const cpu::QueryBlock& block, const HeadGroup& group, const Pages& pages, Tensor q, float scale, Tensor out, Tensor logsumexp, int64_t kv_head,
                  float* memory) {
  const int64_t rows = block.count * group.heads, size = group.size, tiles = tall_count(rows);
  Work work(memory, rows, size);
  stack_heads(q, block.row, block.count, group, scale, work.queries);
  std::memset(work.sums, 0, static_cast<size_t>(rows * size) * sizeof(float));
  for (int64_t r = 0; r < rows; ++r) work.largest[r] = -INFINITY, work.total[r] = 0;
  const bool both_ways = block.end_key > 0;  // never with a window
  // The last key that a row sees.
  auto position = [&](int64_t row) { return both_ways ? block.end_key - 1 : block.position + group.query(row); };
  const int64_t end_key = both_ways ? block.end_key : block.position + block.count;
  for (int64_t base = group.first_visible(block.position) / kKeyBlock * kKeyBlock; base < end_key; base += kKeyBlock) {
    const int64_t width = smaller(kKeyBlock, round_up(end_key - base, kPanel));
    // Few rows wait for memory: the next pages are asked for while these are worked on.
    if (tiles == 1) {
      const int64_t next = smaller(kKeyBlock, end_key - base - kKeyBlock);
      for (int64_t page = 0; page < width; page += kPageRows) fetch(pages.values(base + page), kPageRows * size);
      for (int64_t page = 0; page < next; page += kPageRows) fetch(pages.keys(base + kKeyBlock + page), kPageRows * size);
    }
    for (int64_t key = 0; key < width; key += kTallWidth) {
      const int64_t end = smaller(width, key + kTallWidth);
      for (TileWalk tile(rows, tiles); tile; tile.next()) {
        const int64_t row = tile.row, height = tile.height;
        const int64_t seen = smaller(end, position(row + height - 1) + 1 - base), from = group.first_visible(position(row)) - base;
        for (int64_t at = key + (from > key ? (from - key) / kPanel * kPanel : 0); at < seen;)
          at += multiply_keys(pages.keys(base + at), seen - at > kPanel ? pages.keys(base + at + kPanel) : nullptr, work.queries + row * size, height, size,
                              work.scores + row * kKeyBlock + at, kKeyBlock);
      }
    }
    auto low = [&](int64_t row) { return larger(0, group.first_visible(position(row)) - base); };
    auto high = [&](int64_t row) { return smaller(width, position(row) + 1 - base); };
    for (int64_t r = 0; r < rows; ++r)
      soften(work.scores + r * kKeyBlock, low(r), high(r), width, work.sums + r * size, size, work.largest[r], work.total[r]);
    // Page by page, so that one page of values stays in cache for all rows.
    for (int64_t page = 0; page < width; page += kPageRows) {
      for (TileWalk tile(rows, tiles); tile; tile.next()) {
        const int64_t row = tile.row, height = tile.height;
        const int64_t first = larger(0, low(row) - page), last = smaller(kPageRows, high(row + height - 1) - page);
        if (first >= last) continue;
        const RowProduct product{nullptr, 0, rows, size, 0, work.scores + page, kKeyBlock, 1, pages.values(base + page), size, false, Finish::store, 1.0f};
        for (int64_t column = 0; column < size;) {
          float* sums = work.sums + row * size + column;
          column += multiply_tile<true>(product, row, height, column, size, first, last, sums, size, sums, size, Finish::store, 1.0f);
        }
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
  const int64_t heads = shape.kv_heads;
  context.pool->run(tasks.count * heads, [&](int64_t task, int worker) {
    const cpu::QueryBlock& block = tasks.blocks[task / heads];
    const HeadGroup group(shape, task % heads);
    const Pages pages{memory, block.pages, task % heads, shape.head_size};
    float* scratch = context.workspace->local(worker, Work::floats(tasks.largest * group.heads, shape.head_size));
    attend_block(block, group, pages, q, static_cast<float>(shape.scale), out, logsumexp, task % heads, scratch);
  });
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
