#include "kernels/cpu/amx/strip_product.h"

namespace sdft::SDFT_ISA {

using cpu::PackedWeight;
using cpu::PanelKind;

namespace {

/// Blocks of inputs whose weights are laid out at once: of many rows as many as stay in the second-level cache, of few as stay in the first.
constexpr int64_t kManyBlocks = 24, kFewBlocks = 4;
constexpr int64_t kFewTiles = 4;

/// A register of sums.
struct alignas(64) SumRegister {
  float at[kUnitRows][kUnitRows];
};

/// sums[row tile][register] += the products of pieces, over blocks. a: a tile of rows, the next a_step bytes on (kTall: two of them); b: a register of outputs of
/// kWeightPieces pieces a block, the next b_step bytes on (kWide: two).
template <bool kTall, bool kWide, int kWeightPieces>
void multiply_blocks(const char* a, int64_t a_step, const char* b, int64_t b_step, int64_t blocks) {
  using Unit = MatrixUnit;
  const auto load_rows = [&](int piece) __attribute__((always_inline)) {
    Unit::load<4>(a + piece * kUnitBytes);
    if constexpr (kTall) Unit::load<5>(a + a_step + piece * kUnitBytes);
  };
  const auto load_weights = [&](int piece) __attribute__((always_inline)) {
    Unit::load<6>(b + piece * kUnitBytes);
    if constexpr (kWide) Unit::load<7>(b + b_step + piece * kUnitBytes);
  };
  const auto multiply = [&]() __attribute__((always_inline)) {
    Unit::multiply<0, 4, 6>();
    if constexpr (kWide) Unit::multiply<1, 4, 7>();
    if constexpr (kTall) Unit::multiply<2, 5, 6>();
    if constexpr (kTall && kWide) Unit::multiply<3, 5, 7>();
  };
  for (int64_t i = 0; i < blocks; ++i, a += kPieces * kUnitBytes, b += kWeightPieces * kUnitBytes) {
    load_rows(0);
    load_weights(0);
    multiply();
    if constexpr (kWeightPieces == 1) {
      load_rows(1);
      multiply();
      load_rows(2);
      multiply();
    } else {
      load_weights(2);
      multiply();
      load_weights(1);
      multiply();
      load_rows(1);
      multiply();
      load_weights(0);
      multiply();
      load_rows(2);
      multiply();
    }
  }
}

/// The registers of sums that a block of two tiles of rows × two of outputs has.
struct Corner {
  int64_t row, rows, column, columns;
};

template <int kRegister>
void begin_sums(const StripOut& out, const Corner& corner, int64_t height, bool anew) {
  if (anew) return MatrixUnit::zero<kRegister>();
  const float* from = out.data + corner.row * out.row + corner.column;
  if (corner.rows == height && corner.columns == kUnitRows) return MatrixUnit::load<kRegister>(from, out.row * int64_t{sizeof(float)});
  SumRegister sums;
  for (int64_t i = 0; i < height; ++i) store(sums.at[i], i < corner.rows ? load_part(from + i * out.row, static_cast<int>(corner.columns)) : Vec{});
  MatrixUnit::load<kRegister>(&sums);
}

template <int kRegister>
void end_sums(const StripOut& out, const Corner& corner, bool finished) {
  SumRegister sums;
  MatrixUnit::store<kRegister>(&sums);
  const int lanes = static_cast<int>(corner.columns);
  float* to = out.data + corner.row * out.row + corner.column;
  const bool biased = finished && out.bias != nullptr;
  const Vec bias = biased ? load_part(out.bias + corner.column, lanes) : Vec{};
  for (int64_t i = 0; i < corner.rows; ++i, to += out.row) store_part(to, biased ? load(sums.at[i]) + bias : load(sums.at[i]), lanes);
}

/// What a strip has laid out: registers of outputs, each of some blocks of pieces.
struct LaidOut {
  const char* weights;
  int64_t register_bytes;
  int64_t first, count;  // blocks
};

template <bool kTall, bool kWide, int kWeightPieces>
void multiply_square(const StripOut& out, const SplitRows& x, int64_t tile, int64_t column, const LaidOut& laid, bool anew, bool finished) {
  const auto corner = [&](int64_t i, int64_t j) {
    const int64_t row = x.row(tile + i), at = column + j * kUnitRows;
    return Corner{row, x.row(tile + i + 1) - row, at, smaller(kUnitRows, out.columns - at)};
  };
  begin_sums<0>(out, corner(0, 0), x.height, anew);
  if constexpr (kWide) begin_sums<1>(out, corner(0, 1), x.height, anew);
  if constexpr (kTall) begin_sums<2>(out, corner(1, 0), x.height, anew);
  if constexpr (kTall && kWide) begin_sums<3>(out, corner(1, 1), x.height, anew);
  multiply_blocks<kTall, kWide, kWeightPieces>(x.at(tile, laid.first), x.tile_bytes(), laid.weights + column / kUnitRows * laid.register_bytes, laid.register_bytes, laid.count);
  end_sums<0>(out, corner(0, 0), finished);
  if constexpr (kWide) end_sums<1>(out, corner(0, 1), finished);
  if constexpr (kTall) end_sums<2>(out, corner(1, 0), finished);
  if constexpr (kTall && kWide) end_sums<3>(out, corner(1, 1), finished);
}

/// Asks for what the next tiles of rows will be added to, while these are multiplied.
void ask_for_sums(const StripOut& out, const SplitRows& x, int64_t tile, int64_t end, int64_t column) {
  const float* from = out.data + column;
  for (int64_t row = x.row(tile); row < x.row(end); ++row) {
    __builtin_prefetch(from + row * out.row, 1);
    __builtin_prefetch(from + row * out.row + kUnitRows, 1);
  }
}

template <int kWeightPieces>
void multiply_rows(const StripOut& out, const SplitRows& x, const Range& tiles, const LaidOut& laid, bool anew, bool finished) {
  for (int64_t column = 0; column < out.columns; column += kPanel) {
    const bool wide = column + kUnitRows < out.columns;
    for (int64_t tile = tiles.first; tile < tiles.end; tile += 2) {
      const bool tall = tile + 1 < tiles.end;
      ask_for_sums(out, x, smaller(tile + 2, tiles.end), smaller(tile + 4, tiles.end), column);
      (tall ? wide ? multiply_square<true, true, kWeightPieces> : multiply_square<true, false, kWeightPieces>
       : wide ? multiply_square<false, true, kWeightPieces>
              : multiply_square<false, false, kWeightPieces>)(out, x, tile, column, laid, anew, finished);
    }
  }
}

/// The strip block by block: lay_out(block, register, to) writes the pieces of a panel's 32 inputs × 32 outputs, to(register) where each register's go.
template <int kWeightPieces, class LayOut>
void multiply_parts(const StripOut& out, const SplitRows& x, const StripPart& part, char* weights, const LayOut& lay_out) {
  const MatrixUnit unit(x.height, 64);
  const int64_t most = part.tiles.end - part.tiles.first <= kFewTiles ? kFewBlocks : kManyBlocks;
  for (int64_t first = part.blocks.first; first < part.blocks.end; first += most) {
    const int64_t count = smaller(most, part.blocks.end - first), register_bytes = count * kWeightPieces * kUnitBytes;
    for (int64_t column = 0; column < out.columns; column += kPanel)
      for (int64_t b = 0; b < count; ++b) lay_out(first + b, column, weights + column / kUnitRows * register_bytes + b * kWeightPieces * kUnitBytes, register_bytes);
    const bool anew = first == part.blocks.first && part.from == StripPart::From::nothing, finished = first + count == x.blocks;
    multiply_rows<kWeightPieces>(out, x, part.tiles, {weights, register_bytes, first, count}, anew, finished);
  }
}

template <int kWeightPieces>
void multiply_forward(const StripOut& out, const SplitRows& x, const StripPart& part, const PackedWeight& weight, int64_t column, char* weights) {
  alignas(64) float square[kUnitDepth * kPanel];
  multiply_parts<kWeightPieces>(out, x, part, weights, [&](int64_t block, int64_t at, char* to, int64_t step) {
    const char* panel = weight.panels + (column + at) / kPanel * weight.panel_bytes;
    const int64_t begin = block * kUnitDepth, end = smaller(x.depth, begin + kUnitDepth);
    if (weight.kind == PanelKind::f32 && end - begin == kUnitDepth) return split_square<kWeightPieces>(reinterpret_cast<const float*>(panel) + begin * kPanel, to, step);
    if (end - begin < kUnitDepth) std::memset(square, 0, sizeof square);
    unpack(weight.kind, panel, begin, end, square);
    split_square<kWeightPieces>(square, to, step);
  });
}

template <int kWeightPieces>
void multiply_backward(const StripOut& out, const SplitRows& dout, const StripPart& part, const PackedWeight& weight, int64_t first_output, int64_t column, char* weights) {
  alignas(64) float square[kUnitDepth * kPanel];
  multiply_parts<kWeightPieces>(out, dout, part, weights, [&](int64_t block, int64_t at, char* to, int64_t step) {
    const int64_t begin = first_output + block * kUnitDepth;
    unpack_transposed(weight, column + at, begin, smaller(weight.rows, begin + kUnitDepth), square);
    split_square<kWeightPieces>(square, to, step);
  });
}

}  // namespace

int64_t strip_scratch() { return kManyBlocks * kPieces * (kStripWidth / kUnitRows) * kUnitBytes / int64_t{sizeof(float)}; }

void multiply_strip(const StripOut& out, const SplitRows& x, const StripPart& part, const PackedWeight& weight, int64_t column, float* scratch) {
  const auto multiply = weight_pieces(weight.kind) == 1 ? multiply_forward<1> : multiply_forward<kPieces>;
  multiply(out, x, part, weight, column, reinterpret_cast<char*>(scratch));
}

void multiply_strip_back(const StripOut& out, const SplitRows& dout, const StripPart& part, const PackedWeight& weight, int64_t first_output, int64_t column, float* scratch) {
  const auto multiply = weight_pieces(weight.kind) == 1 ? multiply_backward<1> : multiply_backward<kPieces>;
  multiply(out, dout, part, weight, first_output, column, reinterpret_cast<char*>(scratch));
}

}  // namespace sdft::SDFT_ISA
