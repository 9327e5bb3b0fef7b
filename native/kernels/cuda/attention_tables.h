// What attention has to do, worked out from the segments and sent to the device once a step: which page holds which positions of whom, which query rows make
// one tile, and which rows see whose keys.
#pragma once
#include <cstdint>
#include <vector>

#include "kernels/backend.h"
#include "kernels/cuda/runtime.h"

namespace sdft::cuda {

/// Tile rows of a block of queries: heads that share a kv head stand side by side, so `kTileRows` are kTileRows / (H / G) queries.
constexpr int kTileRows = 64;
/// Fewest positions of one split of long attention; all splits begin at multiples of them.
constexpr int kSplitKeys = 256;
/// Most blocks (a tile, a kv head and a split each) of attention that is split.
constexpr int64_t kSplitBlocks = 864;
/// Key rows of a block of the backward pass.
constexpr int kKeyRows = 64;

/// Rows row … row + count of the step go to slots slot … slot + count of a page.
struct StoredRun {
  int32_t page, slot, count, row;
};
struct RowPlace {
  int32_t position;  // the last it sees: its own, or its segment's last; −1: it asks for nothing
  int32_t pages;     // where its segment's pages begin in the list
};
struct QueryTile {
  int32_t row, count, position, pages;
};
/// `count` key rows of one segment, seen by the rows of list[first] … list[first + seers]: maybe by none.
struct KeyTile {
  int32_t row, count, position, first, seers;
};
struct Seer {
  int32_t row, count, position;
};

/// Device pointers.
struct AttentionTables {
  const int32_t* pages;
  const RowPlace* rows;
  const StoredRun* runs;
  const QueryTile* tiles;
  const KeyTile* key_tiles;
  const Seer* seers;
  int64_t row_count, run_count, tile_count, key_tile_count;
  int64_t page_count;    // of the step's own pages
  int64_t longest_keys;  // most positions that a tile sees, in whole kSplitKeys
};

/// Where the keys are, and with whole_segment (of the step) that rows see those after them too.
enum class KeysFrom { step, whole_segment, cache };

/// Keeps the tables of the last segments, so that the layers of a step share them.
class AttentionPlanner {
 public:
  /// Throws Error("segments") where a segment does not continue its parent.
  const AttentionTables& plan(Segments segments, int64_t rows, const AttentionShape& shape, KeysFrom keys, Scratch& scratch, Staging& staging);
  void forget() { known_ = false; }

 private:
  bool same(Segments segments, int64_t rows, const AttentionShape& shape, KeysFrom keys) const;

  bool known_ = false;
  std::vector<Segment> segments_;
  std::vector<int32_t> pages_;
  int64_t rows_ = 0, group_ = 0;
  KeysFrom keys_ = KeysFrom::step;
  AttentionTables tables_{};
};

}  // namespace sdft::cuda
