// How products in digits are shared out, whoever makes them: rows are split by each thread for itself or by all for all.
//
// Rows says how they stand:
//   kMostRows                          of a tile
//   kLaidOut                           floats of memory that a worker needs for what it lays out of a panel
//   rows, depth, tiles, blocks         blocks of 32 inputs
//   floats(), floats_of(blocks)        of memory for all digits, and for those of so many blocks
//   place(memory)
//   split(first_tile, end_tile, source)
//   multiply_panel(first_tile, end_tile, strip, laid_out)
// source: isa/row_sources.h.
#pragma once
#include "kernels/cpu/digits/digits.h"
#include "kernels/cpu/isa/row_sources.h"
#include "kernels/cpu/isa/strips.h"

namespace sdft::SDFT_ISA {

/// Blocks of inputs that are summed at once, at most; what is laid out of a panel then stays in the second-level cache beside their digits.
constexpr int64_t kChunk = 64;

namespace {

/// Where every thread has so many rows, splitting them is shared out. Of fewer each splits all for itself, if its cache holds them and it has so many panels to multiply them
/// by: waiting for what another one has made would take longer.
constexpr int64_t kOwnRows = 64, kOwnPanels = 4;
/// Bytes of digits that stay in the second-level cache while the panels go by.
constexpr int64_t kBlockBytes = 768 * 1024;

/// Every thread splits all rows, when its first panel comes, and multiplies them by some panels.
template <class Rows, class Source>
void multiply_apart(const cpu::Context& context, const cpu::LinearParts& group, Rows x, const Source& source) {
  struct alignas(64) Own {
    float* memory;
  };
  const int64_t own_bytes = context.pool->threads() * int64_t{sizeof(Own)};
  auto* own = reinterpret_cast<Own*>(context.workspace->shared(7, own_bytes / int64_t{sizeof(float)}));
  std::memset(own, 0, static_cast<size_t>(own_bytes));
  context.pool->run(strip_count(group, 1), [&](int64_t task, int worker) {
    float*& memory = own[worker].memory;
    Rows rows = x;
    const bool first = memory == nullptr;
    if (first) memory = context.workspace->local(worker, Rows::kLaidOut + rows.floats());
    rows.place(memory + Rows::kLaidOut);
    if (first) rows.split(0, rows.tiles, source);
    rows.multiply_panel(0, rows.tiles, strip_at(group, task, 1), memory);
  });
}

/// Every thread has rows of its own, or, where digits of all would leave the cache, some of them at a time.
template <class Rows, class Source>
void multiply_shared(const cpu::Context& context, const cpu::LinearParts& group, Rows x, const Source& source) {
  x.place(context.workspace->shared(6, x.floats()));
  const int64_t threads = context.pool->threads(), tiles_a_task = larger(1, 8192 / (x.depth * Rows::kMostRows));
  context.pool->run(parts(x.tiles, tiles_a_task), [&](int64_t task, int) { x.split(task * tiles_a_task, smaller(x.tiles, (task + 1) * tiles_a_task), source); });
  const int64_t cached = parts(x.floats_of(smaller(kChunk, x.blocks)) * int64_t{sizeof(float)}, kBlockBytes);
  const Shares shares(x.tiles, round_up(cached, own_blocks(x.tiles, threads, kOwnRows / Rows::kMostRows)), strip_count(group, 1), threads);
  context.pool->run(shares.count, [&](int64_t task, int worker) {
    const Shares::Share share = shares.at(task);
    if (share.first == share.last) return;
    x.multiply_panel(share.first, share.last, strip_at(group, share.strip, 1), context.workspace->local(worker, Rows::kLaidOut));
  });
}

/// Rows so few that laying weights out does not pay are split by each thread whatever else.
template <class Rows, class Source>
void multiply_in_digits(const cpu::Context& context, const cpu::LinearParts& group, const Rows& x, int64_t few_rows, const Source& source) {
  const int64_t threads = context.pool->threads();
  const bool few = x.rows < kOwnRows * threads && x.floats() * int64_t{sizeof(float)} <= kBlockBytes, paid = x.rows <= few_rows || strip_count(group, 1) >= kOwnPanels * threads;
  if (few && paid) multiply_apart(context, group, x, source);
  else multiply_shared(context, group, x, source);
}

/// Parts by how their weights stand: 4 bits, 8 bits, others.
struct ByForm {
  cpu::LinearParts nibbles{}, bytes{}, others{};

  explicit ByForm(const cpu::LinearParts& group) {
    for (int64_t i = 0; i < group.count; ++i) {
      const cpu::PanelKind kind = group.parts[i].weight->kind;
      cpu::LinearParts& to = cpu::is_q4(kind) ? nibbles : cpu::is_q8(kind) ? bytes : others;
      to.parts[to.count++] = group.parts[i];
    }
  }
};

}  // namespace
}  // namespace sdft::SDFT_ISA
