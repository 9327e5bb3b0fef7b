// How a product is shared out: strips of panels, of one or several matrices with the same x, and blocks of tiles of rows.
#pragma once
#include "kernels/cpu/isa/parallel.h"
#include "kernels/cpu/isa/tile.h"

namespace sdft::SDFT_ISA {
namespace {

/// Blocks of rows, each with at least so many tiles, and where there are enough of them one for each thread: what it made of a row it then finds in its own caches. The
/// price is that each unpacks the weights for itself.
inline int64_t own_blocks(int64_t tiles, int64_t threads, int64_t least) { return larger(1, smaller(threads, tiles / least)); }

/// Work on tiled rows: `units` (a block of tiles × a strip of panels), as many for each thread. The last ones of a thread are cut into pieces of tiles, so that those
/// who help it do not keep it waiting.
struct Shares {
  int64_t tiles, blocks, strips, units, whole, pieces, each, count;

  Shares(int64_t tile_total, int64_t block_total, int64_t strip_total, int64_t threads) : tiles(tile_total), blocks(block_total), strips(strip_total) {
    units = parts(blocks * strips, threads);
    pieces = threads == 1 ? 1 : larger(1, smaller(4, tiles / blocks / 4));
    whole = larger(0, units - 2);
    each = whole + (units - whole) * pieces;
    count = each * threads;
  }

  struct Share {
    int64_t strip, first, last;  // tiles [first, last); none past the last unit
  };
  Share at(int64_t index) const {
    const int64_t own = index % each, cut = larger(0, own - whole), unit = index / each * units + smaller(own, whole) + cut / pieces, block = unit / strips;
    if (block >= blocks) return {0, 0, 0};
    const int64_t first = split(tiles, blocks, block), last = split(tiles, blocks, block + 1);
    if (own < whole) return {unit % strips, first, last};
    return {unit % strips, first + split(last - first, pieces, cut % pieces), first + split(last - first, pieces, cut % pieces + 1)};
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

/// A strip of panels that are read at once, each a stream of its own: panel, panel + apart, …, `at_once` of them; then the same from panel + 1, up to `end`.
struct Streams {
  const cpu::LinearParts::Part* part;
  int64_t panel, end, at_once, apart;
};

/// As strip_at, for what waits for memory: a thread's streams go on from strip to strip, so that the core sees them coming. Of panels side by side each is over after a
/// few KB and begins again elsewhere. What is left over, and a panel that is not full, is read alone.
inline Streams streams_at(const cpu::LinearParts& group, int64_t index, int64_t at_once) {
  const Strip strip = strip_at(group, index, at_once);
  const int64_t rows = strip.part->weight->rows, whole = rows / kPanel / at_once, own = strip.panel / at_once;
  if (own < whole) return {strip.part, own, own + 1, at_once, whole};
  return {strip.part, whole * at_once, parts(rows, kPanel), 1, 1};
}

inline const float* bias_of(const cpu::LinearParts::Part& part, int64_t column) { return part.bias ? row_of(part.bias, 0) + column : nullptr; }

}  // namespace
}  // namespace sdft::SDFT_ISA
