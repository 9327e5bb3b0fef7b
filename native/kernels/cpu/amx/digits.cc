// Products of floats with weights of 4 and 8 bits on the matrix unit: the same integers as avx512digits takes (digits/digits.h), whose exact sums it makes of digits of its own, so the
// same bits. Its products sum 64 bytes. With quants of 4 bits these are two digits of 32 inputs: X = upper · 4096 + lower, each of the two one byte · 16 + half a byte, and the
// weights stand there twice, quant · 16 and quant. Quants of 8 bits meet the three digits one by one. Few rows are the vectors'.
#include <type_traits>

#include "kernels/cpu/amx/gated_digits.h"
#include "kernels/cpu/amx/lanes.h"
#include "kernels/cpu/amx/matrix_unit.h"
#include "kernels/cpu/digits/digit_panel.h"
#include "kernels/cpu/digits/sharing.h"

namespace sdft::SDFT_ISA {

using cpu::Context;
using cpu::LinearParts;
using cpu::PackedWeight;
using cpu::PanelKind;

namespace {

/// From so many rows on the unit is the faster.
constexpr int64_t kLeastRows = 7;
/// Sums are added for a height rounded up to so many rows.
constexpr int kRowStep = 4;
/// Laying weights out pays for all rows that come here.
constexpr int64_t kFewRows = 0;
/// Blocks of inputs whose weights are laid out and multiplied at once: they stay in the first-level cache while the tiles of rows go by.
constexpr int64_t kBlocks = 8;

/// A block of 32 inputs of a tile of rows.
struct alignas(64) RowBlock {
  int8_t digits[2 * kUnitBytes];  // nibbles: upper, lower, each [row][byte · 16, half byte][32 inputs]; bytes: top, middle, low, each [row][32 inputs]
  float scales[kUnitRows];        // x ≈ scale · X
  float sums[kUnitRows];          // scale · Σ X; of nibbles only
};

/// A block of 16 outputs.
struct WeightBlock {
  WordVec quants[16];  // signed bytes, four inputs a word; nibbles: (quant − 8) · 16 in eight rows, quant − 8 in eight; bytes: quant − 128 in eight
  Vec scale, centre;
};

/// ---- Rows

/// Each lane's integer of 24 bits as the bytes b, from the lowest: X = ((b₃ · 16 + b₂) · 256 + b₁) · 16 + b₀, b₂ and b₀ from −8 to 7.
inline __m512i bytes_of(__m512i whole) {
  // Made positive, they are fields of bits; what each has too much is taken off again.
  const __m512i fields = _mm512_add_epi32(whole, _mm512_set1_epi32(((128 * 16 + 8) * 256 + 128) * 16 + 8));
  const __m512i apart = _mm512_multishift_epi64_epi8(_mm512_set1_epi64(0x302C2420100C0400), fields);
  return _mm512_sub_epi8(_mm512_and_si512(apart, _mm512_set1_epi32(static_cast<int>(0xFF0FFF0F))), _mm512_set1_epi32(static_cast<int>(0x80088008)));
}

/// Where bytes `low` + 1 and `low` of 32 words are found, in the order of the weights: of eight inputs first those at even places.
struct ByteOrder {
  alignas(64) uint8_t from[64];

