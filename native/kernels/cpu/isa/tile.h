// The inner kernels of every product, as tables: a tile of some rows × some vectors of sums held in registers while k runs. Each element is one sum in the
// order of k, so its bits do not depend on the tile it falls into.
#pragma once
#include "kernels/cpu/features.h"
#include "kernels/cpu/isa/vector.h"
#include "kernels/cpu/packed_weight.h"

#define SDFT_UNROLL _Pragma("GCC unroll 16")

namespace sdft::SDFT_ISA {

enum class Finish { store, add };

/// A tile of eight lanes takes more instructions for each multiply-add than one of sixteen, and has fewer to spare for asking ahead: it asks for a line of what comes
/// next half as often, and for what it writes all at once before it begins.
constexpr bool kAsksLess = kLanes == 8;
/// ks between two lines asked for ahead.
constexpr int64_t kFetchStep = kAsksLess ? 8 : 4;
constexpr int64_t kLineBytes = 64;

/// Memory that is asked for while tiles run, a cache line every kFetchStep ks: `pieces` of `lines` lines, and `jump` bytes from the end of one to the next; after the
/// last of them what `then` names. Beyond what is there nothing is read, only asked for.
struct Fetch {
  static constexpr int64_t kAlways = INT64_MAX / kLineBytes;

  const char* line;
  int64_t left;  // lines of this piece
  int64_t lines, jump;
  int64_t pieces = kAlways;
  const Fetch* then = nullptr;

  Fetch(const char* from, int64_t piece_lines, int64_t step) : line(from), left(piece_lines), lines(piece_lines), jump(step - piece_lines * kLineBytes) {}
  void next() {
    if (then != nullptr) __builtin_prefetch(line, 1);  // to be written by this tile
    else __builtin_prefetch(line, 0, 2);               // read by a later one
    line += kLineBytes;
    if (--left > 0) return;
    line += jump;
    left = lines;
    if (--pieces == 0) *this = *then;
  }
};
/// A run that never ends: all of k is one sum.
constexpr int64_t kOneRun = INT64_MAX;

/// out[i][j] (= or +=) scale · (start[i][j] + Σ_k a(i, k) · b(k, j)) + bias[j], k in [begin, end). Every `run` ks a sum of its own is begun, and the sums
/// are added up in their order: short sums round less than one long one.
struct Tile {
  const float* a;       // element (i, k) at a[i · a_row + k · a_k]; one of the two is 1
  int64_t a_row, a_k;
  const char* b;        // packed: the first panel; else row 0
  int64_t b_step;       // packed: bytes from panel to panel; else floats from row to row
  int64_t begin, end;   // packed in groups: begin is a multiple of kGroup
  const float* start;   // sums of the ks before, or null
  int64_t start_row;
  float* out;
  int64_t out_row;
  int64_t columns;      // at most NV · kLanes; the rest is neither read nor written
  Finish finish;
  float scale;
  const float* bias;    // or null
  int64_t run = kOneRun;
  Fetch* fetch = nullptr;  // of panels of floats: asked for after the rows of out, each tile going on where the one before ended; or null
};

using TileFunction = void (*)(const Tile&);

/// Panels of a strip: what a tile of rows meets while it is in the first-level cache.
constexpr int kStripPanels = kLanes == 16 ? 2 : 1;
constexpr int64_t kStripColumns = kStripPanels * kPanel;

/// Rows of a tile that is nearly square: each value loaded serves the most multiply-adds. For sums too short to lay rows side by side for, whose values are broadcast.
constexpr int kSquareRows = kLanes == 16 ? 6 : kTileRows;

/// Functions for 1 … kTileRows rows. `one`: one panel; `many`: panels_at_once of them; `half`: one vector (plain rows only).
struct TileTable {
  TileFunction half[kTileRows], one[kTileRows], many[kTileRows];
};

/// Of rows side by side, for this processor.
class TilesAcross {
 public:
  constexpr TilesAcross(const TileTable& within, const TileTable& apart) : within_(within), apart_(apart) {}
  constexpr TilesAcross(const TileTable& both) : within_(both), apart_(both) {}
  const TileTable& table() const {
    static const bool apart = cpu::broadcasts_apart();
    return apart ? apart_ : within_;
  }

