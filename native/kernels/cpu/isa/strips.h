// How a product is shared out: strips of panels, of one or several matrices with the same x, and blocks of tiles of rows.
#pragma once
#include "kernels/cpu/isa/parallel.h"
#include "kernels/cpu/isa/tile.h"

namespace sdft::SDFT_ISA {
namespace {

/// Work on tiled rows: `units` (a block of tiles × a strip of panels), each by one thread. The last ones are cut into pieces of tiles, so that no thread waits long
/// for another's last.
struct Shares {
  int64_t tiles, blocks, strips, whole, pieces, count;

  Shares(int64_t tile_total, int64_t block_total, int64_t strip_total, int64_t threads) : tiles(tile_total), blocks(block_total), strips(strip_total) {
    const int64_t units = blocks * strips;
    pieces = larger(1, smaller(4, tiles / blocks / 4));
    whole = threads == 1 || pieces == 1 ? units : larger(0, units - 2 * threads);
    count = whole + (units - whole) * pieces;
  }

  struct Share {
    int64_t strip, first, last;  // tiles [first, last)
  };
  Share at(int64_t index) const {
    const int64_t unit = index < whole ? index : whole + (index - whole) / pieces, block = unit / strips;
    const int64_t first = split(tiles, blocks, block), last = split(tiles, blocks, block + 1);
    if (index < whole) return {unit % strips, first, last};
    const int64_t piece = (index - whole) % pieces;
    return {unit % strips, first + split(last - first, pieces, piece), first + split(last - first, pieces, piece + 1)};
  }
};

/// A strip of some panels of one of the products.
struct Strip {
  const cpu::LinearParts::Part* part;
  int64_t panel;
};

inline int64_t strip_count(const cpu::LinearParts& group, int64_t at_once) {
  int64_t count = 0;
  for (int64_t i = 0; i < group.count; ++i) count += parts(parts(group.parts[i].weight->rows, kPanel), at_once);
  return count;
}

/// Strip `index` of all, part after part.
inline Strip strip_at(const cpu::LinearParts& group, int64_t index, int64_t at_once) {
  const cpu::LinearParts::Part* part = group.parts;
  for (;; ++part) {
    const int64_t count = parts(parts(part->weight->rows, kPanel), at_once);
    if (index < count) return {part, index * at_once};
    index -= count;
  }
}

inline const float* bias_of(const cpu::LinearParts::Part& part, int64_t column) { return part.bias ? row_of(part.bias, 0) + column : nullptr; }

}  // namespace
}  // namespace sdft::SDFT_ISA
