// Products of many rows with frozen weights on the matrix unit: floats in pieces (pieces.h), forward where the weights are not of few bits (digits.cc), and all gradients. One row is summed
// as a thousand are, but laying the weights out for it takes longer than its product does with vectors.
#include <atomic>
#include <new>

#include "kernels/cpu/amx/gated_digits.h"
#include "kernels/cpu/amx/panel_product.h"
#include "kernels/cpu/digits/sharing.h"

namespace sdft::SDFT_ISA {

using cpu::Context;
using cpu::LinearParts;
using cpu::PackedWeight;
using cpu::PanelKind;

namespace {

/// Tiles that a thread's own rows have at least. Weights are read and laid out by each thread then, which takes the longer the more panels there are, most where they are floats; rows of all
/// are read from the other's cache by each, which takes as long whatever the panels.
inline int64_t own_tiles(PanelKind kind, int64_t panels) {
  return larger(4, kind == PanelKind::f32 ? smaller(16, parts(panels, 4)) : smaller(8, parts(panels, 8)));
}

/// Outputs whose gradients are split at once: those of a whole vocabulary would go to memory and come back.
constexpr int64_t kOutputsAtOnce = 4096;

/// Rows that are split into pieces on the way, of kOutputs matrices with as many columns; they lie one after the other in memory.
/// source(row, column, count, room, from): sets from[j] to where so many columns of a row of matrix j stand; they may be made in room[j], of kMadeInputs floats.
template <int kOutputs, class Source>
void split_rows(const Context& context, SplitRows (&rows)[kOutputs], const Source& source) {
  float* memory = context.workspace->shared(6, kOutputs * rows[0].floats());
  for (SplitRows& matrix : rows) {
    matrix.place(memory);
    memory += matrix.floats();
  }
  const int64_t tiles = rows[0].tiles, depth = rows[0].depth, tiles_a_task = larger(1, 16384 / larger(1, rows[0].height * depth));
  context.pool->run(parts(tiles, tiles_a_task), [&](int64_t task, int) {
    alignas(64) float room[kOutputs][kMadeInputs];
    for (int64_t tile = task * tiles_a_task; tile < smaller(tiles, (task + 1) * tiles_a_task); ++tile) {
      const int64_t first = rows[0].row(tile);
      for (int64_t row = first; row < rows[0].row(tile + 1); ++row) {
        for (int64_t column = 0; column < depth; column += kMadeInputs) {
          const int64_t count = smaller(kMadeInputs, depth - column);
          const float* from[kOutputs];
          source(row, column, count, room, from);
          for (int j = 0; j < kOutputs; ++j) rows[j].put(tile, row - first, column, count, from[j]);
        }
      }
      for (const SplitRows& matrix : rows) matrix.put_zeros(tile);
    }
  });
}

/// Of one matrix, by a source of isa/row_sources.h.
template <class Source>
SplitRows split_rows(const Context& context, int64_t rows, int64_t columns, const Source& source) {
  SplitRows split[1] = {{rows, columns}};
  split_rows(context, split, [&](int64_t row, int64_t column, int64_t count, float (*room)[kMadeInputs], const float** from) { from[0] = source(row, column, count, room[0]); });
  return split[0];
}
SplitRows split_rows(const Context& context, const Tensor& x) { return split_rows(context, x.rows, x.cols, rows_in_memory(x)); }

/// How x goes by the panels. Where there are enough rows each thread has some of its own, which it finds in its own caches; with them done it helps the others. Of them some pairs of tiles ×
/// some blocks of inputs are taken at a time, which stay in the second-level cache while all panels come by. The fewer parts the inputs are cut into, the less often sums pause in
/// memory. All threads have some to take.
struct Passes {
  int64_t pairs, owners, phases, row_blocks;

  Passes(const SplitRows& x, PanelKind kind, int64_t panels, int64_t threads) : pairs(parts(x.tiles, 2)), owners(own_blocks(x.tiles, threads, own_tiles(kind, panels))) {
    constexpr int64_t kStay = 192, kDeep = 20;  // blocks of pairs (6 KiB); blocks of inputs
    const int64_t own = parts(pairs, owners);
    phases = own * x.blocks <= kStay ? 1 : parts(x.blocks, kDeep);
    const int64_t fit = parts(own, larger(1, kStay / larger(1, parts(x.blocks, phases)))), share = owners == threads ? 1 : parts(4 * threads, larger(1, panels * owners));
    row_blocks = smaller(pairs / owners, larger(fit, share));
  }
  /// Tiles of block `block` of an owner's.
  Range tiles(const SplitRows& x, int64_t owner, int64_t block) const {
    const int64_t index = owner * row_blocks + block, count = owners * row_blocks;
    return {2 * split(pairs, count, index), smaller(x.tiles, 2 * split(pairs, count, index + 1))};
  }
};

struct alignas(64) Claimed {
  std::atomic<int64_t> count{0};
};

/// An owner's panels × blocks of rows, taken one by one; then those of the next owner. Which thread takes which changes no result.
template <class WorkOf>
class Claims final : public PanelWorks {
 public:
  Claims(Claimed* claimed, int worker, int64_t panels, const SplitRows& x, const Passes& passes, const WorkOf& work_of)
      : claimed_(claimed), owner_(worker % passes.owners), panels_(panels), x_(x), passes_(passes), work_of_(work_of) {}

