#include "kernels/cpu/amx/panel_product.h"

#include <type_traits>
#include <utility>

namespace sdft::SDFT_ISA {

using cpu::PackedWeight;
using cpu::PanelKind;
using From = PanelProduct::From;
using Way = PanelProduct::Way;

namespace {

/// Blocks of inputs whose weights are laid out at once: twice as many stay in the second-level cache beside the rows.
constexpr int64_t kLaidBlocks = 24;

/// A work, as far as its weights are laid out at once.
struct Turn {
  PanelWork work;
  Range blocks;
};

/// All works turn by turn.
class Turns {
 public:
  Turns(const PanelProduct& product, PanelWorks& works) : product_(product), works_(works) {}

  bool next(Turn& turn) {
    if (first_ == product_.blocks.end) first_ = product_.blocks.first;
    if (first_ == product_.blocks.first && !works_.next(work_)) return false;
    const int64_t end = smaller(product_.blocks.end, first_ + kLaidBlocks);
    turn = {work_, {first_, end}};
    first_ = end;
    return true;
  }

 private:
  const PanelProduct& product_;
  PanelWorks& works_;
  PanelWork work_{};
  int64_t first_ = product_.blocks.first;
};

/// Lays the weights of a turn out in pieces, [block][piece][register], a step at a time: between the products of the turn before, whose unit leaves the processor's
/// others idle.
class Laying {
 public:
  explicit Laying(const PanelProduct& product) : product_(product) {}

  /// To be done by so many calls of go_on.
  void begin(const Turn& turn, char* to, int64_t calls) {
    turn_ = turn;
    to_ = to;
    pieces_ = weight_pieces(turn.work.weight->kind);
    stored_bytes_ = turn.work.weight->panel_bytes * kUnitDepth / larger(1, turn.work.weight->cols);
    steps_ = (turn.blocks.end - turn.blocks.first) * kStepsABlock;
    step_ = done_ = 0;
    steps_a_call_ = static_cast<double>(steps_) / static_cast<double>(larger(1, calls));
    ask(0, 0, kStepsABlock);
  }
  void go_on() { take(smaller(steps_, static_cast<int64_t>(steps_a_call_ * static_cast<double>(++done_)))); }
  void finish() { take(steps_); }

 private:
  /// One unpacks a block, the others split it, some inputs each.
  static constexpr int kSplits = 4, kStepsABlock = 1 + kSplits;

  void take(int64_t end) {
    for (; step_ < end; ++step_) take_step(step_ / kStepsABlock, static_cast<int>(step_ % kStepsABlock));
  }

  void take_step(int64_t block, int step) {
    ask(block + 1, step, step + 1);
    if (step == 0) return unpack_block(turn_.blocks.first + block);
    char* to = to_ + block * block_bytes(pieces_);
    const int first = (step - 1) * kLanes / kSplits, end = step * kLanes / kSplits;
    pieces_ == 1 ? split_square<1>(square_, first, end, to) : split_square<kPieces>(square_, first, end, to);
  }

  /// Asks memory for a block's weights as they are stored, as much as belongs to steps [first, end): missing, they would keep all behind them waiting.
  void ask(int64_t block, int first, int end) {
    if (block >= turn_.blocks.end - turn_.blocks.first) return;
    const PackedWeight& weight = *turn_.work.weight;
    const int64_t input = product_.first + (turn_.blocks.first + block) * kUnitDepth, column = turn_.work.column;
    const bool forward = product_.way == Way::forward;
    const int64_t panel = (forward ? column : input) / kPanel, at = (forward ? input : column) / kUnitDepth;
    const char* from = weight.panels + panel * weight.panel_bytes + at * stored_bytes_;
    for (int64_t line = split(parts(stored_bytes_, 64), kStepsABlock, first); line < split(parts(stored_bytes_, 64), kStepsABlock, end); ++line) __builtin_prefetch(from + line * 64);
  }

  void unpack_block(int64_t block) {
    const PackedWeight& weight = *turn_.work.weight;
    const int64_t begin = product_.first + block * kUnitDepth;
    square_ = unpacked_;
    if (product_.way == Way::backward) return unpack_transposed(weight, turn_.work.column, begin, smaller(weight.rows, begin + kUnitDepth), unpacked_);
    const char* panel = weight.panels + turn_.work.column / kPanel * weight.panel_bytes;
    const int64_t end = smaller(weight.cols, begin + kUnitDepth);
    if (weight.kind == PanelKind::f32 && end - begin == kUnitDepth) {
      square_ = reinterpret_cast<const float*>(panel) + begin * kPanel;
      return;
    }
    if (end - begin < kUnitDepth) std::memset(unpacked_, 0, sizeof unpacked_);
    unpack(weight.kind, panel, begin, end, unpacked_);
  }

