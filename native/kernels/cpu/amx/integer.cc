// Products in integers on the matrix unit: the same sums, group by group, as the vectors make (isa/integer_tile.h), so the same bits. Few rows, and panels of other
// forms, are theirs.
#include "kernels/cpu/amx/lanes.h"
#include "kernels/cpu/amx/matrix_unit.h"
#include "kernels/cpu/isa/panels.h"
#include "kernels/cpu/isa/strips.h"

namespace sdft::SDFT_ISA {

using cpu::Context;
using cpu::LinearParts;
using cpu::PackedWeight;
using cpu::PanelKind;

namespace {

/// From so many rows on the unit is the faster.
constexpr int64_t kLeastRows = 7;
/// Bytes of quantised rows that a block of rows may take: they stay in the second-level cache while the strips go by.
constexpr int64_t kBlockBytes = 768 * 1024;

/// A group of a tile of rows.
struct alignas(64) RowGroup {
  int8_t quants[kUnitRows][cpu::kGroup];
  float scales[kUnitRows];    // x ≈ scale · quant
  float sums[kUnitRows];      // scale · Σ quant: what a minimum multiplies
  int32_t offsets[kUnitRows]; // −128 · Σ quant: what unsigned weights have too much
};

/// A group of 16 outputs.
struct alignas(64) WeightGroup {
  uint8_t quants[8][64];  // row r: four inputs of each output
  float scales[kUnitRows], minima[kUnitRows];
};

/// A group of a panel: two of 16 outputs, `step` groups apart.
template <bool kNibbles, class Scales>
void lay_out(const char* block, WeightGroup* to, int64_t step) {
  constexpr int64_t kScaleBytes = kPanel * Scales::kBytes * (kNibbles ? 2 : 1);
  SDFT_UNROLL for (int half = 0; half < 2; ++half, to += step) {
    const uint32_t* words = reinterpret_cast<const uint32_t*>(block + kScaleBytes) + half * kLanes;
    store(to->scales, Scales::at(block, half * kLanes));
    if constexpr (kNibbles) store(to->minima, Scales::at(block, half * kLanes + kPanel));
    SDFT_UNROLL for (int r = 0; r < 8; ++r) {
      WordVec quants = load_words(words + (kNibbles ? r / 2 : r) * kPanel);
      if constexpr (kNibbles) quants = (r % 2 == 0 ? quants : quants >> 4) & 0x0F0F0F0Fu;
      std::memcpy(to->quants[r], &quants, sizeof quants);
    }
  }
}

using LayOut = void (*)(const char* block, WeightGroup* to, int64_t step);
LayOut layout_of(PanelKind kind) {
  switch (kind) {
    case PanelKind::q4_narrow: return lay_out<true, NarrowScales>;
    case PanelKind::q8: return lay_out<false, FloatScales>;
    case PanelKind::q8_narrow: return lay_out<false, NarrowScales>;
    default: return lay_out<true, FloatScales>;
  }
}

/// One group: the exact sums, through memory, to the floats.
struct alignas(64) GroupSums {
  int32_t at[kUnitRows][kUnitRows];
};

template <int kRegister>
__attribute__((always_inline)) inline void multiply_group(const RowGroup& x, const WeightGroup& weight) {
  MatrixUnit::zero<kRegister>();
  MatrixUnit::load<4 + kRegister % 2>(x.quants, cpu::kGroup);
  MatrixUnit::load<6 + kRegister % 2>(weight.quants);
  MatrixUnit::multiply_bytes<kRegister, 4 + kRegister % 2, 6 + kRegister % 2>();
}

template <bool kNibbles>
__attribute__((always_inline)) inline void add_group(Vec (&out)[kUnitRows], const GroupSums& made, const RowGroup& x, const WeightGroup& weight) {
  const Vec scale = load(weight.scales), minimum = kNibbles ? load(weight.minima) : Vec{};
  SDFT_UNROLL for (int i = 0; i < kUnitRows; ++i) {
    IntVec total;
    std::memcpy(&total, made.at[i], sizeof total);
    if constexpr (!kNibbles) total += x.offsets[i];
    out[i] = fma(to_float(total) * broadcast(x.scales[i]), scale, out[i]);
    if constexpr (kNibbles) out[i] = fma(minimum, broadcast(x.sums[i]), out[i]);
  }
}

/// A tile of rows × 16 outputs. The unit works on the next groups while what it made of one is added.
template <bool kNibbles>
__attribute__((noinline)) void multiply_tile(Vec (&out)[kUnitRows], const RowGroup* x, const WeightGroup* weight, int64_t groups) {
  GroupSums made[2];
  Vec sums[kUnitRows] = {};
  multiply_group<0>(x[0], weight[0]);
  for (int64_t g = 0; g < groups; g += 2) {
    const bool second = g + 1 < groups;
    if (second) multiply_group<1>(x[g + 1], weight[g + 1]);
    MatrixUnit::store<0>(&made[0]);
    if (g + 2 < groups) multiply_group<0>(x[g + 2], weight[g + 2]);
    add_group<kNibbles>(sums, made[0], x[g], weight[g]);
    if (!second) break;
    MatrixUnit::store<1>(&made[1]);
    add_group<kNibbles>(sums, made[1], x[g + 1], weight[g + 1]);
  }
  SDFT_UNROLL for (int i = 0; i < kUnitRows; ++i) out[i] = sums[i];
}

/// Rows in integers, cut into tiles of equal height.
struct IntegerRows {
  int64_t rows, tiles, height, groups;
  RowGroup* data;  // [tile][group]
  int64_t row(int64_t tile) const { return smaller(rows, tile * height); }
};

/// A group of all rows of a tile, whose scales are made together: the numbers of quantize_group in isa/integer.cc. Rows from `count` on are zeros.
template <bool kNibbles>
void quantize_group(const float* x, int64_t x_row, int64_t count, RowGroup& group) {
  Vec values[kUnitRows][2];
  IntVec each[kUnitRows];
  const auto larger_of = [](IntVec a, IntVec b) { return a > b ? a : b; };
  SDFT_UNROLL for (int i = 0; i < kUnitRows; ++i) {
    SDFT_UNROLL for (int j = 0; j < 2; ++j) values[i][j] = i < count ? load(x + i * x_row + j * kLanes) : Vec{};
    each[i] = larger_of(reinterpret_cast<IntVec>(values[i][0]) & 0x7FFFFFFF, reinterpret_cast<IntVec>(values[i][1]) & 0x7FFFFFFF);
  }
  // Bits compare as the numbers do and put NaN above all. A group below 2⁻¹⁰⁰ is zero.
  const Vec largest = reinterpret_cast<Vec>(over_rows_of(each, larger_of));
  const IntVec is_zero = largest < broadcast(7.8886e-31f);
  const Vec scales = is_zero ? Vec{} : largest / broadcast(127.0f), inverses = is_zero ? Vec{} : broadcast(127.0f) / largest;
  alignas(64) float inverse[kUnitRows];
  store(inverse, inverses);
  store(group.scales, scales);
  // 1.5 · 2²³: adding it leaves the nearest integer, ties to even, in the low bits.
  const Vec magic = broadcast(12582912.0f);
  typedef int8_t Sixteen __attribute__((vector_size(16)));
  // Of eight neighbours first those at even places, then those at odd ones, as the halves of the weights' words hold them.
  const Sixteen order = {0, 2, 4, 6, 1, 3, 5, 7, 8, 10, 12, 14, 9, 11, 13, 15};
  SDFT_UNROLL for (int i = 0; i < kUnitRows; ++i) {
    IntVec total{};
    SDFT_UNROLL for (int j = 0; j < 2; ++j) {
      const IntVec quants = reinterpret_cast<IntVec>(values[i][j] * broadcast(inverse[i]) + magic) - reinterpret_cast<IntVec>(magic);
      total += quants;
      Sixteen bytes = __builtin_convertvector(quants, Sixteen);
      if constexpr (kNibbles) bytes = __builtin_shuffle(bytes, order);
      std::memcpy(group.quants[i] + j * kLanes, &bytes, sizeof bytes);
    }
    each[i] = total;
  }
  const IntVec totals = over_rows_of(each, [](IntVec a, IntVec b) { return a + b; });
  store(group.sums, scales * to_float(totals));
  const IntVec offsets = totals * -128;
  std::memcpy(group.offsets, &offsets, sizeof offsets);
}

IntegerRows quantize_rows(const Context& context, const Tensor& x, bool nibbles) {
  const int64_t tiles = parts(x.rows, kUnitRows), groups = x.cols / cpu::kGroup;
  float* memory = context.workspace->shared(7, tiles * groups * int64_t{sizeof(RowGroup) / sizeof(float)});
  const IntegerRows rows{x.rows, tiles, parts(x.rows, tiles), groups, reinterpret_cast<RowGroup*>(memory)};
  const auto quantize = nibbles ? quantize_group<true> : quantize_group<false>;
  context.pool->run(tiles, [&](int64_t tile, int) {
    const int64_t row = rows.row(tile), count = rows.row(tile + 1) - row;
    for (int64_t g = 0; g < groups; ++g) quantize(row_of(x, row) + g * cpu::kGroup, x.stride, count, rows.data[tile * groups + g]);
  });
  return rows;
}

/// A panel for some tiles; scratch (2, groups).
void multiply_panel(const LinearParts::Part& part, const IntegerRows& x, int64_t first_tile, int64_t end_tile, int64_t column, WeightGroup* scratch) {
  const PackedWeight& weight = *part.weight;
  const int64_t block_bytes = weight.panel_bytes / x.groups, columns = smaller(kPanel, weight.rows - column);
  const char* panel = weight.panels + column / kPanel * weight.panel_bytes;
  const LayOut lay_out_group = layout_of(weight.kind);
  for (int64_t g = 0; g < x.groups; ++g) lay_out_group(panel + g * block_bytes, scratch + g, x.groups);
  const MatrixUnit unit(x.height, cpu::kGroup);
  for (int64_t tile = first_tile; tile < end_tile; ++tile) {
    for (int64_t c = 0; c < columns; c += kUnitRows) {
      const int lanes = lanes_of(columns, c / kLanes);
      Vec sums[kUnitRows];
      (cpu::is_q4(weight.kind) ? multiply_tile<true> : multiply_tile<false>)(sums, x.data + tile * x.groups, scratch + c / kUnitRows * x.groups, x.groups);
      const float* from = bias_of(part, column + c);
      const Vec bias = from == nullptr ? Vec{} : load_part(from, lanes);
      for (int64_t row = x.row(tile); row < x.row(tile + 1); ++row) {
        const Vec sum = sums[row - x.row(tile)];
        store_part(row_of(part.out, row) + column + c, from == nullptr ? sum : sum + bias, lanes);
      }
    }
  }
}

}  // namespace

void linear_integer(const Context& context, const LinearParts& group, Tensor x) {
  const PanelKind kind = group.parts[0].weight->kind;
  if (x.rows < kLeastRows || (!is_q4(kind) && !is_q8(kind))) return avx512vnni::linear_integer(context, group, x);
  const IntegerRows rows = quantize_rows(context, x, cpu::is_q4(kind));
  const int64_t strips = strip_count(group, 1);
  const int64_t blocks = parts(rows.tiles * rows.groups * int64_t{sizeof(RowGroup)}, kBlockBytes);
  const Shares shares(rows.tiles, smaller(rows.tiles, blocks), strips, context.pool->threads());
  const int64_t scratch_floats = 2 * rows.groups * int64_t{sizeof(WeightGroup) / sizeof(float)};
  context.pool->run(shares.count, [&](int64_t task, int worker) {
    const Shares::Share share = shares.at(task);
    const Strip strip = strip_at(group, share.strip, 1);
    multiply_panel(*strip.part, rows, share.first, share.last, strip.panel * kPanel, reinterpret_cast<WeightGroup*>(context.workspace->local(worker, scratch_floats)));
  });
}

}  // namespace sdft::SDFT_ISA
