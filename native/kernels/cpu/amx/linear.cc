// Products of many rows with frozen weights on the matrix unit: floats in pieces (pieces.h), forward where the weights are not of few bits (digits.cc), and all gradients. One row is summed
// as a thousand are, but laying the weights out for it takes longer than its product does with vectors.
#include <atomic>
#include <new>
#include <utility>

#include "kernels/cpu/amx/gated_digits.h"
#include "kernels/cpu/amx/panel_product.h"
#include "kernels/cpu/digits/sharing.h"

namespace sdft::SDFT_ISA {

using cpu::Context;
using cpu::LinearParts;
using cpu::PackedWeight;

namespace {

/// Outputs whose gradients are split at once: those of a whole vocabulary would go to memory and come back.
constexpr int64_t kOutputsAtOnce = 4096;

/// Makes some tiles of matrices of one shape: put(tile, i, row, column, count) for row i of a tile, kMadeInputs columns at a time.
template <int kMatrices, class Put>
void fill_tiles(const SplitRows (&matrices)[kMatrices], int64_t first_tile, int64_t end_tile, const Put& put) {
  const SplitRows& x = matrices[0];
  for (int64_t tile = first_tile; tile < end_tile; ++tile) {
    for (int64_t row = x.row(tile); row < x.row(tile + 1); ++row)
      for (int64_t column = 0; column < x.depth; column += kMadeInputs) put(tile, row - x.row(tile), row, column, smaller(kMadeInputs, x.depth - column));
    for (const SplitRows& matrix : matrices) matrix.put_zeros(tile);
  }
}

/// By a source of isa/row_sources.h.
template <class Source>
void split_tiles(const SplitRows& x, int64_t first_tile, int64_t end_tile, const Source& source) {
  alignas(64) float room[kMadeInputs];
  const SplitRows split[] = {x};
  fill_tiles(split, first_tile, end_tile, [&](int64_t tile, int64_t i, int64_t row, int64_t column, int64_t count) { x.put(tile, i, column, count, source(row, column, count, room)); });
}

/// Tiles shared out: body(first, end).
template <class Body>
void over_tiles(const Context& context, const SplitRows& x, const Body& body) {
  const int64_t tiles_a_task = larger(1, 16384 / larger(1, x.height * x.depth));
  context.pool->run(parts(x.tiles, tiles_a_task), [&](int64_t task, int) { body(task * tiles_a_task, smaller(x.tiles, (task + 1) * tiles_a_task)); });
}

template <class Source>
void split_rows(const Context& context, SplitRows& x, const Source& source) {
  x.place(context.workspace->shared(6, x.floats()));
  over_tiles(context, x, [&](int64_t first, int64_t end) { split_tiles(x, first, end, source); });
}

/// How x goes by the panels. Where there are enough rows each thread has some of its own, which it finds in its own caches; with them done it helps the others. Of them some pairs of tiles ×
/// some blocks of inputs are taken at a time, which stay in the second-level cache while all panels come by. The fewer parts the inputs are cut into, the less often sums pause in
/// memory. All threads have some to take.
struct Passes {
  int64_t pairs, owners, phases, row_blocks;
  bool apart;  // all rows are everybody's, and each thread best splits them for itself: reading what another one has split takes longer

  Passes(const SplitRows& x, int64_t panels, int64_t threads) : pairs(parts(x.tiles, 2)) {
    constexpr int64_t kStay = 192, kDeep = 20;  // blocks of pairs (6 KiB); blocks of inputs
    // With rows of its own each thread lays all panels out, which pays where these are few.
    const bool few = pairs * kDeep <= kStay;
    owners = own_blocks(x.tiles, threads, smaller(16, few ? larger(7, parts(panels, 2)) : larger(4, parts(panels, 4))));
    apart = few && owners < threads;
    const int64_t own = parts(pairs, owners);
    phases = own * x.blocks <= kStay ? 1 : parts(x.blocks, apart ? kStay / pairs : kDeep);
    const int64_t fit = parts(own, larger(1, kStay / larger(1, parts(x.blocks, phases)))), share = owners == threads ? 1 : parts(2 * threads, larger(1, panels * owners));
    row_blocks = smaller(pairs / owners, larger(fit, share));
  }
  /// Blocks of inputs of a phase.
  Range blocks(const SplitRows& x, int64_t phase) const { return {split(x.blocks, phases, phase), split(x.blocks, phases, phase + 1)}; }
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
/// work_of(panel): a work but for its tiles. begin(): called before the first one, if there is any.
template <class WorkOf, class Begin>
class Claims final : public PanelWorks {
 public:
  Claims(Claimed* claimed, int worker, int64_t panels, const SplitRows& x, const Passes& passes, const WorkOf& work_of, const Begin& begin)
      : claimed_(claimed), owner_(worker % passes.owners), panels_(panels), x_(x), passes_(passes), work_of_(work_of), begin_(begin) {}

