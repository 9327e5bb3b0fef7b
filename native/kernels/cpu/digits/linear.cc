// Products with 4-bit weights in digits (digits.h); all others are avx512's.
#include "kernels/cpu/digits/digit_tile.h"
#include "kernels/cpu/isa/activation.h"
#include "kernels/cpu/isa/strips.h"

namespace sdft::SDFT_ISA {

using cpu::Context;
using cpu::LinearParts;
using cpu::PackedWeight;
using cpu::PanelKind;

namespace {

/// Laying weights out takes as long as so many rows save by it.
constexpr int64_t kFewRows = 8;
/// Where every thread has so many rows it splits those that it multiplies. Of fewer it splits all for itself: waiting for what another one has made would take longer.
constexpr int64_t kOwnRows = 64;
/// Bytes of digits that a block of rows may take: they stay in the second-level cache while the panels go by.
constexpr int64_t kBlockBytes = 512 * 1024;
/// Inputs that are made at once where x stands nowhere.
constexpr int64_t kMadeInputs = 128;
constexpr int64_t kGroupFloats = sizeof(DigitGroup) / sizeof(float);

/// Rows cut into tiles, the groups of a tile's rows side by side: [tile][block][row].
struct DigitRows {
  int64_t rows, depth, tiles, blocks;
  DigitForm form;
  DigitGroup* groups = nullptr;

  DigitRows(int64_t row_count, int64_t inputs)
      : rows(row_count), depth(inputs), tiles(parts(rows, kDigitRows)), blocks(depth / cpu::kGroup), form(rows <= kFewRows ? DigitForm::plain : DigitForm::paired) {}
  int64_t floats() const { return rows * blocks * kGroupFloats; }
  void place(float* memory) { groups = reinterpret_cast<DigitGroup*>(memory); }
  const DigitGroup* at(int64_t row) const { return groups + row * blocks; }

