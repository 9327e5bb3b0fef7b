// Products of bytes: per lane, four weights (0 … 255) times four activations (−127 … 127), summed exactly in integers. Which instructions do it is all that
// this file knows; the sums are the same everywhere.
#pragma once
#include "kernels/cpu/isa/vector.h"

namespace sdft::SDFT_ISA {
namespace {

#if defined(SDFT_ISA_AVX512VNNI)
constexpr int kIntegerRows = 6;  // 6 × 2 sums of bytes and as many floats, weights and a broadcast: 28 of 32 registers
#elif defined(SDFT_ISA_AVX512)
constexpr int kIntegerRows = 4;
#elif defined(SDFT_ISA_AVX2)
constexpr int kIntegerRows = 6;  // 6 × 2 sums of bytes, two vectors of weights, a broadcast and a product: all 16 registers; the floats stay in memory
#elif defined(SDFT_ISA_NEON)
constexpr int kIntegerRows = 6;
#else
constexpr int kIntegerRows = 4;
#endif
/// Whether 4-bit weights are laid out as bytes for many rows: so few registers hold the sums alone, and each tile would take the quants apart again for every use.
constexpr bool kLaysOut = kLanes == 8;

/// The lanes of 32 integers in [−128, 127] as bytes.
inline void store_bytes(const IntVec (&from)[32 / kLanes], int8_t* out) {
#if defined(SDFT_ISA_AVX2)
  // Packing takes turns between the halves of its operands.
  const auto vector = [&](int i) { return reinterpret_cast<__m256i>(from[i]); };
  const __m256i packed = _mm256_packs_epi16(_mm256_packs_epi32(vector(0), vector(1)), _mm256_packs_epi32(vector(2), vector(3)));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), _mm256_permutevar8x32_epi32(packed, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7)));
#else
  typedef int8_t Narrow __attribute__((vector_size(kLanes)));
  for (int i = 0; i < 32 / kLanes; ++i) {
    const Narrow bytes = __builtin_convertvector(from[i], Narrow);
    std::memcpy(out + i * kLanes, &bytes, sizeof bytes);
  }
#endif
}

inline WordVec broadcast_word(uint32_t word) { return WordVec{} + word; }

/// Sums of one block of 32 inputs at most, begun with `start`. kBytes: weights fill a byte, else at most half of one.
template <bool kBytes>
struct Sums;

#if defined(SDFT_ISA_AVX512VNNI)

template <bool kBytes>
struct Sums {
  __m512i sum;
  __attribute__((always_inline)) void start(WordVec weights, WordVec activations) {
    sum = _mm512_setzero_si512();
    add(weights, activations);
  }
  __attribute__((always_inline)) void add(WordVec weights, WordVec activations) {
    sum = _mm512_dpbusd_epi32(sum, reinterpret_cast<__m512i>(weights), reinterpret_cast<__m512i>(activations));
  }
  __attribute__((always_inline)) IntVec total() const { return reinterpret_cast<IntVec>(sum); }
};

#elif defined(SDFT_ISA_AVX512) || defined(SDFT_ISA_AVX2)

#if defined(SDFT_ISA_AVX512)
typedef __m512i Bytes;
inline Bytes multiply_pairs(Bytes weights, Bytes activations) { return _mm512_maddubs_epi16(weights, activations); }
inline Bytes add_pairs(Bytes a, Bytes b) { return _mm512_add_epi16(a, b); }
inline Bytes weigh_pairs(Bytes pairs, int16_t weight) { return _mm512_madd_epi16(pairs, _mm512_set1_epi16(weight)); }
#define SDFT_VECTOR_REGISTER "+v"
#else
typedef __m256i Bytes;
inline Bytes multiply_pairs(Bytes weights, Bytes activations) { return _mm256_maddubs_epi16(weights, activations); }
inline Bytes add_pairs(Bytes a, Bytes b) { return _mm256_add_epi16(a, b); }
inline Bytes weigh_pairs(Bytes pairs, int16_t weight) { return _mm256_madd_epi16(pairs, _mm256_set1_epi16(weight)); }
#define SDFT_VECTOR_REGISTER "+x"
#endif

