// A panel of 4-bit weights laid out for products in pairs: every quant a byte, beside what the pairs of a column add up to by themselves.
#pragma once
#include "kernels/cpu/digits/digits.h"
#include "kernels/cpu/isa/tile.h"

namespace sdft::SDFT_ISA {

/// Thirty-two inputs of a panel.
struct alignas(64) DigitBlock {
  uint32_t words[8][2 * kLanes];  // word 2r: inputs 8r, 8r + 2 …; word 2r + 1: those between
  uint32_t top_start[2 * kLanes], rest_start[2 * kLanes];  // −Σ of what pairs have too much for their column
  float scale[2 * kLanes];
  float centre[2 * kLanes];       // what the quant in the middle stands for
};
constexpr int64_t kDigitBlockFloats = sizeof(DigitBlock) / sizeof(float);

namespace {

constexpr uint32_t kNibbles = 0x0F0F0F0Fu;

/// Of a packed block: scales and minima (4 bits alone have them), then quants.
template <class Scales, bool kBytes = false>
constexpr int64_t kScaleBytes = (kBytes ? 1 : 2) * kPanel * Scales::kBytes;
template <class Scales, bool kBytes = false>
constexpr int64_t kPackedBlockBytes = kScaleBytes<Scales, kBytes> + kPanel * (kBytes ? 32 : 16);

/// value = scale · (quant − 8) + centre.
template <class Scales>
inline Vec centre_of(const char* block, int j) {
  return fma(Scales::at(block, j * kLanes), broadcast(8.0f), Scales::at(block, j * kLanes + kPanel));
}

template <class Scales, bool kBytes = false>
inline WordVec packed_words(const char* block, int r, int j) {
  return load_words(reinterpret_cast<const uint32_t*>(block + kScaleBytes<Scales, kBytes>) + r * kPanel + j * kLanes);
}

/// out: a block for each of `blocks`.
template <class Scales>
inline void lay_out(const char* panel, int64_t blocks, DigitBlock* out) {
  const WordVec even = broadcast_word(0x01010101u * kEvenBias), odd = broadcast_word(0x01010101u * (kOddBias & 255));
  for (int64_t b = 0; b < blocks; ++b, panel += kPackedBlockBytes<Scales>, ++out) {
    SDFT_UNROLL for (int j = 0; j < 2; ++j) {
      WordVec beyond{};
      SDFT_UNROLL for (int r = 0; r < 4; ++r) {
        const WordVec words = packed_words<Scales>(panel, r, j), first = words & kNibbles, second = (words >> 4) & kNibbles;
        add_products(beyond, first, even);
        add_products(beyond, second, odd);
        add_products(beyond, first, second);
        std::memcpy(out->words[2 * r] + j * kLanes, &first, sizeof first);
        std::memcpy(out->words[2 * r + 1] + j * kLanes, &second, sizeof second);
      }
      const WordVec top = WordVec{} - beyond, rest = top << kLowBits;
      std::memcpy(out->top_start + j * kLanes, &top, sizeof top);
      std::memcpy(out->rest_start + j * kLanes, &rest, sizeof rest);
      store(out->scale + j * kLanes, Scales::at(panel, j * kLanes));
      store(out->centre + j * kLanes, centre_of<Scales>(panel, j));
    }
  }
}

}  // namespace
}  // namespace sdft::SDFT_ISA
