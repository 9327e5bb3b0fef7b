// Floats as three signed digits each, for products with weights of 4 or 8 bits in exact integers. A group of 32 activations of a row is a power of two times integers X, and
// X = (top · 240 + middle) · 256 + low, |top| and |middle| ≤ 120, low in [−128, 127]: nearly 24 bits with the sign. A number of a group
// is off by 1.2 · 2⁻²³ of the largest one at most. What that costs a sum is about what adding up its products in floats costs, unless the largest number meets a weight of zero
// and is a hundred times the others and more: those keep so many places, and no more.
//
// A processor that adds beside multiplying (AMD's) does two products with one multiplication (S. Winograd 1968): (u + q₂)(s + q₁) = u q₁ + s q₂ + u s + q₁ q₂. The last
// two terms depend on the row alone and the column alone, and are taken off the sum of 32. The bytes hold it: u = digit + 120 (unsigned) and s = digit − 8 (signed)
// leave room for quants of 0 … 15. Quants of 8 bits are multiplied one by one.
#pragma once
#include "kernels/cpu/isa/tile.h"
#include "kernels/cpu/packed_weight.h"

namespace sdft::SDFT_ISA {

constexpr int kDigits = 3, kPairedDigits = 2;  // of these the upper two are multiplied in pairs
/// Of the top digit, and of the lowest one as bits.
constexpr int kTopBase = 240, kLowBits = 8;
/// What is added to a digit at an even place and at an odd one.
constexpr int kEvenBias = 120, kOddBias = -8;

/// How a row's digits stand. nibbles, pairs: word 2r of a digit holds those of inputs 8r, 8r + 2, 8r + 4 and 8r + 6, word 2r + 1 those between them, as the halves of 4-bit
/// weights' words do; in pairs those of the upper digits are biased. bytes: word r holds those of inputs 4r … 4r + 3.
enum class DigitForm { nibbles, pairs, bytes };

/// Sums are of quants less 2 to this, so that they are as small as they can be.
constexpr int centre_bits(DigitForm form) { return form == DigitForm::bytes ? 7 : 3; }

/// Thirty-two activations of a row: x ≈ scale · X, scale a power of two.
struct DigitGroup {
  uint32_t digits[kDigits][8];     // top, middle, low
  uint32_t top_start, rest_start;  // what the sums begin with: −centre · Σ digit, and for pairs −Σ u s
  float scale;
  float sum;                       // scale · Σ X: what a minimum multiplies
};

namespace {

/// Per lane: sum += Σ of four bytes without a sign times four with one.
__attribute__((always_inline)) inline void add_products(WordVec& sum, WordVec without_sign, WordVec with_sign) {
  asm("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(without_sign), "v"(with_sign));
}
__attribute__((always_inline)) inline WordVec add_bytes(WordVec a, WordVec b) {
  return reinterpret_cast<WordVec>(_mm512_add_epi8(reinterpret_cast<__m512i>(a), reinterpret_cast<__m512i>(b)));
}
inline WordVec broadcast_word(uint32_t word) { return WordVec{} + word; }

/// Sums of top digits, which fit into 16 bits, at their place above the middle ones.
__attribute__((always_inline)) inline WordVec raise_top(WordVec sums) {
  return reinterpret_cast<WordVec>(_mm512_madd_epi16(reinterpret_cast<__m512i>(sums), _mm512_set1_epi32(kTopBase)));
}

inline float power_of_two(uint32_t exponent_bits) {
  const uint32_t bits = exponent_bits << 23;
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

/// The low bytes of 32 words.
template <DigitForm kForm>
inline __m256i pack_digit(__m512i first, __m512i second) {
  const __m256i order = _mm256_setr_epi8(0, 2, 4, 6, 1, 3, 5, 7, 8, 10, 12, 14, 9, 11, 13, 15, 0, 2, 4, 6, 1, 3, 5, 7, 8, 10, 12, 14, 9, 11, 13, 15);
  const __m256i bytes = _mm256_inserti128_si256(_mm256_castsi128_si256(_mm512_cvtepi32_epi8(first)), _mm512_cvtepi32_epi8(second), 1);
  return kForm == DigitForm::bytes ? bytes : _mm256_shuffle_epi8(bytes, order);
}

/// A group whose numbers are all below 1.76 · 2⁻¹⁰¹ is zero; of a number that is not finite come outputs that are none. From 2¹¹⁵ on sums may overflow that floats would hold.
template <DigitForm kForm>
inline void split_group(const float* from, DigitGroup& out) {
  const Vec x[2] = {load(from), load(from + kLanes)};
  const __m512i magnitude = _mm512_set1_epi32(0x7FFFFFFF);
  // Bits compare as the numbers do, and put NaN above all.
  const int32_t largest = _mm512_reduce_max_epi32(_mm512_max_epi32(_mm512_and_si512(reinterpret_cast<__m512i>(x[0]), magnitude), _mm512_and_si512(reinterpret_cast<__m512i>(x[1]), magnitude)));
  // The exponent, one higher where a number would not fit: X is at most 120 · 240 · 256 = 1.7578125 · 2²².
  const uint32_t exponent = (static_cast<uint32_t>(largest) + 0x001F0000u) >> 23;
  const bool zero = exponent < 27, finite = exponent < 255;
  const float inverse = power_of_two(zero || !finite ? 0 : 127 + 22 + 127 - exponent);
  out.scale = zero ? 0 : finite ? power_of_two(exponent - 22) : NAN;
  __m512i digits[kDigits][2];
  SDFT_UNROLL for (int i = 0; i < 2; ++i) {
    const __m512i whole = _mm512_cvtps_epi32(x[i] * broadcast(inverse)), upper = _mm512_srai_epi32(_mm512_add_epi32(whole, _mm512_set1_epi32(128)), kLowBits);
    digits[0][i] = _mm512_cvtps_epi32(_mm512_cvtepi32_ps(upper) * broadcast(1.0f / kTopBase));
    digits[1][i] = _mm512_sub_epi32(upper, _mm512_madd_epi16(digits[0][i], _mm512_set1_epi32(kTopBase)));
    digits[2][i] = whole;  // its low byte is the digit
  }
  __m256i sums[kDigits], starts[kDigits];  // parts of Σ digit, and of what the sums have too much
  SDFT_UNROLL for (int d = 0; d < kDigits; ++d) {
    __m256i bytes = pack_digit<kForm>(digits[d][0], digits[d][1]);
    sums[d] = _mm256_dpbusd_epi32(_mm256_setzero_si256(), _mm256_set1_epi8(1), bytes);
    starts[d] = _mm256_slli_epi32(sums[d], centre_bits(kForm));
    if (kForm == DigitForm::pairs && d < kPairedDigits) {
      bytes = _mm256_add_epi8(bytes, _mm256_set1_epi64x(static_cast<int64_t>(0xF8F8F8F878787878)));  // even words, odd words
      starts[d] = _mm256_dpbusd_epi32(starts[d], bytes, _mm256_srli_epi64(bytes, 32));                // odd words meet zeros
    }
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out.digits[d]), bytes);
  }
  const auto join = [](__m256i high, __m256i low) { return _mm256_add_epi32(_mm256_slli_epi32(high, kLowBits), low); };
  const __m256i raised = _mm256_madd_epi16(sums[0], _mm256_set1_epi32(kTopBase)), whole = join(_mm256_add_epi32(raised, sums[1]), sums[2]);
  const __m256i totals = _mm256_hadd_epi32(_mm256_hadd_epi32(starts[0], join(starts[1], starts[2])), _mm256_hadd_epi32(whole, whole));
  const __m128i total = _mm_add_epi32(_mm256_castsi256_si128(totals), _mm256_extracti128_si256(totals, 1));
  out.top_start = 0u - static_cast<uint32_t>(_mm_extract_epi32(total, 0));
  out.rest_start = 0u - static_cast<uint32_t>(_mm_extract_epi32(total, 1));
  out.sum = out.scale * static_cast<float>(_mm_extract_epi32(total, 2));
}

}  // namespace
}  // namespace sdft::SDFT_ISA