  constexpr explicit ByteOrder(int low) : from() {
    for (int at = 0; at < 64; ++at) {
      const int place = at % 32, input = place / 8 * 8 + place % 4 * 2 + place % 8 / 4;
      from[at] = static_cast<uint8_t>(input * 4 + low + (at < 32 ? 1 : 0));
    }
  }
};
constexpr ByteOrder kUpperOrder(2), kLowerOrder(0);

/// A block of all rows of a tile, whose scales are made together: the numbers of split_group in digits/digits.h. from: where a row's inputs stand; rows from `count` on are zeros.
void split_nibbles(const float* const (&from)[kUnitRows], int64_t count, RowBlock& block) {
  Vec values[kUnitRows][2];
  IntVec each[kUnitRows];
  const auto larger_of = [](IntVec a, IntVec b) { return a > b ? a : b; };
  SDFT_UNROLL for (int i = 0; i < kUnitRows; ++i) {
    SDFT_UNROLL for (int j = 0; j < 2; ++j) values[i][j] = i < count ? load(from[i] + j * kLanes) : Vec{};
    each[i] = larger_of(reinterpret_cast<IntVec>(values[i][0]) & 0x7FFFFFFF, reinterpret_cast<IntVec>(values[i][1]) & 0x7FFFFFFF);
  }
  const WordVec exponent = (reinterpret_cast<WordVec>(over_rows_of(each, larger_of)) + 0x001F0000u) >> 23;
  const WordVec finite = reinterpret_cast<WordVec>(exponent < 255u), some = reinterpret_cast<WordVec>(exponent >= 27u);
  alignas(64) float inverse[kUnitRows];
  store(inverse, bits_to_float(((276u - exponent) << 23) & finite & some));
  const Vec scales = bits_to_float(((((exponent - 22u) << 23) & finite) | (0x7FC00000u & ~finite)) & some);
  store(block.scales, scales);
  const __m512i upper_order = _mm512_load_si512(kUpperOrder.from), lower_order = _mm512_load_si512(kLowerOrder.from);
  SDFT_UNROLL for (int i = 0; i < kUnitRows; ++i) {
    const Vec factor = broadcast(inverse[i]);
    const __m512i first = _mm512_cvtps_epi32(values[i][0] * factor), second = _mm512_cvtps_epi32(values[i][1] * factor);
    const __m512i first_bytes = bytes_of(first), second_bytes = bytes_of(second);
    _mm512_store_si512(block.digits + i * 64, _mm512_permutex2var_epi8(first_bytes, upper_order, second_bytes));
    _mm512_store_si512(block.digits + kUnitBytes + i * 64, _mm512_permutex2var_epi8(first_bytes, lower_order, second_bytes));
    each[i] = reinterpret_cast<IntVec>(_mm512_add_epi32(first, second));
  }
  store(block.sums, scales * to_float(over_rows_of(each, [](IntVec a, IntVec b) { return a + b; })));
}

void split_bytes(const float* const (&from)[kUnitRows], int64_t count, RowBlock& block) {
  for (int64_t i = 0; i < count; ++i) {
    DigitGroup group;
    split_group<DigitForm::bytes>(from[i], group);
    for (int digit = 0; digit < kDigits; ++digit) std::memcpy(block.digits + (digit * kUnitRows + i) * cpu::kGroup, group.digits[digit], cpu::kGroup);
    block.scales[i] = group.scale;
  }
  for (int64_t i = count; i < kUnitRows; ++i) block.scales[i] = 0;
}

/// ---- Weights

/// A block of a panel: two of 16 outputs, `step` blocks apart.
template <DigitForm kForm, class Scales>
void lay_out_block(const char* block, WeightBlock* to, int64_t step) {
  const auto less = [](WordVec bytes, uint32_t each) {
    return reinterpret_cast<WordVec>(_mm512_sub_epi8(reinterpret_cast<__m512i>(bytes), _mm512_set1_epi32(static_cast<int>(each))));
  };
  SDFT_UNROLL for (int j = 0; j < 2; ++j, to += step) {
    to->scale = Scales::at(block, j * kLanes);
    if constexpr (kForm == DigitForm::bytes) {
      SDFT_UNROLL for (int r = 0; r < 8; ++r) to->quants[r] = packed_words<Scales, true>(block, r, j) ^ 0x80808080u;
    } else {
      to->centre = centre_of<Scales>(block, j);
      SDFT_UNROLL for (int r = 0; r < 4; ++r) {
        const WordVec words = packed_words<Scales>(block, r, j);
        to->quants[2 * r] = ((words << 4) & ~kNibbles) ^ 0x80808080u;
        to->quants[2 * r + 1] = (words & ~kNibbles) ^ 0x80808080u;
        to->quants[8 + 2 * r] = less(words & kNibbles, 0x08080808u);
        to->quants[8 + 2 * r + 1] = less((words >> 4) & kNibbles, 0x08080808u);
      }
    }
  }
}

using LayOut = void (*)(const char* block, WeightBlock* to, int64_t step);
LayOut layout_of(PanelKind kind) {
  switch (kind) {
    case PanelKind::q4_narrow: return lay_out_block<DigitForm::nibbles, NarrowScales>;
    case PanelKind::q8: return lay_out_block<DigitForm::bytes, FloatScales>;
    case PanelKind::q8_narrow: return lay_out_block<DigitForm::bytes, NarrowScales>;
    default: return lay_out_block<DigitForm::nibbles, FloatScales>;
  }
}

/// ---- Products

/// A tile of rows × 16 outputs over some blocks of inputs.
struct UnitTile {
  const RowBlock* x;
  const WeightBlock* weight;
  int64_t blocks;
  bool goes_on;  // out holds the sums over the blocks before
  float* out;
  int64_t out_row, rows;
  int lanes;
  const float* bias;  // with the last blocks, or null
};

/// Exact sums of a block, by the digit.
template <DigitForm kForm>
struct alignas(64) BlockSums {
  static constexpr int kCount = kForm == DigitForm::bytes ? kDigits : 2;
  int32_t at[kCount][kUnitRows][kUnitRows];
};

/// Registers of two sets of sums, so that the unit goes on while one is added; of bytes there is room for one.
template <DigitForm kForm, int kSet>
__attribute__((always_inline)) inline void multiply_block(const RowBlock& x, const WeightBlock& weight) {
  using Unit = MatrixUnit;
  constexpr int kFirst = 2 * kSet, kWeights = 6 + kSet;
  Unit::zero<kFirst>();
  Unit::zero<kFirst + 1>();
  Unit::load<kWeights>(weight.quants);
  if constexpr (kForm == DigitForm::bytes) {
    Unit::zero<kFirst + 2>();
    Unit::load<4>(x.digits, cpu::kGroup);
    Unit::multiply_signed_bytes<kFirst, 4, kWeights>();
    Unit::load<5>(x.digits + kUnitBytes / 2, cpu::kGroup);
    Unit::multiply_signed_bytes<kFirst + 1, 5, kWeights>();
    Unit::load<4>(x.digits + kUnitBytes, cpu::kGroup);
    Unit::multiply_signed_bytes<kFirst + 2, 4, kWeights>();
  } else {
    Unit::load<4>(x.digits);
    Unit::multiply_signed_bytes<kFirst, 4, kWeights>();
    Unit::load<5>(x.digits + kUnitBytes);
    Unit::multiply_signed_bytes<kFirst + 1, 5, kWeights>();
  }
}

template <DigitForm kForm, int kSet>
__attribute__((always_inline)) inline void store_block(BlockSums<kForm>& made) {
  MatrixUnit::store<2 * kSet>(made.at[0]);
  MatrixUnit::store<2 * kSet + 1>(made.at[1]);
  if constexpr (kForm == DigitForm::bytes) MatrixUnit::store<2 * kSet + 2>(made.at[2]);
}

/// As digits/digit_tiles.cc adds a block.
template <DigitForm kForm, int kRows>
__attribute__((always_inline)) inline void add_block(Vec (&sums)[kRows], const BlockSums<kForm>& made, const RowBlock& x, const WeightBlock& weight) {
  const auto sum_of = [&](int digit, int row) __attribute__((always_inline)) {
    IntVec sum;
    std::memcpy(&sum, made.at[digit][row], sizeof sum);
    return sum;
  };
  SDFT_UNROLL for (int i = 0; i < kRows; ++i) {
    if constexpr (kForm == DigitForm::bytes) {
      const Vec total = fma(to_float(sum_of(0, i)), broadcast(kTopBase << kLowBits), to_float((sum_of(1, i) << kLowBits) + sum_of(2, i)));
      sums[i] = fma(total * broadcast(x.scales[i]), weight.scale, sums[i]);
    } else {
      // Both are exact as floats, so that their sum is rounded once, as the integer's is.
      const Vec total = fma(to_float(sum_of(0, i)), broadcast(4096.0f), to_float(sum_of(1, i)));
      sums[i] = fma(broadcast(x.sums[i]), weight.centre, fma(total * broadcast(x.scales[i]), weight.scale, sums[i]));
    }
  }
}

template <DigitForm kForm, int kRows>
__attribute__((noinline)) void multiply_tile(const UnitTile& t) {
  BlockSums<kForm> made[2];
  // The unit writes no more rows than there are, and rows up to kRows are read.
  for (BlockSums<kForm>& sums : made)
    for (auto& digit : sums.at) std::memset(digit[kRows - kRowStep], 0, kRowStep * sizeof digit[0]);
  Vec sums[kRows];
  SDFT_UNROLL for (int i = 0; i < kRows; ++i) sums[i] = t.goes_on && i < t.rows ? load_part(t.out + i * t.out_row, t.lanes) : Vec{};
  // What the unit stores cannot be read before it stands in the cache, so that meanwhile the block before is added and the next one multiplied.
  const auto take = [&](auto turn, int64_t b) __attribute__((always_inline)) {
    constexpr int kTurn = decltype(turn)::value, kSet = kForm == DigitForm::bytes ? 0 : kTurn, kNextSet = kForm == DigitForm::bytes ? 0 : 1 - kTurn;
    if constexpr (kSet == kNextSet) store_block<kForm, kSet>(made[kTurn]);
    if (b + 1 < t.blocks) multiply_block<kForm, kNextSet>(t.x[b + 1], t.weight[b + 1]);
    if constexpr (kSet != kNextSet) store_block<kForm, kSet>(made[kTurn]);
    if (b > 0) add_block<kForm, kRows>(sums, made[1 - kTurn], t.x[b - 1], t.weight[b - 1]);
  };
  multiply_block<kForm, 0>(t.x[0], t.weight[0]);
  for (int64_t b = 0; b < t.blocks; b += 2) {
    take(std::integral_constant<int, 0>{}, b);
    if (b + 1 < t.blocks) take(std::integral_constant<int, 1>{}, b + 1);
  }
  const int64_t last = t.blocks - 1;
  add_block<kForm, kRows>(sums, made[last % 2], t.x[last], t.weight[last]);
  const Vec bias = t.bias == nullptr ? Vec{} : load_part(t.bias, t.lanes);
  SDFT_UNROLL for (int i = 0; i < kRows; ++i) {
    if (i < t.rows) store_part(t.out + i * t.out_row, t.bias == nullptr ? sums[i] : sums[i] + bias, t.lanes);
  }
}

using TileProduct = void (*)(const UnitTile&);
template <DigitForm kForm>
constexpr TileProduct kTileProducts[] = {multiply_tile<kForm, 4>, multiply_tile<kForm, 8>, multiply_tile<kForm, 12>, multiply_tile<kForm, 16>};

/// Rows in digits, cut into tiles of equal height: [tile][block].
struct UnitRows {
  static constexpr int64_t kMostRows = kUnitRows, kLaidOut = 2 * kBlocks * int64_t{sizeof(WeightBlock) / sizeof(float)};

