// Products with frozen weights. A task is a block of rows × a few panels; within it, a panel is used by all rows of the block while it is in cache.
#include "kernels/cpu/isa/panels.h"
#include "kernels/cpu/isa/parallel.h"
#include "kernels/cpu/isa/table.h"

namespace sdft::SDFT_ISA {

using cpu::Context;
using cpu::PackedWeight;
using cpu::PanelKind;

namespace {

/// Longest run of k in one sum; runs are added up. Short runs round less than one long sum, and a panel of one stays in cache.
constexpr int64_t kDepth = 256;
/// Bytes of x that a block of rows may take.
constexpr int64_t kBlockBytes = 512 * 1024;

/// Many rows cut into tiles, the rows of each side by side.
struct TiledRows {
  int64_t rows, tiles, depth;
  const float* data;
  int64_t row(int64_t tile) const { return split(rows, tiles, tile); }
  const float* tile(int64_t index) const { return data + row(index) * depth; }
};

TiledRows tile_rows(const Context& context, const Tensor& x) {
  float* data = context.workspace->shared(6, x.rows * x.cols);
  const TiledRows tiled{x.rows, tile_count(x.rows), x.cols, data};
  context.pool->run(tiled.tiles, [&](int64_t tile, int) {
    const int64_t row = tiled.row(tile);
    interleave_rows(row_of(x, row), x.stride, tiled.row(tile + 1) - row, x.cols, data + row * x.cols);
  });
  return tiled;
}

/// Kinds of few files have no tiles of their own.
constexpr bool has_tiles(PanelKind kind) {
  return kind == PanelKind::f32 || kind == PanelKind::bf16 || kind == PanelKind::q4 || kind == PanelKind::q8;
}

const TileTable& tiles_of(PanelKind kind) {
  switch (kind) {
    case PanelKind::f32: break;
    case PanelKind::bf16: return kBf16Tiles;
    case PanelKind::q4: return kQ4Tiles;
    case PanelKind::q8: return kQ8Tiles;
    case PanelKind::f16:
    case PanelKind::q8_minimum:
    case PanelKind::q8_halves: break;  // unpacked first
  }
  return kF32Tiles;
}

/// No more rows than one tile: panels are read as they are stored, several at once.
void linear_low(const Context& context, Tensor out, Tensor x, const PackedWeight& weight, Tensor bias) {
  const int64_t rows = x.rows, depth = weight.cols, panels = parts(weight.rows, kPanel), at_once = has_tiles(weight.kind) ? panels_at_once(static_cast<int>(rows)) : 1;
  const TileTable& table = tiles_of(weight.kind);
  context.pool->run(parts(panels, at_once), [&](int64_t task, int worker) {
    const int64_t panel = task * at_once, count = smaller(at_once, panels - panel), step = count == at_once ? count : 1;
    for (int64_t begin = 0; begin < depth; begin += kDepth) {
      const int64_t end = smaller(depth, begin + kDepth);
      for (int64_t p = panel; p < panel + count; p += step) {
        float* to = row_of(out, 0) + p * kPanel;
        const char* packed = weight.panels + p * weight.panel_bytes;
        if (!has_tiles(weight.kind)) {
          float* scratch = context.workspace->local(worker, kDepth * kPanel);
          unpack(weight.kind, packed, begin, end, scratch);
          packed = reinterpret_cast<const char*>(scratch) - begin * kPanel * int64_t{sizeof(float)};
        }
        (step == at_once && at_once > 1 ? table.many : table.one)[rows - 1](
            Tile{row_of(x, 0), x.stride, 1, packed, weight.panel_bytes, begin, end, nullptr, 0, to,
                 out.stride, smaller(weight.rows - p * kPanel, step * kPanel), begin == 0 ? Finish::store : Finish::add, 1.0f, end == depth && bias ? row_of(bias, 0) + p * kPanel : nullptr});
      }
    }
  });
}

/// Many rows: a panel is unpacked to floats where it is stored otherwise, and used by a block of rows that stays in cache.
void linear_high(const Context& context, Tensor out, Tensor x, const PackedWeight& weight, Tensor bias) {
  const int64_t depth = weight.cols, panels = parts(weight.rows, kPanel);
  const TiledRows tiled = tile_rows(context, x);
  const int64_t blocks = parts(tiled.tiles, larger(4, kBlockBytes / (depth * 4 * kTileRows)));
  context.pool->run(blocks * panels, [&](int64_t task, int worker) {
    const int64_t first = split(tiled.tiles, blocks, task / panels), last = split(tiled.tiles, blocks, task / panels + 1), panel = task % panels;
    const char* packed = weight.panels + panel * weight.panel_bytes;
    for (int64_t begin = 0; begin < depth; begin += kDepth) {
      const int64_t end = smaller(depth, begin + kDepth);
      const char* floats = packed;
      if (weight.kind != PanelKind::f32) {
        float* scratch = context.workspace->local(worker, kDepth * kPanel);
        unpack(weight.kind, packed, begin, end, scratch);
        floats = reinterpret_cast<const char*>(scratch) - begin * kPanel * int64_t{sizeof(float)};
      }
      for (int64_t tile = first; tile < last; ++tile) {
        const int64_t row = tiled.row(tile), height = tiled.row(tile + 1) - row;
        float* to = row_of(out, row) + panel * kPanel;
        kF32TilesAcross.one[height - 1](Tile{tiled.tile(tile), 1, height, floats, 0, begin, end, nullptr, 0, to, out.stride,
                                             smaller(weight.rows - panel * kPanel, kPanel), begin == 0 ? Finish::store : Finish::add, 1.0f,
                                             end == depth && bias ? row_of(bias, 0) + panel * kPanel : nullptr});
      }
    }
  });
}

}  // namespace

void linear(const Context& context, Tensor out, Tensor x, const PackedWeight& weight, Tensor bias) {
  if (x.rows == 0) return;
  (x.rows <= kTileRows ? linear_low : linear_high)(context, out, x, weight, bias);
}

void linear_backward(const Context& context, Tensor dx, Tensor dout, const PackedWeight& weight, Write write) {
  // The panels of the product are kPanel columns of dx; its k are the outputs, a chunk of which is transposed into scratch and used by all rows.
  constexpr int64_t kChunk = 1024;
  const int64_t rows = dout.rows, depth = weight.rows, panels = parts(weight.cols, kPanel);
  if (rows == 0) return;
  const TiledRows tiled = tile_rows(context, dout);
  // With few panels for many threads the rows are shared out too, at the price of transposing again.
  const int64_t wanted = 3 * context.pool->threads();
  const int64_t blocks = panels >= wanted ? 1 : larger(1, smaller(parts(wanted, panels), tiled.tiles / 8));
  context.pool->run(blocks * panels, [&](int64_t task, int worker) {
    const int64_t first = split(tiled.tiles, blocks, task / panels), last = split(tiled.tiles, blocks, task / panels + 1);
    const int64_t column = task % panels * kPanel, base = tiled.row(first);
    const bool in_place = write == Write::overwrite || depth <= kChunk;
    float* scratch = context.workspace->local(worker, kChunk * kPanel + (in_place ? 0 : (tiled.row(last) - base) * kPanel));
    float* sums = scratch + kChunk * kPanel;  // where dx cannot hold the unfinished ones
    for (int64_t begin = 0; begin < depth; begin += kChunk) {
      const int64_t end = smaller(depth, begin + kChunk);
      const bool finished = end == depth;
      unpack_transposed(weight, column, begin, end, scratch);
      const char* floats = reinterpret_cast<const char*>(scratch) - begin * kPanel * int64_t{sizeof(float)};
      for (int64_t tile = first; tile < last; ++tile) {
        const int64_t row = tiled.row(tile), height = tiled.row(tile + 1) - row;
        float* to = row_of(dx, row) + column;
        float* partial = in_place ? to : sums + (row - base) * kPanel;
        const int64_t partial_row = in_place ? dx.stride : kPanel;
        kF32TilesAcross.one[height - 1](Tile{tiled.tile(tile), 1, height, floats, 0, begin, end, begin == 0 ? nullptr : partial, partial_row,
                                             finished ? to : partial, finished ? dx.stride : partial_row, smaller(weight.cols - column, kPanel),
                                             finished && write == Write::add ? Finish::add : Finish::store, 1.0f, nullptr});
      }
    }
  });
}

}  // namespace sdft::SDFT_ISA
