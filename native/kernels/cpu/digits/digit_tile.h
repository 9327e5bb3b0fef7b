// The inner kernels: some rows of digits × a panel of weights, 32 inputs after 32 inputs. A block's sum is exact, whichever way it is made, and an output one float sum over
// the blocks in their order: few rows and many have the same bits.
#pragma once
#include "kernels/cpu/digits/digit_panel.h"

namespace sdft::SDFT_ISA {

/// Rows of a tile: 4 × 2 sums in pairs and as many of single products, weights and what is added: 24 to 32 registers.
constexpr int kDigitRows = 4;

/// Of a chunk of inputs: out[i][j] = (out[i][j] +) Σ_blocks scale_i · (scale_j · Σ X (quant_j − 8)) + sum_i · centre_j (+ bias[j]); of 8 bits
/// scale_i · (scale_j · Σ X (quant_j − 128)).
struct DigitTile {
  const DigitGroup* x;  // [block][rows of the tile]
  int64_t blocks;       // of a chunk
  bool goes_on;         // out holds the sums over the chunks before
  const void* panel;    // DigitBlocks for pairs, else as it is packed
  float* out;
  int64_t out_row;
  int64_t columns;      // the rest is neither read nor written
  const float* bias;    // with the last chunk, or null
};

using DigitTileFunction = void (*)(const DigitTile&);

/// For 1 … kDigitRows rows.
struct DigitTileTable {
  DigitTileFunction rows[kDigitRows];
};
extern const DigitTileTable kPairTiles, kNibbleTiles, kNarrowNibbleTiles, kByteTiles, kNarrowByteTiles;

}  // namespace sdft::SDFT_ISA