  /// source(row, column, count, room): where so many inputs of a row stand; they may be made in room, of kMadeInputs floats.
  template <class Source>
  void split(int64_t first_tile, int64_t end_tile, const Source& source) const {
    alignas(64) float room[kMadeInputs];
    for (TileWalk tile(rows, tiles, first_tile, end_tile); tile; tile.next()) {
      for (int64_t i = 0; i < tile.height; ++i) {
        DigitGroup* to = groups + tile.row * blocks + i;
        for (int64_t column = 0; column < depth; column += kMadeInputs) {
          const int64_t count = smaller(kMadeInputs, depth - column);
          const float* from = source(tile.row + i, column, count, room);
          for (int64_t at = 0; at < count; at += cpu::kGroup, to += tile.height)
            (form == DigitForm::plain ? split_group<DigitForm::plain> : split_group<DigitForm::paired>)(from + at, *to);
        }
      }
    }
  }
};

/// Tiles [first, end) of x times a panel. laid_out: memory for x.blocks blocks, used where x is for products in pairs.
void multiply_panel(const DigitRows& x, int64_t first, int64_t end, const Strip& strip, float* laid_out) {
  const PackedWeight& weight = *strip.part->weight;
  const Tensor out = strip.part->out;
  const int64_t column = strip.panel * kPanel;
  const bool narrow = weight.kind == PanelKind::q4_narrow;
  const char* packed = weight.panels + strip.panel * weight.panel_bytes;
  const void* panel = packed;
  const DigitTileTable* table = narrow ? &kPlainNarrowTiles : &kPlainTiles;
  if (x.form == DigitForm::paired) {
    (narrow ? lay_out<NarrowScales> : lay_out<FloatScales>)(packed, x.blocks, reinterpret_cast<DigitBlock*>(laid_out));
    panel = laid_out;
    table = &kPairedTiles;
  }
  // Meanwhile the panel that this thread is likely to take next is asked for.
  const char* ahead = packed + weight.panel_bytes;
  const int64_t lines = x.form == DigitForm::paired ? parts(weight.panel_bytes, (end - first) * kLineBytes) : 0;
  for (TileWalk tile(x.rows, x.tiles, first, end); tile; tile.next()) {
    for (int64_t line = 0; line < lines; ++line, ahead += kLineBytes) __builtin_prefetch(ahead, 0, 2);
    table->rows[tile.height - 1]({x.at(tile.row), x.blocks, panel, row_of(out, tile.row) + column, out.stride, smaller(weight.rows - column, kPanel), bias_of(*strip.part, column)});
  }
}

/// Every thread splits all rows, when its first panel comes, and multiplies them by some panels.
template <class Source>
void multiply_apart(const Context& context, const LinearParts& group, DigitRows x, const Source& source) {
  struct alignas(64) Own {
    float* memory;
  };
  const int64_t own_bytes = context.pool->threads() * int64_t{sizeof(Own)};
  auto* own = reinterpret_cast<Own*>(context.workspace->shared(7, own_bytes / int64_t{sizeof(float)}));
  std::memset(own, 0, static_cast<size_t>(own_bytes));
  context.pool->run(strip_count(group, 1), [&](int64_t task, int worker) {
    float*& memory = own[worker].memory;
    DigitRows rows = x;
    const bool first = memory == nullptr;
    if (first) memory = context.workspace->local(worker, rows.floats() + x.blocks * kDigitBlockFloats);
    rows.place(memory + x.blocks * kDigitBlockFloats);
    if (first) rows.split(0, rows.tiles, source);
    multiply_panel(rows, 0, rows.tiles, strip_at(group, task, 1), memory);
  });
}

/// Every thread has rows of its own, or, where digits of all would leave the cache, some of them at a time.
template <class Source>
void multiply_shared(const Context& context, const LinearParts& group, DigitRows x, const Source& source) {
  x.place(context.workspace->shared(6, x.floats()));
  const int64_t threads = context.pool->threads(), tiles_a_task = larger(1, 8192 / (x.depth * kDigitRows));
  context.pool->run(parts(x.tiles, tiles_a_task), [&](int64_t task, int) { x.split(task * tiles_a_task, smaller(x.tiles, (task + 1) * tiles_a_task), source); });
  const int64_t cached = parts(x.floats() * int64_t{sizeof(float)}, kBlockBytes);
  const Shares shares(x.tiles, round_up(cached, own_blocks(x.tiles, threads, kOwnRows / kDigitRows)), strip_count(group, 1), threads);
  context.pool->run(shares.count, [&](int64_t task, int worker) {
    const Shares::Share share = shares.at(task);
    if (share.first == share.last) return;
    multiply_panel(x, share.first, share.last, strip_at(group, share.strip, 1), context.workspace->local(worker, x.blocks * kDigitBlockFloats));
  });
}

template <class Source>
void multiply(const Context& context, const LinearParts& group, int64_t rows, int64_t depth, const Source& source) {
  if (rows == 0) return;
  const DigitRows x(rows, depth);
  if (rows < kOwnRows * context.pool->threads()) multiply_apart(context, group, x, source);
  else multiply_shared(context, group, x, source);
}

}  // namespace

void linear(const Context& context, const LinearParts& group, Tensor x) {
  LinearParts digits{}, others{};
  for (int64_t i = 0; i < group.count; ++i) {
    LinearParts& to = is_q4(group.parts[i].weight->kind) ? digits : others;
    to.parts[to.count++] = group.parts[i];
  }
  if (others.count > 0) avx512::linear(context, others, x);
  if (digits.count > 0) multiply(context, digits, x.rows, x.cols, [&](int64_t row, int64_t column, int64_t, float*) { return row_of(x, row) + column; });
}

void gated_linear(const Context& context, Tensor out, Tensor gate, Tensor up, Activation activation, const PackedWeight& weight, Tensor bias) {
  if (!is_q4(weight.kind)) return avx512::gated_linear(context, out, gate, up, activation, weight, bias);
  const auto activated = [&](int64_t row, int64_t column, int64_t count, float* room) {
    activate(row_of(gate, row) + column, row_of(up, row) + column, count, activation, room);
    return static_cast<const float*>(room);
  };
  multiply(context, {{{out, &weight, bias}}, 1}, gate.rows, gate.cols, activated);
}

}  // namespace sdft::SDFT_ISA
