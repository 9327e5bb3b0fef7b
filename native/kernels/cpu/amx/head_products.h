// The head's two products on the matrix unit. Included by isa/head_chunks.h.
#pragma once
#include "kernels/cpu/amx/panel_product.h"

namespace sdft::SDFT_ISA {
namespace {

/// The rows that meet the head; a block of them is split into pieces when its turn comes.
using HeadRows = Tensor;

inline HeadRows head_rows(const cpu::Context&, const Tensor& x, int) { return x; }

/// Of a block: rows in pieces, of x or of a chunk's probabilities; what their products need; a panel of sums.
inline int64_t head_scratch(const cpu::PackedWeight& head) {
  return SplitRows(kHeadRows, larger(head.cols, kHeadChunk)).floats() + panel_scratch() + kHeadRows * kPanel;
}

inline SplitRows split_block(const float* x, int64_t x_row, int64_t rows, int64_t columns, float* scratch) {
  SplitRows split(rows, columns);
  split.place(scratch);
  for (int64_t tile = 0; tile < split.tiles; ++tile) {
    for (int64_t row = split.row(tile); row < split.row(tile + 1); ++row) split.put(tile, row - split.row(tile), 0, columns, x + row * x_row);
    split.put_zeros(tile);
  }
  return split;
}

/// Panel after panel of the head, into `out` from `begin` on.
struct HeadPanels : PanelWorks {
  const cpu::PackedWeight& head;
  int64_t tiles, begin, end, at;
  float* out;
  int64_t out_row;

  HeadPanels(const cpu::PackedWeight& weight, const SplitRows& rows, int64_t first, int64_t last, float* to, int64_t to_row)
      : head(weight), tiles(rows.tiles), begin(first), end(last), at(first), out(to), out_row(to_row) {}

  bool next(PanelWork& work) override {
    if (at >= end) return false;
    work = {&head, at, smaller(kPanel, end - at), {0, tiles}, out + at - begin, out_row, nullptr};
    at += kPanel;
    return true;
  }
};

/// logits (rows, kHeadChunk) of outputs [begin, end). scratch: head_scratch floats.
inline void chunk_logits(const cpu::PackedWeight& head, const HeadRows& x, const HeadBlock& block, int64_t begin, int64_t end, float* scratch, float* logits) {
  const SplitRows rows = split_block(row_of(x, block.row), x.stride, block.rows, head.cols, scratch);
  HeadPanels panels(head, rows, begin, end, logits, kHeadChunk);
  multiply_works({rows, PanelProduct::Way::forward, PanelProduct::From::nothing, {0, rows.blocks}, 0, true}, panels, scratch + rows.floats());
}

/// sums (rows, head.cols) (= or +=) probabilities (rows, kHeadChunk) · head[begin, end). Each chunk is a sum of its own: see isa/head_products.h.
inline void chunk_backward(const cpu::PackedWeight& head, float* sums, const HeadBlock& block, int64_t begin, int64_t end, Finish finish, const float* probabilities,
                           float* scratch) {
  const SplitRows rows = split_block(probabilities, kHeadChunk, block.rows, end - begin, scratch);
  const PanelProduct product{rows, PanelProduct::Way::backward, PanelProduct::From::nothing, {0, rows.blocks}, begin, true};
  float* weights = scratch + rows.floats();
  if (finish == Finish::store) {
    HeadPanels panels(head, rows, 0, head.cols, sums, head.cols);
    return multiply_works(product, panels, weights);
  }
  struct Added final : HeadPanels {
    using HeadPanels::HeadPanels;
    float* sums;
    int64_t rows;

    bool next(PanelWork& work) override {
      if (!HeadPanels::next(work)) return false;
      work.out = out;
      return true;
    }
    void done(const PanelWork& work) override {
      for (int64_t i = 0; i < rows; ++i) {
        float* to = sums + i * head.cols + work.column;
        over_vectors(work.columns, [&](int64_t c, int lanes) { store_part(to + c, load_part(to + c, lanes) + load_part(out + i * kPanel + c, lanes), lanes); });
      }
    }
  };
  Added panels(head, rows, 0, head.cols, weights + panel_scratch(), kPanel);
  panels.sums = sums;
  panels.rows = block.rows;
  multiply_works(product, panels, weights);
}

}  // namespace
}  // namespace sdft::SDFT_ISA
