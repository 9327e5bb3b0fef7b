// Unpacking panels into floats in cache: as they stand, for a product of many rows, or transposed, for the product backwards.
#pragma once
#include "kernels/cpu/isa/tile.h"

namespace sdft::SDFT_ISA {
namespace {

/// Of panels whose quants are bytes.
template <bool kMinimum, bool kHalves, class Scales = FloatScales>
inline void unpack_bytes(const char* panel, int64_t begin, int64_t end, float* out) {
  constexpr int64_t kScaleBytes = kPanel * Scales::kBytes * (kMinimum || kHalves ? 2 : 1), kBlockBytes = kScaleBytes + kPanel * 32;
  for (int64_t k = begin; k < end; k += 4, out += 4 * kPanel) {
    const int64_t within = k % cpu::kGroup;
    SDFT_UNROLL for (int j = 0; j < 2; ++j) {
      const char* block = panel + k / cpu::kGroup * kBlockBytes;
      const Vec scale = Scales::at(block, j * kLanes + (kHalves && within >= 16 ? kPanel : 0));
      const Vec minimum = kMinimum ? Scales::at(block, j * kLanes + kPanel) : scale * broadcast(kHalves ? -32.0f : -128.0f);
      WordVec words = load_words(reinterpret_cast<const uint32_t*>(block + kScaleBytes) + within / 4 * kPanel + j * kLanes);
      SDFT_UNROLL for (int i = 0; i < 4; ++i) {
        store(out + i * kPanel + j * kLanes, fma(low_byte(words), scale, minimum));
        words >>= 8;
      }
    }
  }
}

/// Of panels whose quants are half bytes.
template <class Scales>
inline void unpack_nibbles(const char* panel, int64_t begin, int64_t end, float* out) {
  constexpr int64_t kScaleBytes = 2 * kPanel * Scales::kBytes, kBlockBytes = kScaleBytes + kPanel * 16;
  for (int64_t k = begin; k < end; k += 8, out += 8 * kPanel) {
    const char* block = panel + k / cpu::kGroup * kBlockBytes;
    SDFT_UNROLL for (int j = 0; j < 2; ++j) {
      const Vec scale = Scales::at(block, j * kLanes), minimum = Scales::at(block, j * kLanes + kPanel);
      WordVec words = load_words(reinterpret_cast<const uint32_t*>(block + kScaleBytes) + k % cpu::kGroup / 8 * kPanel + j * kLanes);
      SDFT_UNROLL for (int i = 0; i < 8; ++i) {
        store(out + i * kPanel + j * kLanes, fma(low_nibble(words), scale, minimum));
        words >>= 4;
      }
    }
  }
}

/// out[k − begin][P] = inputs [begin, end) of a panel. Of panels in groups, begin and end are multiples of 8.
inline void unpack(cpu::PanelKind kind, const char* panel, int64_t begin, int64_t end, float* out) {
  switch (kind) {
    case cpu::PanelKind::f32:
      std::memcpy(out, panel + begin * kPanel * 4, static_cast<size_t>((end - begin) * kPanel * 4));
      return;
    case cpu::PanelKind::bf16:
      for (int64_t k = begin; k < end; ++k, out += kPanel) {
        const WordVec pairs = load_words(reinterpret_cast<const uint32_t*>(panel + k * kPanel * 2));
        store(out, bits_to_float(pairs << 16));
        store(out + kLanes, bits_to_float(pairs & 0xFFFF0000u));
      }
      return;
    case cpu::PanelKind::f16:
      for (int64_t k = begin; k < end; ++k, out += kPanel) {
        const WordVec pairs = load_words(reinterpret_cast<const uint32_t*>(panel + k * kPanel * 2));
        store(out, low_half(pairs));
        store(out + kLanes, low_half(pairs >> 16));
      }
      return;
    case cpu::PanelKind::q4: return unpack_nibbles<FloatScales>(panel, begin, end, out);
    case cpu::PanelKind::q4_narrow: return unpack_nibbles<NarrowScales>(panel, begin, end, out);
    case cpu::PanelKind::q8: return unpack_bytes<false, false>(panel, begin, end, out);
    case cpu::PanelKind::q8_narrow: return unpack_bytes<false, false, NarrowScales>(panel, begin, end, out);
    case cpu::PanelKind::q8_minimum: return unpack_bytes<true, false>(panel, begin, end, out);
    case cpu::PanelKind::q8_halves: return unpack_bytes<false, true>(panel, begin, end, out);
  }
}

/// Panels of floats side by side, as products of many rows walk them: input k of one at first + k · P floats, `step` bytes from one to the next.
struct FloatPanels {
  const char* first;
  int64_t step;
};

/// Inputs [begin, end) of the panels with outputs [column, column + columns), column a multiple of P: where they stand if they are stored as floats, else in
/// scratch (end − begin, kStripColumns).
inline FloatPanels strip_of(const cpu::PackedWeight& weight, int64_t column, int64_t columns, int64_t begin, int64_t end, float* scratch) {
  const char* packed = weight.panels + column / kPanel * weight.panel_bytes;
  if (weight.kind == cpu::PanelKind::f32) return {packed, weight.panel_bytes};
  const int64_t panel_floats = (end - begin) * kPanel;
  for (int64_t i = 0; i * kPanel < columns; ++i) unpack(weight.kind, packed + i * weight.panel_bytes, begin, end, scratch + i * panel_floats);
  return {reinterpret_cast<const char*>(scratch - begin * kPanel), panel_floats * int64_t{sizeof(float)}};
}

/// A tile of rows with the panels of a strip, all at once if they are as many as the tile takes, else one after the other while the rows are in cache.
/// tile.columns: of the strip; tile.b and b_step are set here.
inline void multiply_panels(const TileTable& table, int64_t rows, const FloatPanels& panels, Tile tile) {
  const int64_t columns = tile.columns;
  tile.b = panels.first;
  tile.b_step = panels.step;
  if (columns > kPanel && panels_at_once(static_cast<int>(rows)) == kStripPanels) {
    table.many[rows - 1](tile);
    return;
  }
  for (int64_t column = 0; column < columns; column += kPanel) {
    tile.columns = smaller(columns - column, kPanel);
    table.one[rows - 1](tile);
    tile.b += panels.step;
    tile.out += kPanel;
    if (tile.start != nullptr) tile.start += kPanel;
    if (tile.bias != nullptr) tile.bias += kPanel;
  }
}

/// Of each four elements of both, the lower two in turn and the upper two in turn: an instruction each.
__attribute__((always_inline)) inline void zip(Vec& first, Vec& second) {
  IntVec low{}, high{};
  SDFT_UNROLL for (int lane = 0; lane < kLanes; ++lane) {
    low[lane] = lane % 2 * kLanes + lane / 4 * 4 + lane % 4 / 2;
    high[lane] = low[lane] + 2;
  }
  const Vec a = first, b = second;
  first = __builtin_shuffle(a, b, low);
  second = __builtin_shuffle(a, b, high);
}

/// Turns each square of kCount columns: rows[i][c + j] = rows[j][c + i], c a multiple of kCount. log2(kCount) rounds of swapping the off-diagonal blocks, from
/// those of kFirst rows on; the last two rounds together are zips, for which AVX2 has instructions.
template <int kCount, int kFirst = kCount / 2>
__attribute__((always_inline)) inline void transpose_vectors(Vec (&rows)[kCount]) {
  constexpr int kLast = kFirst >= 2 ? 2 : 0;
  SDFT_UNROLL for (int half = kFirst; half > kLast; half /= 2) {
    IntVec low{}, high{};
    SDFT_UNROLL for (int lane = 0; lane < kLanes; ++lane) {
      low[lane] = lane & half ? kLanes + lane - half : lane;
      high[lane] = lane & half ? kLanes + lane : lane + half;
    }
    SDFT_UNROLL for (int i = 0; i < kCount; ++i) {
      if (i & half) continue;
      const Vec a = rows[i], b = rows[i + half];
      rows[i] = __builtin_shuffle(a, b, low);
      rows[i + half] = __builtin_shuffle(a, b, high);
    }
  }
  if constexpr (kLast == 0) return;
  SDFT_UNROLL for (int i = 0; i < kCount; i += 4) {
    zip(rows[i], rows[i + 2]);
    zip(rows[i + 1], rows[i + 3]);
    zip(rows[i], rows[i + 1]);
    zip(rows[i + 2], rows[i + 3]);
  }
}

/// rows[i][j] = in[j][i] for kLanes × kLanes floats; rows of `in` from `count` on are zeros. The first round is made by loading, which takes no shuffles.
__attribute__((always_inline)) inline void load_transposed(const float* in, int64_t in_row, int count, Vec (&rows)[kLanes]) {
  constexpr int kHalf = kLanes / 2;
  alignas(64) static constexpr float kZeros[kLanes] = {};
  SDFT_UNROLL for (int i = 0; i < kHalf; ++i) {
    const float *low = i < count ? in + i * in_row : kZeros, *high = i + kHalf < count ? in + (i + kHalf) * in_row : kZeros;
    rows[i] = load_halves(low, high);
    rows[i + kHalf] = load_halves(low + kHalf, high + kHalf);
  }
  transpose_vectors<kLanes, kHalf / 2>(rows);
}

/// out[i][j] = in[j][i] for kLanes × kLanes floats.
inline void transpose_block(const float* in, int64_t in_row, float* out, int64_t out_row) {
  Vec rows[kLanes];
  load_transposed(in, in_row, kLanes, rows);
  SDFT_UNROLL for (int i = 0; i < kLanes; ++i) store(out + i * out_row, rows[i]);
}

/// Columns [c, c + kLanes) of at most half as many rows.
inline void interleave_low(const float* in, int64_t in_row, int height, float* out) {
  constexpr int kHalf = kLanes / 2;
  IntVec upper{};
  SDFT_UNROLL for (int lane = 0; lane < kLanes; ++lane) upper[lane] = (lane + kHalf) % kLanes;
  Vec rows[kHalf];
  SDFT_UNROLL for (int i = 0; i < kHalf; ++i) rows[i] = i < height ? load(in + i * in_row) : Vec{};
  transpose_vectors(rows);
  SDFT_UNROLL for (int i = 0; i < kHalf; ++i) {
    store_first(out + i * height, rows[i], height);
    store_first(out + (kHalf + i) * height, __builtin_shuffle(rows[i], upper), height);
  }
}

/// Columns ahead that rows are asked for: they are as many streams as a tile has rows, from rows that may be far apart.
constexpr int64_t kColumnsAhead = 1024;
/// out[c][height] = in[height][c], the rows of one tile side by side: the product then reads one stream, and rows whose distance is a power of two do not
/// push each other out of the cache.
inline void interleave_rows(const float* in, int64_t in_row, int64_t height, int64_t columns, float* out) {
  for (int64_t first = 0; first < height; first += kLanes) {
    const int count = lanes_of(height, first / kLanes);
    int64_t c = 0;
    if (height <= kLanes / 2) {
      for (; c + kLanes <= columns; c += kLanes) interleave_low(in + c, in_row, count, out + c * height);
    }
    for (; c + kLanes <= columns; c += kLanes) {
      for (int i = 0; i < count; ++i) __builtin_prefetch(in + (first + i) * in_row + c + kColumnsAhead, 0, 2);
      Vec rows[kLanes];
      load_transposed(in + first * in_row + c, in_row, count, rows);
      // Of a tile no higher than a vector, what is written past a column is overwritten by the next: writing under a mask is slow on some
      // processors. Not at the end, where another thread's tile begins.
      const bool whole = height <= kLanes && c + 2 * kLanes <= columns;
      SDFT_UNROLL for (int i = 0; i < kLanes; ++i) store_part(out + (c + i) * height + first, rows[i], whole ? kLanes : count);
    }
    for (; c < columns; ++c)
      for (int64_t i = 0; i < count; ++i) out[c * height + first + i] = in[(first + i) * in_row + c];
  }
}

/// out[c][r] = in[r][c] of any size.
inline void transpose(const float* in, int64_t in_row, int64_t rows, int64_t columns, float* out, int64_t out_row) {
  const int64_t whole_rows = rows / kLanes * kLanes, whole_columns = columns / kLanes * kLanes;
  for (int64_t r = 0; r < whole_rows; r += kLanes)
    for (int64_t c = 0; c < whole_columns; c += kLanes) transpose_block(in + r * in_row + c, in_row, out + c * out_row + r, out_row);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = r < whole_rows ? whole_columns : 0; c < columns; ++c) out[c * out_row + r] = in[r * in_row + c];
}

/// Half bytes from `from` on in kLanes inputs of one output, each at the bottom of its lane; the bits above are others'. A word has eight inputs, the next word
/// stands `step` further.
inline WordVec spread_nibbles(const uint32_t* word, [[maybe_unused]] int64_t step, [[maybe_unused]] int from) {
#if defined(SDFT_ISA_AVX512)
  // Broadcasts from memory take no shuffle.
  const __m512i both = _mm512_mask_broadcastd_epi32(_mm512_set1_epi32(static_cast<int>(word[0])), 0xFF00, _mm_cvtsi32_si128(static_cast<int>(word[step])));
  return reinterpret_cast<WordVec>(both) >> WordVec{0, 4, 8, 12, 16, 20, 24, 28, 0, 4, 8, 12, 16, 20, 24, 28};
#else
  WordVec shifts{};
  SDFT_UNROLL for (int lane = 0; lane < kLanes; ++lane) shifts[lane] = static_cast<uint32_t>(4 * (from + lane));
  return (WordVec{} + *word) >> shifts;
#endif
}

/// out[o][P]: P inputs of each output of a group, from its input `within` on. What is turned are words of eight half bytes, not each number of its own.
template <class Scales>
inline void unpack_nibbles_transposed(const char* block, int64_t within, float* out) {
  alignas(64) float scales[2 * kPanel];
  SDFT_UNROLL for (int64_t i = 0; i < 2 * kPanel; i += kLanes) store(scales + i, Scales::at(block, i));
  const uint32_t* words = reinterpret_cast<const uint32_t*>(block + 2 * kPanel * Scales::kBytes) + within / 8 * kPanel;
  for (int64_t o = 0; o < kPanel; ++o, out += kPanel) {
    const Vec scale = broadcast(scales[o]), minimum = broadcast(scales[kPanel + o]);
    SDFT_UNROLL for (int first = 0; first < kPanel; first += kLanes) {
      store(out + first, fma(low_nibble(spread_nibbles(words + first / 8 * kPanel + o, kPanel, first % 8)), scale, minimum));
    }
  }
}

/// out[c][r] = in[r][c], P × P; as much that stands `next` bytes further is asked for.
inline void turn_panel(const float* in, int64_t next, float* out) {
  for (int64_t r = 0; r < kPanel; r += kLanes) {
    const char* row = reinterpret_cast<const char*>(in + r * kPanel);
    for (int64_t byte = 0; byte < kLanes * kPanel * 4; byte += kLineBytes) __builtin_prefetch(row + next + byte);
    for (int64_t c = 0; c < kPanel; c += kLanes) transpose_block(in + r * kPanel + c, kPanel, out + c * kPanel + r, kPanel);
  }
}

/// Panels further that floats are asked for while one is turned.
constexpr int64_t kTurnAhead = 2;

/// out[o − begin][P]: inputs [first, first + P) (zeros past the last) of outputs [begin, end), begin a multiple of P; room for a multiple of P outputs.
inline void unpack_transposed(const cpu::PackedWeight& weight, int64_t first, int64_t begin, int64_t end, float* out) {
  alignas(64) float block[kPanel * kPanel];
  // Groups of eight inputs are whole in the stored forms that have them; other forms may end anywhere.
  const int64_t inputs = smaller(kPanel, weight.cols - first);
  const bool whole = inputs == kPanel, in_place = weight.kind == cpu::PanelKind::f32 && whole;
  const bool nibbles = whole && cpu::is_q4(weight.kind);
  const int64_t group_bytes = nibbles ? first / cpu::kGroup * (weight.panel_bytes / parts(weight.cols, cpu::kGroup)) : 0;
  if (!whole) std::memset(block, 0, sizeof block);
  for (int64_t o = begin; o < end; o += kPanel, out += kPanel * kPanel) {
    const char* panel = weight.panels + o / kPanel * weight.panel_bytes;
    if (nibbles) {
      (weight.kind == cpu::PanelKind::q4 ? unpack_nibbles_transposed<FloatScales> : unpack_nibbles_transposed<NarrowScales>)(panel + group_bytes, first % cpu::kGroup, out);
      continue;
    }
    if (!in_place) unpack(weight.kind, panel, first, first + inputs, block);
    if (in_place) {
      turn_panel(reinterpret_cast<const float*>(panel) + first * kPanel, kTurnAhead * weight.panel_bytes, out);
      continue;
    }
    transpose(block, kPanel, kPanel, kPanel, out, kPanel);
  }
}

/// The weight backwards: panels of inputs [column, column + columns), their k the outputs [begin, end), begin a multiple of P. scratch: kStripColumns floats for each
/// of as many outputs, rounded up to P.
inline FloatPanels transposed_strip_of(const cpu::PackedWeight& weight, int64_t column, int64_t columns, int64_t begin, int64_t end, float* scratch) {
  const int64_t panel_floats = round_up(end - begin, kPanel) * kPanel;
  for (int64_t i = 0; i < columns; i += kPanel) unpack_transposed(weight, column + i, begin, end, scratch + i / kPanel * panel_floats);
  return {reinterpret_cast<const char*>(scratch - begin * kPanel), panel_floats * int64_t{sizeof(float)}};
}

}  // namespace
}  // namespace sdft::SDFT_ISA
