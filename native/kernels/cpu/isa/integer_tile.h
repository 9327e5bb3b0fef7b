// The inner kernels of integer products: a tile of some rows × two vectors of outputs, block of 32 inputs after block. Within a block everything is exact;
// an output is one float sum over the blocks in their order, so its bits depend on nothing but its own inputs.
#pragma once
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
  float* out;
  int64_t out_row;
  int64_t columns;    // the rest is neither read nor written
  const float* bias;  // or null
};

using IntegerTileFunction = void (*)(const IntegerTile&);

/// Functions for 1 … kIntegerRows rows: one panel, or several at once.
struct IntegerTileTable {
  IntegerTileFunction one[kIntegerRows], many[kIntegerRows];
};

extern const IntegerTileTable kQ4IntegerTiles, kQ4NarrowIntegerTiles, kQ8IntegerTiles, kQ8NarrowIntegerTiles, kQ8MinimumIntegerTiles, kQ8HalvesIntegerTiles;

namespace {

/// Few rows wait for memory; where it answers several streams better than one, so many panels are read at once.
constexpr int integer_panels_at_once(int rows) { return rows == 1 ? 4 : rows <= kIntegerRows / 2 ? 2 : 1; }

template <class ScalesForm>
struct Q4Form {
  using Scales = ScalesForm;
  static constexpr bool kNibbles = true, kMinimum = true, kHalves = false;
};
template <class ScalesForm>
struct Q8Form {
  using Scales = ScalesForm;
  static constexpr bool kNibbles = false, kMinimum = false, kHalves = false;
};
struct Q8MinimumForm {
  using Scales = FloatScales;
  static constexpr bool kNibbles = false, kMinimum = true, kHalves = false;
};
struct Q8HalvesForm {
  using Scales = FloatScales;
  static constexpr bool kNibbles = false, kMinimum = false, kHalves = true;
};

inline uint32_t word_of(const int8_t* quants) {
  uint32_t word;
  std::memcpy(&word, quants, sizeof word);
  return word;
}

/// Adds words [first, end) of a block.
template <int MR, int NV, class Form>
__attribute__((always_inline)) inline void add_words(Sums<!Form::kNibbles> (&sums)[MR][NV], const IntegerGroup* x, const char* words, int64_t step, int first,
                                                     int end) {
  SDFT_UNROLL for (int r = first; r < end; ++r) {
    WordVec w[NV];
    SDFT_UNROLL for (int j = 0; j < NV; ++j)
      w[j] = load_words(reinterpret_cast<const uint32_t*>(words + (j / 2) * step) + r * kPanel + (j % 2) * kLanes);
    if constexpr (Form::kNibbles) {
      SDFT_UNROLL for (int half = 0; half < 2; ++half) {
        WordVec nibbles[NV];
        SDFT_UNROLL for (int j = 0; j < NV; ++j) nibbles[j] = (half == 0 ? w[j] : w[j] >> 4) & 0x0F0F0F0Fu;
        SDFT_UNROLL for (int i = 0; i < MR; ++i) {
          const WordVec a = broadcast_word(word_of(x[i].quants + 8 * r + 4 * half));
          SDFT_UNROLL for (int j = 0; j < NV; ++j) sums[i][j].add(nibbles[j], a);
        }
      }
    } else {
      SDFT_UNROLL for (int i = 0; i < MR; ++i) {
        const WordVec a = broadcast_word(word_of(x[i].quants + 4 * r));
        SDFT_UNROLL for (int j = 0; j < NV; ++j) sums[i][j].add(w[j], a);
      }
    }
  }
}

template <int MR, int NV, class Form>
__attribute__((noinline)) void run_integer_tile(const IntegerTile& t) {
  using Scales = typename Form::Scales;
  constexpr int kWords = Form::kNibbles ? 4 : 8, kParts = Form::kHalves ? 2 : 1;
  constexpr int64_t kScaleBytes = kPanel * Scales::kBytes * (Form::kMinimum || Form::kHalves ? 2 : 1), kBlockBytes = kScaleBytes + kPanel * 4 * kWords;
  Vec out[MR][NV];
  SDFT_UNROLL for (int i = 0; i < MR; ++i) SDFT_UNROLL for (int j = 0; j < NV; ++j) out[i][j] = Vec{};
  const char* block = t.panels;
  const IntegerGroup* x = t.x;
  for (int64_t b = 0; b < t.blocks; ++b, block += kBlockBytes, x += MR) {
    if constexpr (MR == 1 && NV > 2) {  // a panel alone is one stream, which the processor sees by itself
      SDFT_UNROLL for (int p = 0; p < NV / 2; ++p)
        for (int64_t line = 0; line < kBlockBytes; line += 64) __builtin_prefetch(block + p * t.panel_step + 1536 + line);
    }
    SDFT_UNROLL for (int part = 0; part < kParts; ++part) {
      Sums<!Form::kNibbles> sums[MR][NV];
      add_words<MR, NV, Form>(sums, x, block + kScaleBytes, t.panel_step, part * kWords / kParts, (part + 1) * kWords / kParts);
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
    const Vec bias = t.bias == nullptr ? Vec{} : load_part(t.bias + j * kLanes, lanes);
    SDFT_UNROLL for (int i = 0; i < MR; ++i) store_part(t.out + i * t.out_row + j * kLanes, t.bias == nullptr ? out[i][j] : out[i][j] + bias, lanes);
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
