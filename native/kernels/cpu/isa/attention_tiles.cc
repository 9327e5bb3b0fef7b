// How the tiles of attention are computed.
#include "kernels/cpu/isa/attention_tiles.h"
#include "kernels/cpu/isa/tile_kernel.h"

namespace sdft::SDFT_ISA {
namespace {

template <int MR, int NV, bool kAhead>
__attribute__((noinline)) void score_tile(const ScoreTile& t) {
  Vec sums[MR][NV] = {};
  const float *a = t.a, *panel = t.panel, *next = t.next;
  const int64_t size = t.size, step = t.step;
  for (int64_t k = 0; k < size; ++k, ++a, panel += kPanel) {
    multiply_add<MR, NV, true>(sums, [&](int j) { return load(panel + j / 2 * step + j % 2 * kLanes); }, a, size);
    if constexpr (kAhead) {
      SDFT_UNROLL for (int p = 0; p < NV / 2; ++p) ask_for(next + p * t.next_step, kPanel);
      next += kPanel;
    }
  }
  SDFT_UNROLL for (int i = 0; i < MR; ++i) SDFT_UNROLL for (int j = 0; j < NV; ++j) store(t.out + i * t.out_row + j * kLanes, sums[i][j]);
}

template <int MR, int NV, bool kAhead, bool kWhole>
__attribute__((noinline)) void weigh_tile(const WeighTile& t) {
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
    const float *b = t.pages[page] + slot * size + t.column, *next = kAhead ? t.next[page] + slot * size + t.column : nullptr;
#pragma GCC unroll 4
    for (; k < stop; ++k, ++weight, b += size) {
      multiply_add<MR, NV, true>(sums, [&](int j) { return kWhole ? load(b + j * kLanes) : load_first(b, lanes); }, weight, weight_row);
      if constexpr (kAhead) {
        ask_for(next, NV * kLanes);
        next += size;
      }
    }
  }
  SDFT_UNROLL for (int i = 0; i < MR; ++i) SDFT_UNROLL for (int j = 0; j < NV; ++j) store_part(out + i * size + j * kLanes, sums[i][j], lanes);
}

template <bool kAhead, int MR = 1>
constexpr void fill_attention_table(AttentionTable& table) {
  table.one[MR - 1] = score_tile<MR, 2, kAhead>;
  table.partial[MR - 1] = weigh_tile<MR, 1, kAhead, false>;
  table.half[MR - 1] = weigh_tile<MR, 1, kAhead, true>;
  table.narrow[MR - 1] = weigh_tile<MR, 2, kAhead, true>;
  if constexpr (panels_at_once(MR) > 1) {
    table.two[MR - 1] = score_tile<MR, 4, kAhead>;
    table.wide[MR - 1] = weigh_tile<MR, 4, kAhead, true>;
  }
  if constexpr (MR < kSquareRows) fill_attention_table<kAhead, MR + 1>(table);
}

template <bool kAhead>
constexpr AttentionTable make_attention_table() {
  AttentionTable table{};
  fill_attention_table<kAhead>(table);
  return table;
}

}  // namespace

const AttentionTable kAttentionTiles = make_attention_table<false>();
const AttentionTable kAttentionTilesAhead = make_attention_table<true>();

}  // namespace sdft::SDFT_ISA
