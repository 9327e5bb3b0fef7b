// Products with weights of 4 and of 8 bits in digits (digits.h); all others are avx512's.
#include "kernels/cpu/digits/digit_tile.h"
#include "kernels/cpu/digits/sharing.h"

namespace sdft::SDFT_ISA {

using cpu::Context;
using cpu::LinearParts;
using cpu::PackedWeight;
using cpu::PanelKind;

namespace {

/// Laying 4-bit weights out for pairs takes as long as so many rows save by it.
constexpr int64_t kFewRows = 8;
constexpr int64_t kGroupFloats = sizeof(DigitGroup) / sizeof(float);

/// Rows cut into tiles, the groups of a tile's rows side by side: [tile][block][row].
struct DigitRows {
  static constexpr int64_t kMostRows = kDigitRows, kLaidOut = kChunk * kDigitBlockFloats;

  int64_t rows, depth, tiles, blocks;
  DigitForm form;
  DigitGroup* groups = nullptr;

  DigitRows(int64_t row_count, int64_t inputs, DigitForm digit_form)
      : rows(row_count), depth(inputs), tiles(parts(rows, kDigitRows)), blocks(depth / cpu::kGroup), form(digit_form) {}
  int64_t floats() const { return floats_of(blocks); }
  int64_t floats_of(int64_t of_blocks) const { return rows * of_blocks * kGroupFloats; }
  void place(float* memory) { groups = reinterpret_cast<DigitGroup*>(memory); }
  const DigitGroup* at(int64_t row) const { return groups + row * blocks; }

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
  /// laid_out: used where the rows are for pairs.
  void multiply_panel(int64_t first, int64_t end, const Strip& strip, float* laid_out) const;
};

const DigitTileTable& packed_tiles_of(PanelKind kind) {
  switch (kind) {
    case PanelKind::q4_narrow: return kNarrowNibbleTiles;
    case PanelKind::q8: return kByteTiles;
    case PanelKind::q8_narrow: return kNarrowByteTiles;
    default: return kNibbleTiles;
  }
}

void DigitRows::multiply_panel(int64_t first, int64_t end, const Strip& strip, float* laid_out) const {
  const PackedWeight& weight = *strip.part->weight;
  const Tensor out = strip.part->out;
  const int64_t column = strip.panel * kPanel, packed_bytes = weight.panel_bytes / blocks;
  const char* packed = weight.panels + strip.panel * weight.panel_bytes;
  const bool pairs = form == DigitForm::pairs;
  const DigitTileTable& table = pairs ? kPairTiles : packed_tiles_of(weight.kind);
  for (int64_t begin = 0; begin < blocks; begin += kChunk) {
    const int64_t count = smaller(kChunk, blocks - begin);
    if (pairs) (weight.kind == PanelKind::q4_narrow ? lay_out<NarrowScales> : lay_out<FloatScales>)(packed, count, reinterpret_cast<DigitBlock*>(laid_out));
    const void* panel = pairs ? static_cast<const void*>(laid_out) : packed;
    packed += count * packed_bytes;
    // Meanwhile what this thread is likely to take next is asked for: the next chunk, or the next panel's first.
    const char* ahead = packed;
    const int64_t lines = rows > kFewRows ? parts(smaller(kChunk, blocks) * packed_bytes, (end - first) * kLineBytes) : 0;
    const float* bias = begin + count == blocks ? bias_of(*strip.part, column) : nullptr;
    for (TileWalk tile(rows, tiles, first, end); tile; tile.next()) {
      for (int64_t line = 0; line < lines; ++line, ahead += kLineBytes) __builtin_prefetch(ahead, 0, 2);
      table.rows[tile.height - 1]({at(tile.row) + begin * tile.height, count, begin > 0, panel, row_of(out, tile.row) + column, out.stride, smaller(weight.rows - column, kPanel), bias});
    }
  }
}

/// All weights of 4 bits, or all of 8.
template <class Source>
void multiply(const Context& context, const LinearParts& group, int64_t rows, int64_t depth, const Source& source) {
  if (group.count == 0 || rows == 0) return;
  const bool nibbles = is_q4(group.parts[0].weight->kind);
  const DigitRows x(rows, depth, !nibbles ? DigitForm::bytes : rows <= kFewRows ? DigitForm::nibbles : DigitForm::pairs);
  multiply_in_digits(context, group, x, kFewRows, source);
}

}  // namespace

void linear(const Context& context, const LinearParts& group, Tensor x) {
  const ByForm by(group);
  if (by.others.count > 0) avx512::linear(context, by.others, x);
  for (const LinearParts* parts : {&by.nibbles, &by.bytes}) multiply(context, *parts, x.rows, x.cols, rows_in_memory(x));
}

void gated_linear(const Context& context, Tensor out, Tensor gate, Tensor up, Activation activation, const PackedWeight& weight, Tensor bias) {
  if (!is_q4(weight.kind) && !is_q8(weight.kind)) return avx512::gated_linear(context, out, gate, up, activation, weight, bias);
  multiply(context, {{{out, &weight, bias}}, 1}, gate.rows, gate.cols, activated_rows(gate, up, activation));
}

}  // namespace sdft::SDFT_ISA