  alignas(64) float unpacked_[kUnitDepth * kPanel];
  const float* square_ = unpacked_;
  const PanelProduct& product_;
  Turn turn_{};
  char* to_ = nullptr;
  int pieces_ = 0;
  int64_t stored_bytes_ = 0;  // of a block
  int64_t step_ = 0, steps_ = 0, done_ = 0;
  double steps_a_call_ = 0;
};

/// What else is done while blocks are multiplied.
struct Meanwhile {
  Laying& laying;
  // Rows of sums that are needed next, asked for a few with each block: all at once would keep the blocks themselves waiting.
  const float* sums;
  int64_t row, rows, rows_a_block;

  void go_on() {
    laying.go_on();
    for (int64_t i = smaller(rows, rows_a_block); i > 0; --i, --rows, sums += row) {
      __builtin_prefetch(sums, 1);
      __builtin_prefetch(sums + kUnitRows, 1);
    }
  }
};

/// Registers 0 to 3 += the products of pieces, over blocks. a: a pair of tiles of rows (kTall; else its first); b: two registers of outputs (kWide; else the first).
/// A register is loaded anew right after its last product, among those of others: loads that wait for all of a step's products are not hidden behind any, whoever else uses the unit.
template <bool kTall, bool kWide, int kWeightPieces>
void multiply_blocks(const char* a, const char* b, int64_t blocks, Meanwhile& meanwhile) {
  using Unit = MatrixUnit;
  const auto load_rows = [](const char* from, auto tile) __attribute__((always_inline)) {
    constexpr int kTile = decltype(tile)::value;
    if constexpr (kTile == 0 || kTall) Unit::load<4 + kTile>(from + kTile * kUnitBytes);
  };
  const auto load_weights = [](const char* from, auto side) __attribute__((always_inline)) {
    constexpr int kSide = decltype(side)::value;
    if constexpr (kSide == 0 || kWide) Unit::load<6 + kSide>(from + kSide * kUnitBytes);
  };
  const auto multiply = [](auto tile, auto side) __attribute__((always_inline)) {
    constexpr int kTile = decltype(tile)::value, kSide = decltype(side)::value;
    if constexpr ((kTile == 0 || kTall) && (kSide == 0 || kWide)) Unit::multiply<2 * kTile + kSide, 4 + kTile, 6 + kSide>();
  };
  constexpr std::integral_constant<int, 0> kFirst{};
  constexpr std::integral_constant<int, 1> kSecond{};
  // What is loaded is multiplied; then the rows, the weights or both become others.
  const auto then_rows = [&](int piece) __attribute__((always_inline)) {
    multiply(kFirst, kFirst);
    multiply(kFirst, kSecond);
    load_rows(a + piece * kPieceStep, kFirst);
    multiply(kSecond, kFirst);
    multiply(kSecond, kSecond);
    load_rows(a + piece * kPieceStep, kSecond);
  };
  const auto then_weights = [&](int piece) __attribute__((always_inline)) {
    multiply(kFirst, kFirst);
    multiply(kSecond, kFirst);
    load_weights(b + piece * kPieceStep, kFirst);
    multiply(kFirst, kSecond);
    multiply(kSecond, kSecond);
    load_weights(b + piece * kPieceStep, kSecond);
  };
  const auto then_next = [&](const char* rows, const char* weights) __attribute__((always_inline)) {
    multiply(kFirst, kFirst);
    multiply(kFirst, kSecond);
    load_rows(rows, kFirst);
    multiply(kSecond, kFirst);
    load_weights(weights, kFirst);
    multiply(kSecond, kSecond);
    load_rows(rows, kSecond);
    load_weights(weights, kSecond);
  };
  load_rows(a, kFirst);
  load_weights(b, kFirst);
  load_rows(a, kSecond);
  load_weights(b, kSecond);
  for (int64_t i = 0; i < blocks; ++i, a += block_bytes(kPieces), b += block_bytes(kWeightPieces)) {
    if constexpr (kWeightPieces == 1) {
      then_rows(1);
    } else {
      then_weights(2);
      then_weights(1);
      then_rows(1);
      then_weights(0);
    }
    then_rows(2);
    // The last block is loaded once more, for nothing, but without a branch.
    const int64_t next = i + 1 < blocks ? 1 : 0;
    then_next(a + next * block_bytes(kPieces), b + next * block_bytes(kWeightPieces));
    meanwhile.go_on();
  }
}

/// The sums of one register: some rows × at most 16 outputs.
struct Corner {
  float* out;
  int64_t row;  // floats from row to row
  int64_t rows;
  int lanes;
  const float* bias;  // of these outputs, or null

