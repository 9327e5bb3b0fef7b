// Products with frozen weights. A task is a block of rows × a few panels; within it, a panel is used by all rows of the block while it is in cache.
#include "kernels/cpu/isa/panels.h"
#include "kernels/cpu/isa/parallel.h"
#include "kernels/cpu/isa/table.h"

namespace sdft::SDFT_ISA {

using cpu::Context;
using cpu::PackedWeight;
using cpu::PanelKind;

namespace {

/// Longest run of k before the sums are put down and taken up again: a panel of it stays in the second-level cache.
constexpr int64_t kDepth = 2048;
/// Bytes of x that a block of rows may take.
constexpr int64_t kBlockBytes = 512 * 1024;

int64_t block_rows(int64_t depth) { return larger(4, kBlockBytes / (depth * 4 * kTileRows)) * kTileRows; }

const TileTable& tiles_of(PanelKind kind) {
  switch (kind) {
    case PanelKind::f32: break;
    case PanelKind::bf16: return kBf16Tiles;
    case PanelKind::q4: return kQ4Tiles;
    case PanelKind::q8: return kQ8Tiles;
  }
  return kF32Tiles;
}

/// Whether a block of rows is high enough to pay for unpacking a panel first.
bool unpacks(PanelKind kind, int64_t rows) {
  return kind != PanelKind::f32 && rows > kTileRows;
}

}  // namespace

void linear(const Context& context, Tensor out, Tensor x, const PackedWeight& weight, Tensor bias) {
  const int64_t rows = x.rows, depth = weight.cols, panels = parts(weight.rows, kPanel);
  if (rows == 0) return;
  const int64_t blocks = parts(rows, block_rows(depth));
  const int64_t at_once = rows <= kTileRows ? panels_at_once(static_cast<int>(rows)) : 1;
  const int64_t groups = parts(panels, at_once);
  context.pool->run(blocks * groups, [&](int64_t task, int worker) {
    const int64_t first = split(rows, blocks, task / groups), block = split(rows, blocks, task / groups + 1) - first;
    const int64_t panel = task % groups * at_once, count = smaller(at_once, panels - panel), tiles = tile_count(block);
    const bool unpacked = unpacks(weight.kind, block);
    const TileTable& table = unpacked ? kF32Tiles : tiles_of(weight.kind);
    float* scratch = unpacked ? context.workspace->local(worker, kDepth * kPanel) : nullptr;
    for (int64_t begin = 0; begin < depth; begin += kDepth) {
      const int64_t end = smaller(depth, begin + kDepth);
      if (unpacked) unpack(weight.kind, weight.panels + panel * weight.panel_bytes, begin, end, scratch);
      for (int64_t i = 0; i < tiles; ++i) {
        const int64_t row = first + split(block, tiles, i), height = first + split(block, tiles, i + 1) - row;
        const bool together = count == panels_at_once(static_cast<int>(height));
        for (int64_t p = panel; p < panel + count; p += together ? count : 1) {
          float* to = row_of(out, row) + p * kPanel;
          Tile t{row_of(x, row), x.stride, 1, weight.panels + p * weight.panel_bytes, weight.panel_bytes, begin, end, begin == 0 ? nullptr : to, out.stride,
                 to, out.stride, smaller(weight.rows - p * kPanel, (together ? count : 1) * kPanel), Finish::store, 1.0f, nullptr};
          if (unpacked) t.b = reinterpret_cast<const char*>(scratch - begin * kPanel);
          if (end == depth && bias) t.bias = row_of(bias, 0) + p * kPanel;
          (together ? table.many : table.one)[height - 1](t);
        }
      }
    }
  });
}

void linear_backward(const Context& context, Tensor dx, Tensor dout, const PackedWeight& weight, Write write) {
  // The panels of the product are kPanel columns of dx; its k are the outputs, a chunk of which is transposed into scratch and used by all rows.
  constexpr int64_t kChunk = 1024;
  const int64_t rows = dout.rows, depth = weight.rows, panels = parts(weight.cols, kPanel);
  if (rows == 0) return;
  // With few panels for many threads the rows are shared out too, at the price of transposing again.
  const int64_t wanted = 3 * context.pool->threads();
  const int64_t blocks = panels >= wanted ? 1 : larger(1, smaller(parts(wanted, panels), rows / (8 * kTileRows)));
  context.pool->run(blocks * panels, [&](int64_t task, int worker) {
    const int64_t first = split(rows, blocks, task / panels), block = split(rows, blocks, task / panels + 1) - first;
    const int64_t column = task % panels * kPanel, tiles = tile_count(block);
    const bool in_place = write == Write::overwrite || depth <= kChunk;
    float* scratch = context.workspace->local(worker, smaller(round_up(depth, kPanel), kChunk) * kPanel + (in_place ? 0 : block * kPanel));
    float* sums = scratch + kChunk * kPanel;  // where dx cannot hold the unfinished ones
    for (int64_t begin = 0; begin < depth; begin += kChunk) {
      const int64_t end = smaller(depth, begin + kChunk);
      const bool last = end == depth;
      unpack_transposed(weight, column, begin, end, scratch);
      for (int64_t i = 0; i < tiles; ++i) {
        const int64_t row = split(block, tiles, i), height = split(block, tiles, i + 1) - row;
        float* to = row_of(dx, first + row) + column;
        float* partial = in_place ? to : sums + row * kPanel;
        const int64_t partial_row = in_place ? dx.stride : kPanel;
        kF32Tiles.one[height - 1](Tile{row_of(dout, first + row), dout.stride, 1, reinterpret_cast<const char*>(scratch - begin * kPanel), 0,
                                                     begin, end, begin == 0 ? nullptr : partial, partial_row, last ? to : partial,
                                                     last ? dx.stride : partial_row, smaller(weight.cols - column, kPanel),
                                                     last && write == Write::add ? Finish::add : Finish::store, 1.0f, nullptr});
      }
    }
  });
}

}  // namespace sdft::SDFT_ISA
