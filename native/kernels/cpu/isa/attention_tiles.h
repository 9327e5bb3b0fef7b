// The tiles of attention: scores of some rows with the keys of panels, and sums of rows that stand in pages, weighted by what was made of the scores. A tile's sums
// stay in registers from the first key to the last, and each is one sum in the order of k, so its bits do not depend on the tile it falls into. Panels and pages
// hold floats or, in a cache, half-precision numbers (Element).
#pragma once
#include "kernels/cpu/isa/tile.h"

namespace sdft::SDFT_ISA {

/// out (rows, P or 2 · P) = a (rows, D) · panelsᵀ.
template <class Element>
struct ScoreTile {
  const float* a;  // rows D apart
  int64_t size;    // D
  float* out;
  int64_t out_row;
  const Element* panel = nullptr;
  int64_t step = 0;               // elements to the second panel
  const Element* next = nullptr;  // as much elsewhere, asked for while these are read
  int64_t next_step = 0;
};

/// out(row, c) = factor(row) · out(row, c) + Σ_k weight(row, k) · b(k, c), k in [begin, end), where b(k) is row k % kPageRows of page k / kPageRows; the columns
/// [column, column + columns).
template <class Element>
struct WeighTile {
  const float* weights;
  int64_t weight_row;
  const Element* const* pages;
  int64_t size;  // D: from row to row of b and of out
  int64_t begin, end;
  const float* factors;                // or null: 1
  float* out;
  const Element* const* next = nullptr;  // for each page another, asked for while it is read
  int64_t column = 0, columns = 0;
};

/// Functions for 1 … kSquareRows rows. `one`, `two`: panels; `half`, `narrow`, `wide`: 1, 2, 4 vectors; null where the registers do not hold the sums. `partial`:
/// fewer columns than one vector.
template <class Element>
struct AttentionTable {
  using Score = void (*)(const ScoreTile<Element>&);
  using Weigh = void (*)(const WeighTile<Element>&);
  Score one[kSquareRows], two[kSquareRows];
  Weigh partial[kSquareRows], half[kSquareRows], narrow[kSquareRows], wide[kSquareRows];
};
extern const AttentionTable<float> kAttentionTiles;
/// The same, asking for what is next: for rows so few that they wait for memory.
extern const AttentionTable<float> kAttentionTilesAhead;
extern const AttentionTable<uint16_t> kHalfAttentionTilesAhead;

namespace {

/// Scores of `height` rows with the keys [first, end), first a multiple of P. panel_of(key): the panel that begins with this key; next_of(key): what to ask for.
template <class Element, class PanelOf, class NextOf>
inline void score(const AttentionTable<Element>& table, ScoreTile<Element> tile, int64_t height, int64_t first, int64_t end, const PanelOf& panel_of, const NextOf& next_of) {
  float* const out = tile.out;
  for (int64_t key = first; key < end;) {
    const bool two = table.two[height - 1] != nullptr && end - key > kPanel;
    tile.panel = panel_of(key);
    tile.step = two ? panel_of(key + kPanel) - tile.panel : 0;
    tile.next = next_of(key);
    tile.next_step = two ? next_of(key + kPanel) - tile.next : 0;
    tile.out = out + key;
    (two ? table.two : table.one)[height - 1](tile);
    key += two ? 2 * kPanel : kPanel;
  }
}

template <class Element, class PanelOf>
inline void score(const AttentionTable<Element>& table, const ScoreTile<Element>& tile, int64_t height, int64_t first, int64_t end, const PanelOf& panel_of) {
  score(table, tile, height, first, end, panel_of, panel_of);
}

/// Columns at a time of many rows: their part of some pages stays in the first-level cache.
constexpr int64_t kWeighColumns = 4 * kLanes;

/// Weighted sums of `height` rows, columns [begin, end).
template <class Element>
inline void weigh(const AttentionTable<Element>& table, WeighTile<Element> tile, int64_t height, int64_t begin, int64_t end) {
  for (tile.column = begin; tile.column < end; tile.column += tile.columns) {
    const int64_t left = end - tile.column;
    const auto wide = table.wide[height - 1];
    tile.columns = wide != nullptr && left >= 4 * kLanes ? 4 * kLanes : left >= 2 * kLanes ? 2 * kLanes : smaller(left, kLanes);
    if (tile.columns == 4 * kLanes) wide(tile);
    else (tile.columns == 2 * kLanes ? table.narrow : tile.columns == kLanes ? table.half : table.partial)[height - 1](tile);
  }
}

}  // namespace
}  // namespace sdft::SDFT_ISA
