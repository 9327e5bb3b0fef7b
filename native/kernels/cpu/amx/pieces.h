// Floats for a unit that multiplies bfloat16: a float is the exact sum of three pieces of 8 significant bits each, largest first, and a product of floats the
// sum of the products of their pieces. Of nine products the three smallest are left out: 2⁻²⁴ of the whole on average and never 2⁻²¹. Weights stored as bfloat16
// are one piece. Under 2⁻¹¹⁰ the last piece is lost, which the unit takes for zero, and an infinity becomes a number that is none.
// Within a block of 32 inputs, word j holds inputs j (low half) and j + 16: in x as in weights, so that no bytes are moved about.
#pragma once
#include "kernels/cpu/amx/matrix_unit.h"
#include "kernels/cpu/isa/panels.h"

namespace sdft::SDFT_ISA {
namespace {

/// Pieces of a float; those of weights by how they are stored.
constexpr int kPieces = 3;
constexpr int weight_pieces(cpu::PanelKind kind) { return kind == cpu::PanelKind::bf16 ? 1 : kPieces; }

constexpr uint32_t kUpper = 0xFFFF0000u;

/// The first kCount pieces of both, paired. What remains is exact: a piece holds the leading bits as they are.
template <int kCount>
__attribute__((always_inline)) inline void split_pair(Vec low, Vec high, WordVec (&pieces)[kCount]) {
  SDFT_UNROLL for (int p = 0; p < kCount; ++p) {
    const WordVec low_bits = reinterpret_cast<WordVec>(low) & kUpper, high_bits = reinterpret_cast<WordVec>(high) & kUpper;
    pieces[p] = (low_bits >> 16) | high_bits;
    low -= bits_to_float(low_bits);
    high -= bits_to_float(high_bits);
  }
}

inline void store_words(char* to, WordVec words) { std::memcpy(to, &words, sizeof words); }

}  // namespace

/// Two registers lie side by side in memory, whatever is multiplied: bytes from a piece of them to the next, and of a block with all pieces.
constexpr int64_t kPieceStep = 2 * kUnitBytes;
constexpr int64_t block_bytes(int pieces) { return pieces * kPieceStep; }

/// Rows of x in pieces, cut into registers: [pair of tiles][block of 32 inputs][piece][tile][row]. Rows are shared out evenly, so that few are computed in vain.
struct SplitRows {
  int64_t rows, depth, tiles, height, blocks;
  char* data;

  SplitRows(int64_t row_count, int64_t columns)
      : rows(row_count), depth(columns), tiles(parts(rows, kUnitRows)), height(parts(rows, larger(1, tiles))), blocks(parts(depth, kUnitDepth)), data(nullptr) {}

  /// Floats of memory that they take.
  int64_t floats() const { return parts(tiles, 2) * blocks * block_bytes(kPieces) / int64_t{sizeof(float)}; }
  void place(float* memory) { data = reinterpret_cast<char*>(memory); }
  int64_t row(int64_t tile) const { return smaller(rows, tile * height); }
  char* at(int64_t tile, int64_t block) const { return data + (tile / 2 * blocks + block) * block_bytes(kPieces) + tile % 2 * kUnitBytes; }

  /// Columns [column, column + count) of a row of one tile; column a multiple of 32.
  void put(int64_t tile, int64_t i, int64_t column, int64_t count, const float* from) const {
    for (int64_t c = 0; c < count; c += kUnitDepth, from += kUnitDepth) {
      WordVec pieces[kPieces];
      split_pair(load_part(from, lanes_of(count - c, 0)), load_part(from + kLanes, lanes_of(count - c, 1)), pieces);
      store_row(tile, i, (column + c) / kUnitDepth, pieces);
    }
  }
  /// The rows that a tile has less than its height.
  void put_zeros(int64_t tile) const {
    const WordVec nothing[kPieces] = {};
    for (int64_t i = row(tile + 1) - row(tile); i < height; ++i)
      for (int64_t b = 0; b < blocks; ++b) store_row(tile, i, b, nothing);
  }

 private:
  void store_row(int64_t tile, int64_t i, int64_t block, const WordVec (&pieces)[kPieces]) const {
    char* to = at(tile, block) + i * 64;
    SDFT_UNROLL for (int p = 0; p < kPieces; ++p) store_words(to + p * kPieceStep, pieces[p]);
  }
};

namespace {

/// A square of 32 inputs × 32 outputs of floats (rows of kPanel) as a block of pieces of two registers: inputs [first, end) and those 16 further on.
template <int kCount>
inline void split_square(const float* square, int first, int end, char* to) {
  for (int j = first; j < end; ++j) {
    SDFT_UNROLL for (int half = 0; half < 2; ++half) {
      WordVec pieces[kCount];
      split_pair(load(square + j * kPanel + half * kLanes), load(square + (j + kLanes) * kPanel + half * kLanes), pieces);
      SDFT_UNROLL for (int p = 0; p < kCount; ++p) store_words(to + p * kPieceStep + half * kUnitBytes + j * 64, pieces[p]);
    }
  }
}

}  // namespace
}  // namespace sdft::SDFT_ISA