  bool next(PanelWork& work) override {
    while (visited_ < passes_.owners) {
      const int64_t index = claimed_[owner_].count.fetch_add(1, std::memory_order_relaxed), block = index / panels_;
      if (block < passes_.row_blocks) {
        work = work_of_(index % panels_);
        work.tiles = passes_.tiles(x_, owner_, block);
        return true;
      }
      ++visited_;
      owner_ = (owner_ + 1) % passes_.owners;
    }
    return false;
  }

 private:
  Claimed* claimed_;
  int64_t owner_, visited_ = 0, panels_;
  const SplitRows& x_;
  const Passes& passes_;
  const WorkOf& work_of_;
};

/// What is made of x: the panels are those of its weights.
struct Product {
  PanelKind kind;
  PanelProduct::Way way;
  PanelProduct::From from;
  int64_t panels;
  int64_t first_output = 0;  // see PanelProduct
};

/// work_of(panel): its work but for the tiles.
template <class WorkOf>
void over_panels(const Context& context, const SplitRows& x, const Product& made, const WorkOf& work_of) {
  const Passes passes(x, made.kind, made.panels, context.pool->threads());
  auto* const claimed = reinterpret_cast<Claimed*>(context.workspace->shared(7, passes.owners * int64_t{sizeof(Claimed) / sizeof(float)}));
  for (int64_t phase = 0; phase < passes.phases; ++phase) {
    const PanelProduct product{
        x, made.way, phase == 0 ? made.from : PanelProduct::From::out, {split(x.blocks, passes.phases, phase), split(x.blocks, passes.phases, phase + 1)}, made.first_output};
    for (int64_t owner = 0; owner < passes.owners; ++owner) new (claimed + owner) Claimed;
    context.pool->run(smaller(context.pool->threads(), passes.owners * made.panels * passes.row_blocks), [&](int64_t, int worker) {
      Claims<WorkOf> claims(claimed, worker, made.panels, x, passes, work_of);
      multiply_works(product, claims, context.workspace->local(worker, panel_scratch()));
    });
  }
}

void multiply_forward(const Context& context, const LinearParts& group, const SplitRows& x) {
  over_panels(context, x, {group.parts[0].weight->kind, PanelProduct::Way::forward, PanelProduct::From::nothing, strip_count(group, 1)}, [&](int64_t index) {
    const Strip strip = strip_at(group, index, 1);
    const cpu::LinearParts::Part& part = *strip.part;
    const int64_t column = strip.panel * kPanel;
    return PanelWork{part.weight, column, smaller(kPanel, part.weight->rows - column), {}, row_of(part.out, 0) + column, part.out.stride, bias_of(part, column)};
  });
}

/// dout: of the weight's outputs from `first_output` on, a multiple of kPanel.
void multiply_backward(const Context& context, Tensor dx, const SplitRows& dout, const PackedWeight& weight, Write write, int64_t first_output = 0) {
  // Added to, dx is what the sums begin with: only it could keep them from inputs to inputs.
  const PanelProduct::From from = write == Write::add ? PanelProduct::From::out : PanelProduct::From::nothing;
  over_panels(context, dout, {weight.kind, PanelProduct::Way::backward, from, parts(weight.cols, kPanel), first_output}, [&](int64_t panel) {
    const int64_t column = panel * kPanel;
    return PanelWork{&weight, column, smaller(kPanel, weight.cols - column), {}, row_of(dx, 0) + column, dx.stride, nullptr};
  });
}

}  // namespace

void linear_tall(const Context& context, const LinearParts& group, Tensor x) {
  if (x.rows == 0) return;
  const ByForm by(group);
  for (const LinearParts* parts : {&by.nibbles, &by.bytes})
    if (parts->count > 0) linear(context, *parts, x);
  if (by.others.count > 0) multiply_forward(context, by.others, split_rows(context, x));
}

void linear_backward(const Context& context, Tensor dx, Tensor dout, const PackedWeight& weight, Write write) {
  if (dout.rows == 0) return;
  for (int64_t first = 0; first < dout.cols; first += kOutputsAtOnce) {
    const Tensor some{row_of(dout, 0) + first, dout.rows, smaller(kOutputsAtOnce, dout.cols - first), dout.stride};
    multiply_backward(context, dx, split_rows(context, some), weight, first == 0 ? write : Write::add, first);
  }
}

void gated_linear(const Context& context, Tensor out, Tensor gate, Tensor up, Activation activation, const PackedWeight& weight, Tensor bias) {
  if (is_q4(weight.kind) || is_q8(weight.kind)) return gated_linear_in_digits(context, out, gate, up, activation, weight, bias);
  if (gate.rows > 0) multiply_forward(context, {{{out, &weight, bias}}, 1}, split_rows(context, gate.rows, gate.cols, activated_rows(gate, up, activation)));
}

void gated_linear_backward(const Context& context, Tensor dx, Tensor dproduct, Tensor gate, Tensor up, Activation activation, const PackedWeight& gate_weight,
                           const PackedWeight& up_weight) {
  if (gate.rows == 0) return;
  SplitRows split[2] = {{gate.rows, gate.cols}, {gate.rows, gate.cols}};
  split_rows(context, split, [&](int64_t row, int64_t column, int64_t count, float (*room)[kMadeInputs], const float** from) {
    activate_backward(row_of(dproduct, row) + column, row_of(gate, row) + column, row_of(up, row) + column, count, activation, room[0], room[1]);
    for (int j = 0; j < 2; ++j) from[j] = room[j];
  });
  multiply_backward(context, dx, split[0], gate_weight, Write::overwrite);
  multiply_backward(context, dx, split[1], up_weight, Write::add);
}

}  // namespace sdft::SDFT_ISA