  int64_t rows, depth, tiles, blocks, height;
  DigitForm form;
  RowBlock* data = nullptr;

  UnitRows(int64_t row_count, int64_t inputs, DigitForm digit_form)
      : rows(row_count), depth(inputs), tiles(parts(rows, kUnitRows)), blocks(depth / cpu::kGroup), height(parts(rows, tiles)), form(digit_form) {}
  int64_t floats() const { return floats_of(blocks); }
  int64_t floats_of(int64_t of_blocks) const { return tiles * of_blocks * int64_t{sizeof(RowBlock) / sizeof(float)}; }
  void place(float* memory) { data = reinterpret_cast<RowBlock*>(memory); }
  int64_t row(int64_t tile) const { return smaller(rows, tile * height); }

  template <class Source>
  void split(int64_t first_tile, int64_t end_tile, const Source& source) const {
    alignas(64) float room[kUnitRows][kMadeInputs];
    const auto split_block = form == DigitForm::bytes ? split_bytes : split_nibbles;
    for (int64_t tile = first_tile; tile < end_tile; ++tile) {
      const int64_t first = row(tile), count = row(tile + 1) - first;
      RowBlock* to = data + tile * blocks;
      for (int64_t column = 0; column < depth; column += kMadeInputs) {
        const int64_t inputs = smaller(kMadeInputs, depth - column);
        const float* from[kUnitRows] = {};
        for (int64_t i = 0; i < count; ++i) from[i] = source(first + i, column, inputs, room[i]);
        for (int64_t at = 0; at < inputs; at += cpu::kGroup, ++to) {
          split_block(from, count, *to);
          for (int64_t i = 0; i < count; ++i) from[i] += cpu::kGroup;
        }
      }
    }
  }

