// The head's logits chunk by chunk, for what is made of them where they come up: losses, divergences. Chunks are fixed, so a row's sums depend on nothing
// else.
#pragma once
#include "kernels/cpu/isa/panels.h"
#include "kernels/cpu/isa/parallel.h"

namespace sdft::SDFT_ISA {
namespace {

constexpr int64_t kHeadChunk = 512;
/// Rows of a block: their logits of a chunk, x and dx stay in cache; more rows share the transposing of the head.
constexpr int64_t kHeadRows = 12 * kTileRows;

struct HeadBlock {
  int64_t first, rows;
};

/// logits (rows, kHeadChunk) of outputs [begin, end). scratch: C · P · kTallPanels floats.
inline void chunk_logits(const cpu::PackedWeight& head, const Tensor& x, const HeadBlock& block, int64_t begin, int64_t end, float* scratch, float* logits) {
  const int64_t tiles = tall_count(block.rows);
  for (int64_t column = begin; column < end; column += kTallPanels * kPanel) {
    const int64_t columns = smaller(kTallPanels * kPanel, end - column);
    const char* panel = head.panels + column / kPanel * head.panel_bytes;
    int64_t step = head.panel_bytes;
    if (head.kind != cpu::PanelKind::f32) {
      for (int64_t i = 0; i * kPanel < columns; ++i) unpack(head.kind, panel + i * head.panel_bytes, 0, head.cols, scratch + i * head.cols * kPanel);
      panel = reinterpret_cast<const char*>(scratch);
      step = head.cols * kPanel * int64_t{sizeof(float)};
    }
    for (int64_t i = 0; i < tiles; ++i) {
      const int64_t row = split(block.rows, tiles, i), height = split(block.rows, tiles, i + 1) - row;
      (columns > kPanel ? kF32Tiles.tall : kF32Tiles.one)[height - 1](Tile{row_of(x, block.first + row), x.stride, 1, panel, step, 0, head.cols, nullptr, 0,
                                                                          logits + row * kHeadChunk + column - begin, kHeadChunk, columns, Finish::store, 1.0f,
                                                                          nullptr});
    }
  }
}

}  // namespace
}  // namespace sdft::SDFT_ISA
