// How the tiles of attention are computed.
#include "kernels/cpu/isa/attention_tiles.h"
#include "kernels/cpu/isa/tile_kernel.h"

namespace sdft::SDFT_ISA {
namespace {

inline Vec load_element(const float* p) { return load(p); }
inline Vec load_element(const uint16_t* p) { return load_f16(p); }
inline Vec load_first_elements(const float* p, int count) { return load_first(p, count); }
inline Vec load_first_elements(const uint16_t* p, int count) {
  uint16_t first[kLanes] = {};
  std::memcpy(first, p, static_cast<size_t>(count) * sizeof(uint16_t));
  return load_f16(first);
}

/// kTogether ks at a time, of which D is a multiple: a loop for what is left over would cost the sums their registers.
template <int kTogether, class Element, int MR, int NV, bool kAhead>
__attribute__((always_inline)) inline void score_together(const ScoreTile<Element>& t) {
  Vec sums[MR][NV] = {};
  const float* a = t.a;
  const Element *panel = t.panel, *next = t.next;
  const int64_t size = t.size, step = t.step;
  for (int64_t k = 0; k < size; k += kTogether) {
    SDFT_UNROLL for (int i = 0; i < kTogether; ++i, ++a, panel += kPanel) {
      multiply_add<MR, NV, true>(sums, [&](int j) { return load_element(panel + j / 2 * step + j % 2 * kLanes); }, a, size);
      if constexpr (kAhead) {
        SDFT_UNROLL for (int p = 0; p < NV / 2; ++p) ask_for(next + p * t.next_step, kPanel);
        next += kPanel;
      }
    }
  }
  SDFT_UNROLL for (int i = 0; i < MR; ++i) SDFT_UNROLL for (int j = 0; j < NV; ++j) store(t.out + i * t.out_row + j * kLanes, sums[i][j]);
}

template <class Element, int MR, int NV, bool kAhead>
__attribute__((noinline)) void score_tile(const ScoreTile<Element>& t) {
  // What waits for memory gains nothing.
  if (!kAhead && t.size % 4 == 0) score_together<4, Element, MR, NV, kAhead>(t);
  else score_together<1, Element, MR, NV, kAhead>(t);
}

template <class Element, int MR, int NV, bool kAhead, bool kWhole>
__attribute__((noinline)) void weigh_tile(const WeighTile<Element>& t) {
  const int64_t size = t.size, weight_row = t.weight_row, end = t.end;
  const int lanes = kWhole ? kLanes : static_cast<int>(t.columns);
  float* const out = t.out + t.column;
  Vec sums[MR][NV];
  SDFT_UNROLL for (int i = 0; i < MR; ++i) {
    const Vec factor = broadcast(t.factors == nullptr ? 1.0f : t.factors[i]);
    SDFT_UNROLL for (int j = 0; j < NV; ++j) sums[i][j] = load_part(out + i * size + j * kLanes, lanes) * factor;
  }
  const float* weight = t.weights + t.begin;
  for (int64_t k = t.begin; k < end;) {
    const int64_t page = k / kPageRows, slot = k % kPageRows, stop = smaller(end, k - slot + kPageRows);
    const Element *b = t.pages[page] + slot * size + t.column, *next = kAhead ? t.next[page] + slot * size + t.column : nullptr;
#pragma GCC unroll 4
    for (; k < stop; ++k, ++weight, b += size) {
      multiply_add<MR, NV, true>(sums, [&](int j) { return kWhole ? load_element(b + j * kLanes) : load_first_elements(b, lanes); }, weight, weight_row);
      if constexpr (kAhead) {
        ask_for(next, NV * kLanes);
        next += size;
      }
    }
  }
  SDFT_UNROLL for (int i = 0; i < MR; ++i) SDFT_UNROLL for (int j = 0; j < NV; ++j) store_part(out + i * size + j * kLanes, sums[i][j], lanes);
}

template <class Element, bool kAhead, int MR = 1>
constexpr void fill_attention_table(AttentionTable<Element>& table) {
  table.one[MR - 1] = score_tile<Element, MR, 2, kAhead>;
  table.partial[MR - 1] = weigh_tile<Element, MR, 1, kAhead, false>;
  table.half[MR - 1] = weigh_tile<Element, MR, 1, kAhead, true>;
  table.narrow[MR - 1] = weigh_tile<Element, MR, 2, kAhead, true>;
  if constexpr (panels_at_once(MR) > 1) {
    table.two[MR - 1] = score_tile<Element, MR, 4, kAhead>;
    table.wide[MR - 1] = weigh_tile<Element, MR, 4, kAhead, true>;
  }
  if constexpr (MR < kSquareRows) fill_attention_table<Element, kAhead, MR + 1>(table);
}

template <class Element, bool kAhead>
constexpr AttentionTable<Element> make_attention_table() {
  AttentionTable<Element> table{};
  fill_attention_table<Element, kAhead>(table);
  return table;
}

}  // namespace

const AttentionTable<float> kAttentionTiles = make_attention_table<float, false>();
const AttentionTable<float> kAttentionTilesAhead = make_attention_table<float, true>();
const AttentionTable<uint16_t> kHalfAttentionTilesAhead = make_attention_table<uint16_t, true>();

}  // namespace sdft::SDFT_ISA