  void multiply_panel(int64_t first, int64_t end, const Strip& strip, float* laid_out) const {
    const PackedWeight& weight = *strip.part->weight;
    const Tensor& out = strip.part->out;
    const int64_t column = strip.panel * kPanel, columns = smaller(kPanel, weight.rows - column), packed_bytes = weight.panel_bytes / blocks;
    const char* packed = weight.panels + strip.panel * weight.panel_bytes;
    auto* const weights = reinterpret_cast<WeightBlock*>(laid_out);
    const LayOut lay_out = layout_of(weight.kind);
    const TileProduct multiply = (form == DigitForm::bytes ? kTileProducts<DigitForm::bytes> : kTileProducts<DigitForm::nibbles>)[(height - 1) / kRowStep];
    const MatrixUnit unit(height, form == DigitForm::bytes ? cpu::kGroup : 2 * cpu::kGroup);
    for (int64_t begin = 0; begin < blocks; begin += kBlocks) {
      const int64_t count = smaller(kBlocks, blocks - begin);
      for (int64_t b = 0; b < count; ++b) lay_out(packed + b * packed_bytes, weights + b, kBlocks);
      packed += count * packed_bytes;
      // Meanwhile what comes next is asked for: the next blocks or, most likely, those of the panel behind.
      const char* ahead = packed;
      const int64_t lines = parts(smaller(kBlocks, blocks) * packed_bytes, (end - first) * kLineBytes);
      for (int64_t tile = first; tile < end; ++tile) {
        for (int64_t line = 0; line < lines; ++line, ahead += kLineBytes) __builtin_prefetch(ahead, 0, 2);
        for (int64_t c = 0; c < columns; c += kUnitRows) {
          multiply({data + tile * blocks + begin, weights + c / kUnitRows * kBlocks, count, begin > 0, row_of(out, row(tile)) + column + c, out.stride, row(tile + 1) - row(tile),
                    lanes_of(columns, c / kLanes), begin + count == blocks && strip.part->bias ? bias_of(*strip.part, column + c) : nullptr});
        }
      }
    }
  }
};

/// All weights of 4 bits, or all of 8.
template <class Source>
void multiply(const Context& context, const LinearParts& group, int64_t rows, int64_t depth, const Source& source) {
  if (group.count == 0) return;
  multiply_in_digits(context, group, UnitRows(rows, depth, is_q4(group.parts[0].weight->kind) ? DigitForm::nibbles : DigitForm::bytes), kFewRows, source);
}

}  // namespace

void linear(const Context& context, const LinearParts& group, Tensor x) {
  if (x.rows < kLeastRows) return avx512digits::linear(context, group, x);
  const ByForm by(group);
  if (by.others.count > 0) avx512::linear(context, by.others, x);
  for (const LinearParts* parts : {&by.nibbles, &by.bytes}) multiply(context, *parts, x.rows, x.cols, rows_in_memory(x));
}

void gated_linear_in_digits(const Context& context, Tensor out, Tensor gate, Tensor up, Activation activation, const PackedWeight& weight, Tensor bias) {
  if (gate.rows < kLeastRows) return avx512digits::gated_linear(context, out, gate, up, activation, weight, bias);
  multiply(context, {{{out, &weight, bias}}, 1}, gate.rows, gate.cols, activated_rows(gate, up, activation));
}

}  // namespace sdft::SDFT_ISA
