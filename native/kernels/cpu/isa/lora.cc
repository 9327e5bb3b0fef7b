// Low-rank products. a (R, I) and b (O, R) change with every step, so they are transposed anew where a product wants them so; R is small beside I and O.
#include "kernels/cpu/isa/row_product.h"
#include "kernels/cpu/isa/table.h"

namespace sdft::SDFT_ISA {

using cpu::Context;

namespace {

/// out[c][r] = in[r][c], out rows of `out_row` floats with zeros past the last.
void transpose_all(const Context& context, const Tensor& in, float* out, int64_t out_row) {
  const int64_t piece = larger(kPanel, round_up(16384 / larger(1, in.rows), kPanel));
  context.pool->run(parts(in.cols, piece), [&](int64_t task, int) {
    const int64_t first = task * piece, count = smaller(piece, in.cols - first);
    transpose(static_cast<const float*>(in.data) + first, in.stride, in.rows, count, out + first * out_row, out_row);
    for (int64_t c = first; c < first + count; ++c)
      for (int64_t r = in.rows; r < out_row; ++r) out[c * out_row + r] = 0;
  });
}

/// out (R, C) += factor · sums (R, C), or its transpose.
void add_sums(const Context& context, Tensor out, const float* sums, int64_t sums_row, float factor, bool transposed) {
  over_rows(context, out.rows, out.cols, [&](int64_t row) {
    float* to = row_of(out, row);
    for (int64_t c = 0; c < out.cols; ++c) to[c] += factor * sums[transposed ? c * sums_row + row : row * sums_row + c];
  });
}

}  // namespace

void lora_forward(const Context& context, Tensor out, Tensor t, Tensor x, Tensor a, Tensor b, double scale) {
  const int64_t rank = a.rows, padded = round_up(rank, kLanes), outputs = round_up(b.rows, kLanes);
  float* a_transposed = context.workspace->shared(0, a.cols * padded);  // (I, R)
  float* b_transposed = context.workspace->shared(1, rank * outputs);   // (R, O)
  transpose_all(context, a, a_transposed, padded);
  multiply_rows<true>(context, {row_of(t, 0), t.stride, x.rows, rank, x.cols, row_of(x, 0), x.stride, 1, a_transposed, padded, true, Finish::store, 1.0f});
  transpose_all(context, b, b_transposed, outputs);
  multiply_rows<true>(context, {row_of(out, 0), out.stride, x.rows, b.rows, rank, row_of(t, 0), t.stride, 1, b_transposed, outputs, true, Finish::add,
                                static_cast<float>(scale)});
}

void lora_backward(const Context& context, Tensor dx, Tensor da, Tensor db, Tensor dt, Tensor dout, Tensor x, Tensor t, Tensor a, Tensor b, double scale,
                   Write write) {
  const int64_t rank = a.rows, rows = dout.rows;
  // dt = scale · dout · b
  multiply_rows<true>(context, {row_of(dt, 0), dt.stride, rows, rank, dout.cols, row_of(dout, 0), dout.stride, 1, row_of(b, 0), b.stride, false,
                                Finish::store, static_cast<float>(scale)});
  // dbᵀ = tᵀ · dout, so that the long side lies along the vectors; it is turned while it is added.
  float* sums = context.workspace->shared(0, rank * larger(dout.cols, x.cols));
  multiply_columns(context, {sums, dout.cols, rank, dout.cols, rows, row_of(t, 0), 1, t.stride, row_of(dout, 0), dout.stride, false, Finish::store, 1.0f});
  add_sums(context, db, sums, dout.cols, static_cast<float>(scale), true);
  // da = dtᵀ · x
  multiply_columns(context, {sums, x.cols, rank, x.cols, rows, row_of(dt, 0), 1, dt.stride, row_of(x, 0), x.stride, false, Finish::store, 1.0f});
  add_sums(context, da, sums, x.cols, 1.0f, false);
  if (!dx.data) return;
  // dx = dt · a
  multiply_rows<true>(context, {row_of(dx, 0), dx.stride, rows, x.cols, rank, row_of(dt, 0), dt.stride, 1, row_of(a, 0), a.stride, false,
                                write == Write::add ? Finish::add : Finish::store, 1.0f});
}

}  // namespace sdft::SDFT_ISA
