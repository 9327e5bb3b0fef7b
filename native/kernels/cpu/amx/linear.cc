// Products of many rows with frozen weights on the matrix unit: floats in pieces (pieces.h). One row is summed as a thousand are, but laying the weights out for it
// takes longer than its product does with vectors.
#include "kernels/cpu/amx/strip_product.h"
#include "kernels/cpu/isa/strips.h"

namespace sdft::SDFT_ISA {

using cpu::Context;
using cpu::LinearParts;
using cpu::PackedWeight;

namespace {

/// Bytes of rows in pieces that go by all strips before the next inputs do: they stay in the second-level cache.
constexpr int64_t kStayBytes = 1152 * 1024;

SplitRows split_rows(const Context& context, const Tensor& x) {
  SplitRows rows(x.rows, x.cols);
  rows.place(context.workspace->shared(6, rows.floats()));
  const int64_t tiles_a_task = larger(1, 16384 / larger(1, rows.height * x.cols));
  context.pool->run(parts(rows.tiles, tiles_a_task), [&](int64_t task, int) {
    for (int64_t tile = task * tiles_a_task; tile < smaller(rows.tiles, (task + 1) * tiles_a_task); ++tile) rows.split(row_of(x, 0), x.stride, tile);
  });
  return rows;
}

/// Strips shared out to threads. Those that would leave a thread idle in the end, and one more for each, are cut into pieces, all of them where there are few: pairs of
/// tiles stay together.
struct Turns {
  int64_t tiles, pieces, whole, count;

  Turns(int64_t tile_total, int64_t strips, int64_t threads) : tiles(tile_total), pieces(1), whole(strips), count(strips) {
    if (threads == 1) return;
    pieces = larger(1, smaller(tiles / 4, strips >= 2 * threads ? 2 : parts(2 * threads, strips)));
    if (pieces > 1) whole = larger(0, strips - strips % threads - threads);
    count = whole + pieces * (strips - whole);
  }

  struct Turn {
    int64_t strip;
    Range tiles;
  };
  Turn at(int64_t index) const {
    if (index < whole) return {index, {0, tiles}};
    const int64_t piece = (index - whole) % pieces, pairs = tiles / 2;
    return {whole + (index - whole) / pieces, {2 * split(pairs, pieces, piece), piece + 1 == pieces ? tiles : 2 * split(pairs, pieces, piece + 1)}};
  }
};

/// Calls multiply(strip, part, scratch) for all strips, as many inputs at a time as stay in cache.
template <class Multiply>
void over_strips(const Context& context, const SplitRows& rows, int64_t strips, StripPart::From from, const Multiply& multiply) {
  const Turns turns(rows.tiles, strips, context.pool->threads());
  const int64_t phases = smaller(rows.blocks, parts(rows.tiles * rows.tile_bytes(), kStayBytes));
  for (int64_t phase = 0; phase < phases; ++phase) {
    const Range blocks{split(rows.blocks, phases, phase), split(rows.blocks, phases, phase + 1)};
    context.pool->run(turns.count, [&](int64_t task, int worker) {
      const Turns::Turn turn = turns.at(task);
      multiply(turn.strip, StripPart{turn.tiles, blocks, phase == 0 ? from : StripPart::From::out}, context.workspace->local(worker, strip_scratch()));
    });
  }
}

}  // namespace

void linear_tall(const Context& context, const LinearParts& group, Tensor x) {
  if (x.rows == 0) return;
  const SplitRows rows = split_rows(context, x);
  // Of few rows strips are narrow: there is more to share out.
  const int64_t at_once = rows.tiles <= 4 ? 1 : kStripWidth / kPanel;
  over_strips(context, rows, strip_count(group, at_once), StripPart::From::nothing, [&](int64_t index, const StripPart& part, float* scratch) {
    const Strip strip = strip_at(group, index, at_once);
    const PackedWeight& weight = *strip.part->weight;
    const int64_t column = strip.panel * kPanel;
    multiply_strip({row_of(strip.part->out, 0) + column, strip.part->out.stride, smaller(weight.rows - column, at_once * kPanel), bias_of(*strip.part, column)}, rows, part, weight,
                   column, scratch);
  });
}

void linear_backward(const Context& context, Tensor dx, Tensor dout, const PackedWeight& weight, Write write) {
  if (dout.rows == 0) return;
  const SplitRows rows = split_rows(context, dout);
  // Added to, dx is what the sums begin with: only it could keep them from inputs to inputs.
  const StripPart::From from = write == Write::add ? StripPart::From::out : StripPart::From::nothing;
  over_strips(context, rows, parts(weight.cols, kStripWidth), from, [&](int64_t index, const StripPart& part, float* scratch) {
    const int64_t column = index * kStripWidth;
    multiply_strip_back({row_of(dx, 0) + column, dx.stride, smaller(weight.cols - column, kStripWidth), nullptr}, rows, part, weight, 0, column, scratch);
  });
}

}  // namespace sdft::SDFT_ISA