  bool whole(int64_t height) const { return rows == height && lanes == kUnitRows; }
};

/// A register of sums in memory.
struct alignas(64) SumRegister {
  float at[kUnitRows][kUnitRows];
};

template <int kRegister>
void begin_sums(const Corner& corner, int64_t height, From from) {
  if (from == From::nothing) return MatrixUnit::zero<kRegister>();
  if (corner.whole(height)) return MatrixUnit::load<kRegister>(corner.out, corner.row * int64_t{sizeof(float)});
  SumRegister sums;
  for (int64_t i = 0; i < height; ++i) store(sums.at[i], i < corner.rows ? load_part(corner.out + i * corner.row, corner.lanes) : Vec{});
  MatrixUnit::load<kRegister>(&sums);
}

template <int kRegister>
void end_sums(const Corner& corner, int64_t height) {
  if (corner.bias == nullptr && corner.whole(height)) return MatrixUnit::store<kRegister>(corner.out, corner.row * int64_t{sizeof(float)});
  SumRegister sums;
  MatrixUnit::store<kRegister>(&sums);
  const Vec bias = corner.bias ? load_part(corner.bias, corner.lanes) : Vec{};
  for (int64_t i = 0; i < corner.rows; ++i) store_part(corner.out + i * corner.row, corner.bias ? load(sums.at[i]) + bias : load(sums.at[i]), corner.lanes);
}

/// A turn's product with a pair of tiles, or the last tile alone.
template <bool kTall, bool kWide, int kWeightPieces>
void multiply_pair(const PanelProduct& product, const Turn& turn, const char* weights, int64_t tile, Meanwhile& meanwhile) {
  const SplitRows& x = product.x;
  const PanelWork& work = turn.work;
  const From from = turn.blocks.first == product.blocks.first ? product.from : From::out;
  const bool biased = work.bias != nullptr && product.last && turn.blocks.end == product.blocks.end;
  const auto corner = [&](int64_t i, int64_t j) {
    const int64_t row = x.row(tile + i), column = j * kUnitRows;
    return Corner{work.out + row * work.out_row + column, work.out_row, x.row(tile + i + 1) - row, static_cast<int>(smaller(kUnitRows, work.columns - column)),
                  biased ? work.bias + column : nullptr};
  };
  begin_sums<0>(corner(0, 0), x.height, from);
  if constexpr (kWide) begin_sums<1>(corner(0, 1), x.height, from);
  if constexpr (kTall) begin_sums<2>(corner(1, 0), x.height, from);
  if constexpr (kTall && kWide) begin_sums<3>(corner(1, 1), x.height, from);
  multiply_blocks<kTall, kWide, kWeightPieces>(x.at(tile, turn.blocks.first), weights, turn.blocks.end - turn.blocks.first, meanwhile);
  end_sums<0>(corner(0, 0), x.height);
  if constexpr (kWide) end_sums<1>(corner(0, 1), x.height);
  if constexpr (kTall) end_sums<2>(corner(1, 0), x.height);
  if constexpr (kTall && kWide) end_sums<3>(corner(1, 1), x.height);
}

/// `then`: the turn that follows, or null.
template <int kWeightPieces>
void multiply_turn(const PanelProduct& product, const Turn& turn, const char* weights, const Turn* then, Laying& laying) {
  const SplitRows& x = product.x;
  const Range& tiles = turn.work.tiles;
  const int64_t blocks = turn.blocks.end - turn.blocks.first;
  const bool wide = turn.work.columns > kUnitRows;
  const auto meanwhile_at = [&](int64_t tile) {
    const bool last = tile + 2 >= tiles.end;
    const Turn* next = last ? then : &turn;
    if (next == nullptr) return Meanwhile{laying, nullptr, 0, 0, 0};
    const int64_t first = last ? then->work.tiles.first : tile + 2;
    const int64_t row = x.row(first), rows = x.row(smaller(first + 2, next->work.tiles.end)) - row;
    return Meanwhile{laying, next->work.out + row * next->work.out_row, next->work.out_row, rows, parts(rows, larger(1, blocks))};
  };
  for (int64_t tile = tiles.first; tile < tiles.end; tile += 2) {
    Meanwhile meanwhile = meanwhile_at(tile);
    const bool tall = tile + 1 < tiles.end;
    (tall ? wide ? multiply_pair<true, true, kWeightPieces> : multiply_pair<true, false, kWeightPieces>
     : wide ? multiply_pair<false, true, kWeightPieces>
            : multiply_pair<false, false, kWeightPieces>)(product, turn, weights, tile, meanwhile);
  }
}

}  // namespace

int64_t panel_scratch() { return 2 * kLaidBlocks * block_bytes(kPieces) / int64_t{sizeof(float)}; }

void multiply_works(const PanelProduct& product, PanelWorks& works, float* scratch) {
  const MatrixUnit unit(product.x.height, 64);
  Turns turns(product, works);
  Laying laying(product);
  char* weights[2] = {reinterpret_cast<char*>(scratch), reinterpret_cast<char*>(scratch) + kLaidBlocks * block_bytes(kPieces)};
  Turn turn{}, then{};
  if (!turns.next(turn)) return;
  laying.begin(turn, weights[0], 1);
  for (bool more = true; more; turn = then, std::swap(weights[0], weights[1])) {
    laying.finish();
    more = turns.next(then);
    if (more) laying.begin(then, weights[1], (turn.blocks.end - turn.blocks.first) * parts(turn.work.tiles.end - turn.work.tiles.first, 2));
    const auto multiply = weight_pieces(turn.work.weight->kind) == 1 ? multiply_turn<1> : multiply_turn<kPieces>;
    multiply(product, turn, weights[0], more ? &then : nullptr, laying);
    if (turn.blocks.end == product.blocks.end) works.done(turn.work);
  }
}

}  // namespace sdft::SDFT_ISA