/// 16-bit sums: a pair of products is at most 2 · 15 · 127, and eight of those fit.
template <>
struct Sums<false> {
  Bytes pairs;
  __attribute__((always_inline)) void start(WordVec weights, WordVec activations) { hold(product(weights, activations)); }
  __attribute__((always_inline)) void add(WordVec weights, WordVec activations) { hold(add_pairs(pairs, product(weights, activations))); }
  __attribute__((always_inline)) IntVec total() const { return reinterpret_cast<IntVec>(weigh_pairs(pairs, 1)); }

 private:
  __attribute__((always_inline)) static Bytes product(WordVec weights, WordVec activations) {
    return multiply_pairs(reinterpret_cast<Bytes>(weights), reinterpret_cast<Bytes>(activations));
  }
  /// Free to add in any order, the compiler makes all products first and runs out of registers for them: two thirds of the speed.
  __attribute__((always_inline)) void hold(Bytes sum) {
    pairs = sum;
    asm volatile("" : SDFT_VECTOR_REGISTER(pairs));
  }
};

/// A byte is two halves of 4 bits, each summed as above.
template <>
struct Sums<true> {
  Sums<false> low, high;
  __attribute__((always_inline)) void start(WordVec weights, WordVec activations) {
    low.start(weights & 0x0F0F0F0Fu, activations);
    high.start((weights >> 4) & 0x0F0F0F0Fu, activations);
  }
  __attribute__((always_inline)) void add(WordVec weights, WordVec activations) {
    low.add(weights & 0x0F0F0F0Fu, activations);
    high.add((weights >> 4) & 0x0F0F0F0Fu, activations);
  }
  __attribute__((always_inline)) IntVec total() const { return low.total() + reinterpret_cast<IntVec>(weigh_pairs(high.pairs, 16)); }
};

#elif defined(SDFT_ISA_NEON) && defined(__ARM_FEATURE_DOTPROD)

/// sdot multiplies signed bytes: weights that fill a byte are taken less 128, and 128 activations put back.
template <bool kBytes>
struct Sums {
  int32x4_t sum;
  __attribute__((always_inline)) void start(WordVec weights, WordVec activations) {
    sum = vdupq_n_s32(0);
    add(weights, activations);
  }
  __attribute__((always_inline)) void add(WordVec weights, WordVec activations) {
    const int8x16_t a = reinterpret_cast<int8x16_t>(activations);
    if (kBytes) {
      sum = vdotq_s32(sum, reinterpret_cast<int8x16_t>(weights ^ 0x80808080u), a);
      // 128 a = 2 · 64 a
      sum = vdotq_s32(vdotq_s32(sum, vdupq_n_s8(64), a), vdupq_n_s8(64), a);
    } else {
      sum = vdotq_s32(sum, reinterpret_cast<int8x16_t>(weights), a);
    }
  }
  __attribute__((always_inline)) IntVec total() const { return reinterpret_cast<IntVec>(sum); }
};

#else

template <bool kBytes>
struct Sums {
  IntVec sum;
  __attribute__((always_inline)) void start(WordVec weights, WordVec activations) {
    sum = IntVec{};
    add(weights, activations);
  }
  __attribute__((always_inline)) void add(WordVec weights, WordVec activations) {
    const IntVec a = reinterpret_cast<IntVec>(activations);
    sum += reinterpret_cast<IntVec>(weights & 255u) * ((a << 24) >> 24);
    sum += reinterpret_cast<IntVec>((weights >> 8) & 255u) * ((a << 16) >> 24);
    sum += reinterpret_cast<IntVec>((weights >> 16) & 255u) * ((a << 8) >> 24);
    sum += reinterpret_cast<IntVec>(weights >> 24) * (a >> 24);
  }
  __attribute__((always_inline)) IntVec total() const { return sum; }
};

#endif

}  // namespace
}  // namespace sdft::SDFT_ISA
