#include "kernels/cpu/digits/digit_tile.h"

namespace sdft::SDFT_ISA {
namespace {

/// sums += a block's part of the outputs.
template <int MR>
__attribute__((always_inline)) inline void add_block(Vec (&sums)[MR][2], const WordVec (&totals)[MR][2], const DigitGroup* x, const Vec (&scale)[2], const Vec (&centre)[2]) {
  SDFT_UNROLL for (int j = 0; j < 2; ++j) {
    SDFT_UNROLL for (int i = 0; i < MR; ++i) {
      const Vec product = to_float(reinterpret_cast<IntVec>(totals[i][j])) * broadcast(x[i].scale);
      sums[i][j] = fma(broadcast(x[i].sum), centre[j], fma(product, scale[j], sums[i][j]));
    }
  }
}

template <int MR>
__attribute__((always_inline)) inline void finish(const Vec (&sums)[MR][2], const DigitTile& t) {
  SDFT_UNROLL for (int j = 0; j < 2; ++j) {
    const int lanes = lanes_of(t.columns, j);
    const Vec bias = t.bias == nullptr ? Vec{} : load_part(t.bias + j * kLanes, lanes);
    SDFT_UNROLL for (int i = 0; i < MR; ++i) store_part(t.out + i * t.out_row + j * kLanes, t.bias == nullptr ? sums[i][j] : sums[i][j] + bias, lanes);
  }
}

/// Two products with one multiplication in the upper digits. The lowest digit is multiplied alone, at the same time: it needs no additions, which otherwise are what
/// there is most of.
template <int MR>
__attribute__((noinline)) void run_paired(const DigitTile& t) {
  const auto* block = static_cast<const DigitBlock*>(t.panel);
  const DigitGroup* x = t.x;
  Vec sums[MR][2] = {};
  for (int64_t b = 0; b < t.blocks; ++b, ++block, x += MR) {
    WordVec upper[MR][2], lowest[MR][2];
    SDFT_UNROLL for (int j = 0; j < 2; ++j) {
      const WordVec top = load_words(block->top_start + j * kLanes), rest = load_words(block->rest_start + j * kLanes);
      SDFT_UNROLL for (int i = 0; i < MR; ++i) {
        upper[i][j] = top + broadcast_word(x[i].top_start);
        lowest[i][j] = rest + broadcast_word(x[i].rest_start);
      }
    }
    SDFT_UNROLL for (int digit = 0; digit < kPairedDigits; ++digit) {
      SDFT_UNROLL for (int r = 0; r < 4; ++r) {
        WordVec quants[2][2];
        SDFT_UNROLL for (int half = 0; half < 2; ++half)
          SDFT_UNROLL for (int j = 0; j < 2; ++j) quants[half][j] = load_words(block->words[2 * r + half] + j * kLanes);
        SDFT_UNROLL for (int i = 0; i < MR; ++i) {
          const WordVec even = broadcast_word(x[i].digits[digit][2 * r]), odd = broadcast_word(x[i].digits[digit][2 * r + 1]);
          SDFT_UNROLL for (int j = 0; j < 2; ++j) {
            const WordVec left = add_bytes(even, quants[1][j]), right = add_bytes(odd, quants[0][j]);
            add_products_of(lowest[i][j], quants[digit][j], x[i].digits[2][2 * r + digit]);
            add_products(upper[i][j], left, right);
          }
        }
      }
      SDFT_UNROLL for (int i = 0; i < MR; ++i)
        SDFT_UNROLL for (int j = 0; j < 2; ++j) upper[i][j] = digit == 0 ? raise_top(upper[i][j]) : (upper[i][j] << kLowBits) + lowest[i][j];
    }
    Vec scale[2], centre[2];
    SDFT_UNROLL for (int j = 0; j < 2; ++j) {
      scale[j] = load(block->scale + j * kLanes);
      centre[j] = load(block->centre + j * kLanes);
    }
    add_block<MR>(sums, upper, x, scale, centre);
  }
  finish<MR>(sums, t);
}

/// Straight from the packed weights, for rows too few to lay them out for.
template <int MR, class Scales>
__attribute__((noinline)) void run_plain(const DigitTile& t) {
  const char* block = static_cast<const char*>(t.panel);
  const DigitGroup* x = t.x;
  Vec sums[MR][2] = {};
  for (int64_t b = 0; b < t.blocks; ++b, block += kPackedBlockBytes<Scales>, x += MR) {
    WordVec totals[kDigits][MR][2];
    SDFT_UNROLL for (int i = 0; i < MR; ++i) SDFT_UNROLL for (int j = 0; j < 2; ++j) {
      totals[0][i][j] = broadcast_word(x[i].top_start);
      totals[1][i][j] = WordVec{};
      totals[2][i][j] = broadcast_word(x[i].rest_start);
    }
    SDFT_UNROLL for (int r = 0; r < 4; ++r) {
      SDFT_UNROLL for (int j = 0; j < 2; ++j) {
        const WordVec words = load_words(packed_words(block, Scales::kBytes, r, j)), quants[2] = {words & kNibbles, (words >> 4) & kNibbles};
        SDFT_UNROLL for (int half = 0; half < 2; ++half)
          SDFT_UNROLL for (int i = 0; i < MR; ++i)
            SDFT_UNROLL for (int digit = 0; digit < kDigits; ++digit) add_products_of(totals[digit][i][j], quants[half], x[i].digits[digit][2 * r + half]);
      }
    }
    Vec scale[2], centre[2];
    SDFT_UNROLL for (int j = 0; j < 2; ++j) {
      scale[j] = Scales::at(block, j * kLanes);
      centre[j] = centre_of<Scales>(block, j);
      SDFT_UNROLL for (int i = 0; i < MR; ++i) totals[0][i][j] = ((raise_top(totals[0][i][j]) + totals[1][i][j]) << kLowBits) + totals[2][i][j];
    }
    add_block<MR>(sums, totals[0], x, scale, centre);
  }
  finish<MR>(sums, t);
}

}  // namespace

const DigitTileTable kPairedTiles = {{run_paired<1>, run_paired<2>, run_paired<3>, run_paired<4>}};
const DigitTileTable kPlainTiles = {{run_plain<1, FloatScales>, run_plain<2, FloatScales>, run_plain<3, FloatScales>, run_plain<4, FloatScales>}};
const DigitTileTable kPlainNarrowTiles = {{run_plain<1, NarrowScales>, run_plain<2, NarrowScales>, run_plain<3, NarrowScales>, run_plain<4, NarrowScales>}};

}  // namespace sdft::SDFT_ISA
