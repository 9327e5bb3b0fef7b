// Products of many rows with frozen weights on the matrix unit: floats in pieces (pieces.h). One row is summed as a thousand are, but laying the weights out for it
// takes longer than its product does with vectors.
#include <atomic>

#include "kernels/cpu/amx/panel_product.h"
#include "kernels/cpu/isa/strips.h"

namespace sdft::SDFT_ISA {

using cpu::Context;
using cpu::LinearParts;
using cpu::PackedWeight;

namespace {

SplitRows split_rows(const Context& context, const Tensor& x) {
  SplitRows rows(x.rows, x.cols);
  rows.place(context.workspace->shared(6, rows.floats()));
  const int64_t tiles_a_task = larger(1, 16384 / larger(1, rows.height * x.cols));
  context.pool->run(parts(rows.tiles, tiles_a_task), [&](int64_t task, int) {
    for (int64_t tile = task * tiles_a_task; tile < smaller(rows.tiles, (task + 1) * tiles_a_task); ++tile) rows.split(row_of(x, 0), x.stride, tile);
  });
  return rows;
}

/// How x goes by the panels: some pairs of tiles × some blocks of inputs at a time, which stay in the second-level cache while all panels come by. The fewer parts the
/// inputs are cut into, the less often sums pause in memory. All threads have some to take.
struct Passes {
  int64_t phases, row_blocks;

  Passes(const SplitRows& x, int64_t panels, int64_t threads) {
    constexpr int64_t kStay = 192, kDeep = 20;  // blocks of pairs (6 KiB); blocks of inputs
    const int64_t pairs = parts(x.tiles, 2);
    phases = pairs * x.blocks <= kStay ? 1 : parts(x.blocks, kDeep);
    const int64_t fit = parts(pairs, larger(1, kStay / larger(1, parts(x.blocks, phases)))), share = threads == 1 ? 1 : parts(4 * threads, larger(1, panels));
    row_blocks = smaller(pairs, larger(fit, share));
  }
};

/// Panels × blocks of rows, shared out to threads one by one: which one takes which changes no result.
template <class WorkOf>
class Claims final : public PanelWorks {
 public:
  Claims(std::atomic<int64_t>& claimed, int64_t panels, const SplitRows& x, int64_t row_blocks, const WorkOf& work_of)
      : claimed_(claimed), panels_(panels), x_(x), row_blocks_(row_blocks), work_of_(work_of) {}

  bool next(PanelWork& work) override {
    const int64_t index = claimed_.fetch_add(1, std::memory_order_relaxed), block = index / panels_;
    if (block >= row_blocks_) return false;
    const int64_t pairs = parts(x_.tiles, 2);
    work = work_of_(index % panels_);
    work.tiles = {2 * split(pairs, row_blocks_, block), smaller(x_.tiles, 2 * split(pairs, row_blocks_, block + 1))};
    return true;
  }

 private:
  std::atomic<int64_t>& claimed_;
  int64_t panels_;
  const SplitRows& x_;
  int64_t row_blocks_;
  const WorkOf& work_of_;
};

/// work_of(panel): its work but for the tiles.
template <class WorkOf>
void over_panels(const Context& context, const SplitRows& x, PanelProduct::Way way, PanelProduct::From from, int64_t panels, const WorkOf& work_of) {
  const Passes passes(x, panels, context.pool->threads());
  for (int64_t phase = 0; phase < passes.phases; ++phase) {
    const PanelProduct product{
        x, way, phase == 0 ? from : PanelProduct::From::out, {split(x.blocks, passes.phases, phase), split(x.blocks, passes.phases, phase + 1)}, 0};
    std::atomic<int64_t> claimed{0};
    context.pool->run(smaller(context.pool->threads(), panels * passes.row_blocks), [&](int64_t, int worker) {
      Claims<WorkOf> claims(claimed, panels, x, passes.row_blocks, work_of);
      multiply_works(product, claims, context.workspace->local(worker, panel_scratch()));
    });
  }
}

}  // namespace

void linear_tall(const Context& context, const LinearParts& group, Tensor x) {
  if (x.rows == 0) return;
  over_panels(context, split_rows(context, x), PanelProduct::Way::forward, PanelProduct::From::nothing, strip_count(group, 1), [&](int64_t index) {
    const Strip strip = strip_at(group, index, 1);
    const cpu::LinearParts::Part& part = *strip.part;
    const int64_t column = strip.panel * kPanel;
    return PanelWork{part.weight, column, smaller(kPanel, part.weight->rows - column), {}, row_of(part.out, 0) + column, part.out.stride, bias_of(part, column)};
  });
}

void linear_backward(const Context& context, Tensor dx, Tensor dout, const PackedWeight& weight, Write write) {
  if (dout.rows == 0) return;
  // Added to, dx is what the sums begin with: only it could keep them from inputs to inputs.
  const PanelProduct::From from = write == Write::add ? PanelProduct::From::out : PanelProduct::From::nothing;
  over_panels(context, split_rows(context, dout), PanelProduct::Way::backward, from, parts(weight.cols, kPanel), [&](int64_t panel) {
    const int64_t column = panel * kPanel;
    return PanelWork{&weight, column, smaller(kPanel, weight.cols - column), {}, row_of(dx, 0) + column, dx.stride, nullptr};
  });
}

}  // namespace sdft::SDFT_ISA