 private:
  TileTable within_, apart_;
};

/// By how B is stored. Packed panels, A along k (a_k = 1):
extern const TileTable kF32Tiles, kBf16Tiles, kQ4Tiles, kQ4NarrowTiles, kQ8Tiles, kQ8NarrowTiles;
/// The same with a_row = 1 and a_k = rows: the rows of a tile side by side, nothing between them.
extern const TilesAcross kF32TilesAcross;
/// B as it stands in memory, rows of floats; `partial`: fewer columns than the vectors hold, read under a mask. Along: a_k = 1; across: a_row = 1.
extern const TileTable kRowTilesAlong, kPartialRowTilesAlong;
extern const TilesAcross kRowTilesAcross, kPartialRowTilesAcross;

namespace {

/// How scales and minima stand in a block of quants: as floats, or narrow in half precision.
template <bool kNarrow>
struct ScalesOf {
  static constexpr int64_t kBytes = kNarrow ? 2 : 4;
  /// Scales [index, index + kLanes) of a block; its minima, or the scales of its second half, follow after kPanel.
  static Vec at(const char* block, int64_t index) {
    if constexpr (kNarrow) return load_f16(reinterpret_cast<const uint16_t*>(block) + index);
    return load(reinterpret_cast<const float*>(block) + index);
  }
};
using FloatScales = ScalesOf<false>;
using NarrowScales = ScalesOf<true>;

/// Asks for so many elements that will be read soon.
template <class Element>
inline void ask_for(const Element* from, int64_t count) {
  constexpr int64_t kLine = kLineBytes / int64_t{sizeof(Element)};
  SDFT_UNROLL for (int64_t i = 0; i < count; i += kLine) __builtin_prefetch(from + i, 0, 2);
}

/// How many panels a tile of so many rows takes at once: enough sums in flight to keep the FMA units busy, few enough to stay in registers. A single row
/// walks four panels, because memory answers four streams better than one.
constexpr int panels_at_once(int rows) {
  if (kTileRows >= 12) return rows <= 3 ? 4 : rows <= 6 ? 2 : 1;
  return rows == 1 ? 4 : rows <= 3 ? 2 : 1;
}

/// Rows in equal tiles: 16 as 8 + 8, never 14 + 2 (a low tile has too few sums in flight). Tile `index` of `count` covers [split(index), split(index + 1)).
inline int64_t tile_count(int64_t rows) { return parts(rows, kTileRows); }
inline int64_t square_count(int64_t rows) { return parts(rows, kSquareRows); }
inline int64_t split(int64_t rows, int64_t count, int64_t index) { return rows * index / count; }

/// Tiles [first, last) of `count` one after the other: for (TileWalk tile(…); tile; tile.next()). A division takes as long as a short tile, so none is made on
/// the way: the remainder is carried along.
struct TileWalk {
  int64_t row, height;

  TileWalk(int64_t rows, int64_t count) : TileWalk(rows, count, 0, count) {}
  TileWalk(int64_t rows, int64_t count, int64_t first, int64_t last) : count_(count), left_(last - first) {
    if (left_ <= 0) return;
    least_ = rows / count;
    rest_ = rows % count;
    row = split(rows, count, first);
    carry_ = rest_ * first % count;
    measure();
  }
  explicit operator bool() const { return left_ > 0; }
  void next() {
    row += height;
    --left_;
    measure();
  }

 private:
  void measure() {
    carry_ += rest_;
    height = least_;
    if (carry_ >= count_) {
      carry_ -= count_;
      ++height;
    }
  }
  int64_t count_, left_, least_ = 0, rest_ = 0, carry_ = 0;
};

}  // namespace
}  // namespace sdft::SDFT_ISA
