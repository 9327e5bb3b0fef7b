// The inner kernels of integer products: a tile of some rows × two vectors of outputs, block of 32 inputs after block. Within a block everything is exact;
// an output is one float sum over the blocks in their order, so its bits depend on nothing but its own inputs.
#pragma once
#include <type_traits>

#include "kernels/cpu/isa/tile.h"

#include "kernels/cpu/isa/integer_dot.h"

namespace sdft::SDFT_ISA {

/// Thirty-two activations of a row as integers: x ≈ scale · quant.
struct IntegerGroup {
  int8_t quants[32];  // in the order in which the weights' words meet them
  float scale;
  float sum;          // scale · Σ quant: what a minimum multiplies
  int32_t offset[2];  // −128 (q8_halves: −32) · Σ quant of either half: what unsigned weights have too much
};

/// out[i][j] = Σ_blocks scale · (scale_j · Σ quant · quant_j + minimum_j · Σ quant) + bias[j]
struct IntegerTile {
  const IntegerGroup* x;  // [block][rows of the tile]
  int64_t blocks;
  const char* panels;  // the first
  int64_t panel_step;  // bytes
  float* out;          // of the first panel
  int64_t out_row;
  int64_t out_step;    // columns from panel to panel
  int64_t columns;     // the rest is neither read nor written
  const float* bias;   // or null
};

using IntegerTileFunction = void (*)(const IntegerTile&);

/// Thirty-two inputs of a panel of 4-bit weights laid out for several tiles: every quant a byte, in the order in which a row's quants meet them.
struct alignas(32) LaidBlock {
  float scale[kPanel], minimum[kPanel];
  uint32_t words[8][kPanel];
};

/// Functions for 1 … kIntegerRows rows: one panel, or several at once.
struct IntegerTileTable {
  IntegerTileFunction one[kIntegerRows], many[kIntegerRows];
};

extern const IntegerTileTable kQ4IntegerTiles, kQ4NarrowIntegerTiles, kQ8IntegerTiles, kQ8NarrowIntegerTiles, kQ8MinimumIntegerTiles, kQ8HalvesIntegerTiles;
/// Of LaidBlocks; empty where none are made.
extern const IntegerTileTable kLaidQ4IntegerTiles;

namespace {

/// Few rows wait for memory; where it answers several streams better than one, so many panels are read at once (`streams_at`).
constexpr int integer_panels_at_once(int rows) { return rows == 1 ? 4 : rows <= kIntegerRows / 2 ? 2 : 1; }

// kNibbles: quants stand two in a byte. kBytes: they fill one.
template <class ScalesForm>
struct Q4Form {
  using Scales = ScalesForm;
  static constexpr bool kNibbles = true, kBytes = false, kMinimum = true, kHalves = false;
};
struct LaidQ4Form {
  using Scales = FloatScales;
  static constexpr bool kNibbles = false, kBytes = false, kMinimum = true, kHalves = false;
};
template <class ScalesForm>
struct Q8Form {
  using Scales = ScalesForm;
  static constexpr bool kNibbles = false, kBytes = true, kMinimum = false, kHalves = false;
};
struct Q8MinimumForm {
  using Scales = FloatScales;
  static constexpr bool kNibbles = false, kBytes = true, kMinimum = true, kHalves = false;
};
struct Q8HalvesForm {
  using Scales = FloatScales;
  static constexpr bool kNibbles = false, kBytes = true, kMinimum = false, kHalves = true;
};

/// A block: scales, minima or the scales of its other half, words.
template <class Form>
constexpr int64_t kScaleBytes = kPanel * Form::Scales::kBytes * (Form::kMinimum || Form::kHalves ? 2 : 1);
template <class Form>
constexpr int kWords = Form::kNibbles ? 4 : 8;
template <class Form>
constexpr int64_t kBlockBytes = kScaleBytes<Form> + kPanel * 4 * kWords<Form>;
static_assert(sizeof(LaidBlock) == kBlockBytes<LaidQ4Form>, "laid out as a tile reads it");

/// A panel of 4-bit weights, out: (blocks).
template <class Scales>
inline void lay_out(const char* panel, int64_t blocks, LaidBlock* out) {
  using Form = Q4Form<Scales>;
  for (int64_t b = 0; b < blocks; ++b, panel += kBlockBytes<Form>, ++out) {
    SDFT_UNROLL for (int j = 0; j < 2; ++j) {
      store(out->scale + j * kLanes, Scales::at(panel, j * kLanes));
      store(out->minimum + j * kLanes, Scales::at(panel, kPanel + j * kLanes));
      SDFT_UNROLL for (int r = 0; r < 4; ++r) {
        const WordVec words = load_words(reinterpret_cast<const uint32_t*>(panel + kScaleBytes<Form>) + r * kPanel + j * kLanes);
        const WordVec first = words & 0x0F0F0F0Fu, second = (words >> 4) & 0x0F0F0F0Fu;
        std::memcpy(out->words[2 * r] + j * kLanes, &first, sizeof first);
        std::memcpy(out->words[2 * r + 1] + j * kLanes, &second, sizeof second);
      }
    }
  }
}

inline uint32_t word_of(const int8_t* quants) {
  uint32_t word;
  std::memcpy(&word, quants, sizeof word);
  return word;
}

/// Sums up words [first, end) of a block.
template <int MR, int NV, class Form>
__attribute__((always_inline)) inline void sum_words(Sums<Form::kBytes> (&sums)[MR][NV], const IntegerGroup* x, const char* words, int64_t step, int first, int end) {
  constexpr int kHalves = Form::kNibbles ? 2 : 1;
  const auto word = [&](int r, int j) { return load_words(reinterpret_cast<const uint32_t*>(words + (j / 2) * step) + r * kPanel + (j % 2) * kLanes); };
  SDFT_UNROLL for (int r = first; r < end; ++r) {
    SDFT_UNROLL for (int half = 0; half < kHalves; ++half) {
      WordVec w[NV];
      SDFT_UNROLL for (int j = 0; j < NV; ++j) {
        w[j] = word(r, j);
        if (Form::kNibbles) w[j] = (half == 0 ? w[j] : w[j] >> 4) & 0x0F0F0F0Fu;
      }
      SDFT_UNROLL for (int i = 0; i < MR; ++i) {
        const WordVec a = broadcast_word(word_of(x[i].quants + 4 * (kHalves * r + half)));
        SDFT_UNROLL for (int j = 0; j < NV; ++j) r == first && half == 0 ? sums[i][j].start(w[j], a) : sums[i][j].add(w[j], a);
      }
    }
  }
}

/// Bytes of a panel, in whole blocks, that weights are asked for ahead of their use.
constexpr int64_t kIntegerAhead = kLanes == 8 ? 2304 : 1536;

/// Whether a tile asks for weights ahead. With eight lanes a line takes so many instructions that of more than two rows a core sees too little coming by itself, and for
/// fewer it asks best alone; with sixteen it sees nothing where several panels are read at once. Laid out panels are in cache.
template <int MR, int NV, class Form>
constexpr bool asks_ahead() {
  if (std::is_same_v<Form, LaidQ4Form>) return false;
  return kLanes == 8 ? MR > 2 : MR == 1 && NV > 2;
}

template <int MR, int NV, class Form>
__attribute__((noinline)) void run_integer_tile(const IntegerTile& t) {
  using Scales = typename Form::Scales;
  constexpr int kParts = Form::kHalves ? 2 : 1;
  Vec out[MR][NV];
  SDFT_UNROLL for (int i = 0; i < MR; ++i) SDFT_UNROLL for (int j = 0; j < NV; ++j) out[i][j] = Vec{};
  const char* block = t.panels;
  const IntegerGroup* x = t.x;
  for (int64_t b = 0; b < t.blocks; ++b, block += kBlockBytes<Form>, x += MR) {
    if constexpr (asks_ahead<MR, NV, Form>()) {
      // Past the end of a panel the next one begins, which this thread is likely to take.
      const char* ahead = block + parts(kIntegerAhead, kBlockBytes<Form>) * kBlockBytes<Form>;
      SDFT_UNROLL for (int p = 0; p < NV / 2; ++p)
        for (int64_t line = 0; line < kBlockBytes<Form>; line += kLineBytes) __builtin_prefetch(ahead + p * t.panel_step + line);
    }
    SDFT_UNROLL for (int part = 0; part < kParts; ++part) {
      Sums<Form::kBytes> sums[MR][NV];
      sum_words<MR, NV, Form>(sums, x, block + kScaleBytes<Form>, t.panel_step, part * kWords<Form> / kParts, (part + 1) * kWords<Form> / kParts);
      SDFT_UNROLL for (int j = 0; j < NV; ++j) {
        const char* scales = block + (j / 2) * t.panel_step;
        const Vec scale = Scales::at(scales, j % 2 * kLanes + part * kPanel);
        SDFT_UNROLL for (int i = 0; i < MR; ++i) {
          IntVec total = sums[i][j].total();
          if constexpr (!Form::kMinimum) total += Form::kHalves ? x[i].offset[part] : x[i].offset[0] + x[i].offset[1];
          out[i][j] = fma(to_float(total) * broadcast(x[i].scale), scale, out[i][j]);
          if constexpr (Form::kMinimum) out[i][j] = fma(Scales::at(scales, j % 2 * kLanes + kPanel), broadcast(x[i].sum), out[i][j]);
        }
      }
    }
  }
  SDFT_UNROLL for (int j = 0; j < NV; ++j) {
    const int lanes = lanes_of(t.columns, j);
    const int64_t column = j / 2 * t.out_step + j % 2 * kLanes;
    const Vec bias = t.bias == nullptr ? Vec{} : load_part(t.bias + column, lanes);
    SDFT_UNROLL for (int i = 0; i < MR; ++i) store_part(t.out + i * t.out_row + column, t.bias == nullptr ? out[i][j] : out[i][j] + bias, lanes);
  }
}

template <class Form, int MR = 1>
constexpr void fill_integer_table(IntegerTileTable& table) {
  table.one[MR - 1] = run_integer_tile<MR, 2, Form>;
  table.many[MR - 1] = run_integer_tile<MR, 2 * integer_panels_at_once(MR), Form>;
  if constexpr (MR < kIntegerRows) fill_integer_table<Form, MR + 1>(table);
}

template <class Form>
constexpr IntegerTileTable make_integer_table() {
  IntegerTileTable table{};
  fill_integer_table<Form>(table);
  return table;
}

}  // namespace
}  // namespace sdft::SDFT_ISA
