#include "kernels/cpu/digits/digit_tile.h"

namespace sdft::SDFT_ISA {
namespace {

inline Vec signed_to_float(WordVec v) { return to_float(reinterpret_cast<IntVec>(v)); }

/// sum += a block's part of an output.
__attribute__((always_inline)) inline void add_block(Vec& sum, WordVec total, const DigitGroup& x, Vec scale, Vec centre) {
  sum = fma(broadcast(x.sum), centre, fma(signed_to_float(total) * broadcast(x.scale), scale, sum));
}

template <int MR>
__attribute__((always_inline)) inline void begin(Vec (&sums)[MR][2], const DigitTile& t) {
  SDFT_UNROLL for (int i = 0; i < MR; ++i)
    SDFT_UNROLL for (int j = 0; j < 2; ++j) sums[i][j] = t.goes_on ? load_part(t.out + i * t.out_row + j * kLanes, lanes_of(t.columns, j)) : Vec{};
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
__attribute__((noinline)) void run_pairs(const DigitTile& t) {
  const auto* block = static_cast<const DigitBlock*>(t.panel);
  const DigitGroup* x = t.x;
  Vec sums[MR][2];
  begin<MR>(sums, t);
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
          const WordVec low = broadcast_word(x[i].digits[2][2 * r + digit]);
          const WordVec even = broadcast_word(x[i].digits[digit][2 * r]), odd = broadcast_word(x[i].digits[digit][2 * r + 1]);
          SDFT_UNROLL for (int j = 0; j < 2; ++j) {
            const WordVec left = add_bytes(even, quants[1][j]), right = add_bytes(odd, quants[0][j]);
            add_products(lowest[i][j], quants[digit][j], low);
            add_products(upper[i][j], left, right);
          }
        }
      }
      SDFT_UNROLL for (int i = 0; i < MR; ++i)
        SDFT_UNROLL for (int j = 0; j < 2; ++j) upper[i][j] = digit == 0 ? raise_top(upper[i][j]) : (upper[i][j] << kLowBits) + lowest[i][j];
    }
    SDFT_UNROLL for (int j = 0; j < 2; ++j) {
      const Vec scale = load(block->scale + j * kLanes), centre = load(block->centre + j * kLanes);
      SDFT_UNROLL for (int i = 0; i < MR; ++i) add_block(sums[i][j], upper[i][j], x[i], scale, centre);
    }
  }
  finish<MR>(sums, t);
}

/// Straight from the packed weights: of 4 bits for rows too few to lay them out for, of 8 bits for all.
template <int MR, class Scales, bool kBytes>
__attribute__((noinline)) void run_packed(const DigitTile& t) {
  const char* block = static_cast<const char*>(t.panel);
  const DigitGroup* x = t.x;
  Vec sums[MR][2];
  begin<MR>(sums, t);
  for (int64_t b = 0; b < t.blocks; ++b, block += kPackedBlockBytes<Scales, kBytes>, x += MR) {
    WordVec totals[kDigits][MR][2];
    SDFT_UNROLL for (int i = 0; i < MR; ++i) SDFT_UNROLL for (int j = 0; j < 2; ++j) {
      totals[0][i][j] = broadcast_word(x[i].top_start);
      totals[1][i][j] = WordVec{};
      totals[2][i][j] = broadcast_word(x[i].rest_start);
    }
    SDFT_UNROLL for (int word = 0; word < 8; ++word) {
      WordVec quants[2];
      SDFT_UNROLL for (int j = 0; j < 2; ++j) {
        const WordVec packed = packed_words<Scales, kBytes>(block, kBytes ? word : word / 2, j);
        quants[j] = kBytes ? packed : (word % 2 == 0 ? packed : packed >> 4) & kNibbles;
      }
      SDFT_UNROLL for (int i = 0; i < MR; ++i)
        SDFT_UNROLL for (int digit = 0; digit < kDigits; ++digit) {
          const WordVec x_word = broadcast_word(x[i].digits[digit][word]);
          SDFT_UNROLL for (int j = 0; j < 2; ++j) add_products(totals[digit][i][j], quants[j], x_word);
        }
    }
    SDFT_UNROLL for (int j = 0; j < 2; ++j) {
      const Vec scale = Scales::at(block, j * kLanes), centre = kBytes ? Vec{} : centre_of<Scales>(block, j);
      SDFT_UNROLL for (int i = 0; i < MR; ++i) {
        const WordVec top = totals[0][i][j], middle = totals[1][i][j], low = totals[2][i][j];
        if constexpr (kBytes) {
          // All three make more than 32 bits.
          const Vec total = fma(signed_to_float(top), broadcast(kTopBase << kLowBits), signed_to_float((middle << kLowBits) + low));
          sums[i][j] = fma(total * broadcast(x[i].scale), scale, sums[i][j]);
        } else {
          add_block(sums[i][j], ((raise_top(top) + middle) << kLowBits) + low, x[i], scale, centre);
        }
      }
    }
  }
  finish<MR>(sums, t);
}

template <class Scales, bool kBytes>
constexpr DigitTileTable packed_tiles() {
  return {{run_packed<1, Scales, kBytes>, run_packed<2, Scales, kBytes>, run_packed<3, Scales, kBytes>, run_packed<4, Scales, kBytes>}};
}

}  // namespace

const DigitTileTable kPairTiles = {{run_pairs<1>, run_pairs<2>, run_pairs<3>, run_pairs<4>}};
const DigitTileTable kNibbleTiles = packed_tiles<FloatScales, false>(), kNarrowNibbleTiles = packed_tiles<NarrowScales, false>();
const DigitTileTable kByteTiles = packed_tiles<FloatScales, true>(), kNarrowByteTiles = packed_tiles<NarrowScales, true>();

}  // namespace sdft::SDFT_ISA