  bool next(PanelWork& work) override {
    while (visited_ < passes_.owners) {
      const int64_t index = claimed_[owner_].count.fetch_add(1, std::memory_order_relaxed), block = index / panels_;
      if (block < passes_.row_blocks) {
        if (!std::exchange(begun_, true)) begin_();
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
  const Begin& begin_;
  bool begun_ = false;
};

/// What is made of x: the panels are those of its weights.
struct Product {
  PanelProduct::Way way;
  PanelProduct::From from;
  int64_t panels;
  int64_t first = 0;  // see PanelProduct
};

/// Hands works out to all threads: body(worker, claimed) once or more on each.
template <class Body>
void over_claims(const Context& context, const Passes& passes, int64_t panels, const Body& body) {
  auto* const claimed = reinterpret_cast<Claimed*>(context.workspace->shared(7, passes.owners * int64_t{sizeof(Claimed) / sizeof(float)}));
  for (int64_t owner = 0; owner < passes.owners; ++owner) new (claimed + owner) Claimed;
  context.pool->run(smaller(context.pool->threads(), passes.owners * panels * passes.row_blocks), [&](int64_t, int worker) { body(worker, claimed); });
}

/// Of rows that are split already.
template <class WorkOf>
void multiply_split(const Context& context, const SplitRows& x, const Product& made, const Passes& passes, const WorkOf& work_of) {
  for (int64_t phase = 0; phase < passes.phases; ++phase) {
    const PanelProduct product{x, made.way, phase == 0 ? made.from : PanelProduct::From::out, passes.blocks(x, phase), made.first, phase + 1 == passes.phases};
    over_claims(context, passes, made.panels, [&](int worker, Claimed* claimed) {
      const auto begin = [] {};
      Claims claims(claimed, worker, made.panels, x, passes, work_of, begin);
      multiply_works(product, claims, context.workspace->local(worker, panel_scratch()));
    });
  }
}

/// Each thread splits all rows, as many of their inputs as a phase takes, when its first panel comes.
template <class Source, class WorkOf>
void multiply_apart(const Context& context, const SplitRows& x, const Source& source, const Product& made, const Passes& passes, const WorkOf& work_of) {
  for (int64_t phase = 0; phase < passes.phases; ++phase) {
    const Range blocks = passes.blocks(x, phase);
    const int64_t first = blocks.first * kUnitDepth;
    const SplitRows some(x.rows, smaller(x.depth, blocks.end * kUnitDepth) - first);
    over_claims(context, passes, made.panels, [&](int worker, Claimed* claimed) {
      float* const memory = context.workspace->local(worker, panel_scratch() + some.floats());
      SplitRows own = some;
      own.place(memory + panel_scratch());
      const auto begin = [&] {
        split_tiles(own, 0, own.tiles, [&](int64_t row, int64_t column, int64_t count, float* room) { return source(row, first + column, count, room); });
      };
      Claims claims(claimed, worker, made.panels, own, passes, work_of, begin);
      const PanelProduct product{own, made.way, phase == 0 ? made.from : PanelProduct::From::out, {0, own.blocks}, made.first + first, phase + 1 == passes.phases};
      multiply_works(product, claims, memory);
    });
  }
}

template <class Source, class WorkOf>
void split_and_multiply(const Context& context, SplitRows x, const Source& source, const Product& made, const WorkOf& work_of) {
  const Passes passes(x, made.panels, context.pool->threads());
  if (passes.apart) return multiply_apart(context, x, source, made, passes, work_of);
  split_rows(context, x, source);
  multiply_split(context, x, made, passes, work_of);
}

template <class Source>
void multiply_forward(const Context& context, const LinearParts& group, int64_t rows, int64_t columns, const Source& source) {
  const Product made{PanelProduct::Way::forward, PanelProduct::From::nothing, strip_count(group, 1)};
  split_and_multiply(context, {rows, columns}, source, made, [&](int64_t index) {
    const Strip strip = strip_at(group, index, 1);
    const cpu::LinearParts::Part& part = *strip.part;
    const int64_t column = strip.panel * kPanel;
    return PanelWork{part.weight, column, smaller(kPanel, part.weight->rows - column), {}, row_of(part.out, 0) + column, part.out.stride, bias_of(part, column)};
  });
}

/// Of the weight's outputs from `first_output` on, a multiple of kPanel.
Product backward_product(const PackedWeight& weight, Write write, int64_t first_output = 0) {
  // Added to, dx is what the sums begin with: only it could keep them from inputs to inputs.
  const PanelProduct::From from = write == Write::add ? PanelProduct::From::out : PanelProduct::From::nothing;
  return {PanelProduct::Way::backward, from, parts(weight.cols, kPanel), first_output};
}

auto backward_work(const PackedWeight& weight, const Tensor& dx) {
  return [&weight, dx](int64_t panel) {
    const int64_t column = panel * kPanel;
    return PanelWork{&weight, column, smaller(kPanel, weight.cols - column), {}, row_of(dx, 0) + column, dx.stride, nullptr};
  };
}

}  // namespace

void linear_tall(const Context& context, const LinearParts& group, Tensor x) {
  if (x.rows == 0) return;
  const ByForm by(group);
  for (const LinearParts* parts : {&by.nibbles, &by.bytes})
    if (parts->count > 0) linear(context, *parts, x);
  if (by.others.count > 0) multiply_forward(context, by.others, x.rows, x.cols, rows_in_memory(x));
}

void linear_backward(const Context& context, Tensor dx, Tensor dout, const PackedWeight& weight, Write write) {
  if (dout.rows == 0) return;
  for (int64_t first = 0; first < dout.cols; first += kOutputsAtOnce) {
    const Tensor some{row_of(dout, 0) + first, dout.rows, smaller(kOutputsAtOnce, dout.cols - first), dout.stride};
    split_and_multiply(context, {some.rows, some.cols}, rows_in_memory(some), backward_product(weight, first == 0 ? write : Write::add, first), backward_work(weight, dx));
  }
}

void gated_linear(const Context& context, Tensor out, Tensor gate, Tensor up, Activation activation, const PackedWeight& weight, Tensor bias) {
  if (is_q4(weight.kind) || is_q8(weight.kind)) return gated_linear_in_digits(context, out, gate, up, activation, weight, bias);
  if (gate.rows > 0) multiply_forward(context, {{{out, &weight, bias}}, 1}, gate.rows, gate.cols, activated_rows(gate, up, activation));
}

void gated_linear_backward(const Context& context, Tensor dx, Tensor dproduct, Tensor gate, Tensor up, Activation activation, const PackedWeight& gate_weight,
                           const PackedWeight& up_weight) {
  if (gate.rows == 0) return;
  SplitRows split[2] = {{gate.rows, gate.cols}, {gate.rows, gate.cols}};
  float* const memory = context.workspace->shared(6, 2 * split[0].floats());
  for (int j = 0; j < 2; ++j) split[j].place(memory + j * split[0].floats());
  // Both come up together, so that they are split together, whoever multiplies them.
  over_tiles(context, split[0], [&](int64_t first, int64_t end) {
    alignas(64) float room[2][kMadeInputs];
    fill_tiles(split, first, end, [&](int64_t tile, int64_t i, int64_t row, int64_t column, int64_t count) {
      activate_backward(row_of(dproduct, row) + column, row_of(gate, row) + column, row_of(up, row) + column, count, activation, room[0], room[1]);
      for (int j = 0; j < 2; ++j) split[j].put(tile, i, column, count, room[j]);
    });
  });
  const auto multiply = [&](const SplitRows& x, const PackedWeight& weight, Write write) {
    const Product made = backward_product(weight, write);
    multiply_split(context, x, made, Passes(x, made.panels, context.pool->threads()), backward_work(weight, dx));
  };
  multiply(split[0], gate_weight, Write::overwrite);
  multiply(split[1], up_weight, Write::add);
}

}  // namespace sdft::SDFT_ISA
