// Products with weights of 4 and of 8 bits in digits (digits.h); all others are avx512's.
#include "kernels/cpu/digits/digit_tile.h"
#include "kernels/cpu/isa/activation.h"
#include "kernels/cpu/isa/strips.h"

namespace sdft::SDFT_ISA {

using cpu::Context;
using cpu::LinearParts;
using cpu::PackedWeight;
using cpu::PanelKind;

namespace {

/// Laying 4-bit weights out for pairs takes as long as so many rows save by it.
constexpr int64_t kFewRows = 8;
/// Where every thread has so many rows, splitting them is shared out. Of fewer each splits all for itself, if its cache holds them and it has so many panels to multiply them
/// by: waiting for what another one has made would take longer.
constexpr int64_t kOwnRows = 64, kOwnPanels = 4;
/// Bytes of digits that stay in the second-level cache while the panels go by.
constexpr int64_t kBlockBytes = 768 * 1024;
/// Blocks of inputs that are summed at once; what is laid out of a panel then stays there too.
constexpr int64_t kChunk = 64;
/// Inputs that are made at once where x stands nowhere.
constexpr int64_t kMadeInputs = 128;
constexpr int64_t kGroupFloats = sizeof(DigitGroup) / sizeof(float);
/// Floats of memory for what is laid out of a panel.
constexpr int64_t kLaidOut = kChunk * kDigitBlockFloats;

/// Rows cut into tiles, the groups of a tile's rows side by side: [tile][block][row].
struct DigitRows {
  int64_t rows, depth, tiles, blocks;
  DigitForm form;
  DigitGroup* groups = nullptr;

  DigitRows(int64_t row_count, int64_t inputs, DigitForm digit_form)
      : rows(row_count), depth(inputs), tiles(parts(rows, kDigitRows)), blocks(depth / cpu::kGroup), form(digit_form) {}
  int64_t floats() const { return floats_of(blocks); }
  int64_t floats_of(int64_t of_blocks) const { return rows * of_blocks * kGroupFloats; }
  void place(float* memory) { groups = reinterpret_cast<DigitGroup*>(memory); }
  const DigitGroup* at(int64_t row) const { return groups + row * blocks; }

