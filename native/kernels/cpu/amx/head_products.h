// The head's two products on the matrix unit. Included by isa/head_chunks.h.
#pragma once
#include "kernels/cpu/amx/strip_product.h"

namespace sdft::SDFT_ISA {
namespace {

/// The rows that meet the head; a block of them is split into pieces when its turn comes.
using HeadRows = Tensor;

inline HeadRows head_rows(const cpu::Context&, const Tensor& x, int) { return x; }

/// Rows of a block in pieces, of x or of a chunk's probabilities, the scratch of a strip, and a strip's sums.
inline int64_t head_scratch(const cpu::PackedWeight& head) {
  return SplitRows(kHeadRows, larger(head.cols, kHeadChunk)).floats() + strip_scratch() + kHeadRows * kStripWidth;
}

inline SplitRows split_block(const float* x, int64_t x_row, int64_t rows, int64_t columns, float* scratch) {
  SplitRows split(rows, columns);
  split.place(scratch);
  for (int64_t tile = 0; tile < split.tiles; ++tile) split.split(x, x_row, tile);
  return split;
}

/// logits (rows, kHeadChunk) of outputs [begin, end). scratch: head_scratch floats.
inline void chunk_logits(const cpu::PackedWeight& head, const HeadRows& x, const HeadBlock& block, int64_t begin, int64_t end, float* scratch, float* logits) {
  const SplitRows rows = split_block(row_of(x, block.row), x.stride, block.rows, head.cols, scratch);
  const StripPart whole{{0, rows.tiles}, {0, rows.blocks}, StripPart::From::nothing};
  for (int64_t column = begin; column < end; column += kStripWidth)
    multiply_strip({logits + column - begin, kHeadChunk, smaller(kStripWidth, end - column), nullptr}, rows, whole, head, column, scratch + rows.floats());
}

/// sums (rows, head.cols) (= or +=) probabilities (rows, kHeadChunk) · head[begin, end). Each chunk is a sum of its own: see isa/head_products.h.
inline void chunk_backward(const cpu::PackedWeight& head, float* sums, const HeadBlock& block, int64_t begin, int64_t end, Finish finish, const float* probabilities,
                           float* scratch) {
  const SplitRows rows = split_block(probabilities, kHeadChunk, block.rows, end - begin, scratch);
  const StripPart whole{{0, rows.tiles}, {0, rows.blocks}, StripPart::From::nothing};
  float *weights = scratch + rows.floats(), *chunk = weights + strip_scratch();
  for (int64_t column = 0; column < head.cols; column += kStripWidth) {
    const int64_t columns = smaller(kStripWidth, head.cols - column);
    float* to = sums + column;
    const bool store = finish == Finish::store;
    multiply_strip_back(store ? StripOut{to, head.cols, columns, nullptr} : StripOut{chunk, kStripWidth, columns, nullptr}, rows, whole, head, begin, column, weights);
    for (int64_t i = 0; i < block.rows && !store; ++i, to += head.cols) {
      over_vectors(columns, [&](int64_t c, int lanes) { store_part(to + c, load_part(to + c, lanes) + load_part(chunk + i * kStripWidth + c, lanes), lanes); });
    }
  }
}

}  // namespace
}  // namespace sdft::SDFT_ISA