  /// source(row, column, count, room): where so many inputs of a row stand; they may be made in room, of kMadeInputs floats.
  template <class Source>
  void split(int64_t first_tile, int64_t end_tile, const Source& source) const {
    alignas(64) float room[kMadeInputs];
    const auto split_one = form == DigitForm::pairs ? split_group<DigitForm::pairs> : form == DigitForm::bytes ? split_group<DigitForm::bytes> : split_group<DigitForm::nibbles>;
    for (TileWalk tile(rows, tiles, first_tile, end_tile); tile; tile.next()) {
      for (int64_t i = 0; i < tile.height; ++i) {
        DigitGroup* to = groups + tile.row * blocks + i;
        for (int64_t column = 0; column < depth; column += kMadeInputs) {
          const int64_t count = smaller(kMadeInputs, depth - column);
          const float* from = source(tile.row + i, column, count, room);
          for (int64_t at = 0; at < count; at += cpu::kGroup, to += tile.height) split_one(from + at, *to);
        }
      }
    }
  }
};

const DigitTileTable& packed_tiles_of(PanelKind kind) {
  switch (kind) {
    case PanelKind::q4_narrow: return kNarrowNibbleTiles;
    case PanelKind::q8: return kByteTiles;
    case PanelKind::q8_narrow: return kNarrowByteTiles;
    default: return kNibbleTiles;
  }
}

constexpr bool is_q8(PanelKind kind) { return kind == PanelKind::q8 || kind == PanelKind::q8_narrow; }

/// Tiles [first, end) of x times a panel. laid_out: kLaidOut floats of memory, used where x is for pairs.
void multiply_panel(const DigitRows& x, int64_t first, int64_t end, const Strip& strip, float* laid_out) {
  const PackedWeight& weight = *strip.part->weight;
  const Tensor out = strip.part->out;
  const int64_t column = strip.panel * kPanel, packed_bytes = weight.panel_bytes / x.blocks;
  const char* packed = weight.panels + strip.panel * weight.panel_bytes;
  const bool pairs = x.form == DigitForm::pairs;
  const DigitTileTable& table = pairs ? kPairTiles : packed_tiles_of(weight.kind);
  for (int64_t begin = 0; begin < x.blocks; begin += kChunk) {
    const int64_t blocks = smaller(kChunk, x.blocks - begin);
    if (pairs) (weight.kind == PanelKind::q4_narrow ? lay_out<NarrowScales> : lay_out<FloatScales>)(packed, blocks, reinterpret_cast<DigitBlock*>(laid_out));
    const void* panel = pairs ? static_cast<const void*>(laid_out) : packed;
    packed += blocks * packed_bytes;
    // Meanwhile what this thread is likely to take next is asked for: the next chunk, or the next panel's first.
    const char* ahead = packed;
    const int64_t lines = x.rows > kFewRows ? parts(smaller(kChunk, x.blocks) * packed_bytes, (end - first) * kLineBytes) : 0;
    const float* bias = begin + blocks == x.blocks ? bias_of(*strip.part, column) : nullptr;
    for (TileWalk tile(x.rows, x.tiles, first, end); tile; tile.next()) {
      for (int64_t line = 0; line < lines; ++line, ahead += kLineBytes) __builtin_prefetch(ahead, 0, 2);
      table.rows[tile.height - 1]({x.at(tile.row) + begin * tile.height, blocks, begin > 0, panel, row_of(out, tile.row) + column, out.stride, smaller(weight.rows - column, kPanel), bias});
    }
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
    if (first) memory = context.workspace->local(worker, kLaidOut + rows.floats());
    rows.place(memory + kLaidOut);
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
  const int64_t cached = parts(x.floats_of(smaller(kChunk, x.blocks)) * int64_t{sizeof(float)}, kBlockBytes);
  const Shares shares(x.tiles, round_up(cached, own_blocks(x.tiles, threads, kOwnRows / kDigitRows)), strip_count(group, 1), threads);
  context.pool->run(shares.count, [&](int64_t task, int worker) {
    const Shares::Share share = shares.at(task);
    if (share.first == share.last) return;
    multiply_panel(x, share.first, share.last, strip_at(group, share.strip, 1), context.workspace->local(worker, kLaidOut));
  });
}

/// All weights of 4 bits, or all of 8.
template <class Source>
void multiply(const Context& context, const LinearParts& group, int64_t rows, int64_t depth, const Source& source) {
  if (group.count == 0 || rows == 0) return;
  const bool nibbles = is_q4(group.parts[0].weight->kind);
  const DigitRows x(rows, depth, !nibbles ? DigitForm::bytes : rows <= kFewRows ? DigitForm::nibbles : DigitForm::pairs);
  const int64_t threads = context.pool->threads();
  const bool few = rows < kOwnRows * threads && x.floats() * int64_t{sizeof(float)} <= kBlockBytes, paid = rows <= kFewRows || strip_count(group, 1) >= kOwnPanels * threads;
  if (few && paid) multiply_apart(context, group, x, source);
  else multiply_shared(context, group, x, source);
}

}  // namespace

void linear(const Context& context, const LinearParts& group, Tensor x) {
  LinearParts nibbles{}, bytes{}, others{};
  for (int64_t i = 0; i < group.count; ++i) {
    const PanelKind kind = group.parts[i].weight->kind;
    LinearParts& to = is_q4(kind) ? nibbles : is_q8(kind) ? bytes : others;
    to.parts[to.count++] = group.parts[i];
  }
  if (others.count > 0) avx512::linear(context, others, x);
  for (const LinearParts* parts : {&nibbles, &bytes})
    multiply(context, *parts, x.rows, x.cols, [&](int64_t row, int64_t column, int64_t, float*) { return row_of(x, row) + column; });
}

void gated_linear(const Context& context, Tensor out, Tensor gate, Tensor up, Activation activation, const PackedWeight& weight, Tensor bias) {
  if (!is_q4(weight.kind) && !is_q8(weight.kind)) return avx512::gated_linear(context, out, gate, up, activation, weight, bias);
  const auto activated = [&](int64_t row, int64_t column, int64_t count, float* room) {
    activate(row_of(gate, row) + column, row_of(up, row) + column, count, activation, room);
    return static_cast<const float*>(room);
  };
  multiply(context, {{{out, &weight, bias}}, 1}, gate.rows, gate.cols, activated);
}

}  // namespace sdft::SDFT_ISA
