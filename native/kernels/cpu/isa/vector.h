// The one place that knows an instruction set. Everything under isa/ is compiled once per set, with SDFT_ISA naming its namespace, and written for a Vec
// of kLanes floats (the compilers' vector extension: + − · / << act on each lane). All is in an unnamed namespace, so that no inline function compiled for
// one set can be linked into another. The compiler fuses nothing by itself (-ffp-contract=off): what is fused says fma.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>

#if defined(SDFT_ISA_AVX2) || defined(SDFT_ISA_AVX512)
#include <immintrin.h>
#elif defined(SDFT_ISA_NEON)
#include <arm_neon.h>
#endif

namespace sdft::SDFT_ISA {
namespace {

#if defined(SDFT_ISA_AVX512)
constexpr int kLanes = 16;
constexpr int kTileRows = 14;  // 14 × 2 sums, two vectors of weights and a broadcast: 31 of 32 registers
#elif defined(SDFT_ISA_AVX2)
constexpr int kLanes = 8;
constexpr int kTileRows = 6;  // 6 × 2 + 2 + 1 of 16
#elif defined(SDFT_ISA_NEON)
constexpr int kLanes = 4;
constexpr int kTileRows = 12;  // 32 registers
#else
constexpr int kLanes = 4;
constexpr int kTileRows = 6;
#endif
/// Columns of a packed panel: two vectors.
constexpr int kPanel = 2 * kLanes;

typedef float Vec __attribute__((vector_size(4 * kLanes)));
typedef int32_t IntVec __attribute__((vector_size(4 * kLanes)));
typedef uint32_t WordVec __attribute__((vector_size(4 * kLanes)));

inline Vec load(const float* p) {
  Vec v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
inline WordVec load_words(const uint32_t* p) {
  WordVec v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
/// Half a vector from one place, half from another.
inline Vec load_halves(const float* low, const float* high) {
#if defined(SDFT_ISA_AVX512)
  return reinterpret_cast<Vec>(_mm512_insertf64x4(_mm512_castpd256_pd512(_mm256_loadu_pd(reinterpret_cast<const double*>(low))), _mm256_loadu_pd(reinterpret_cast<const double*>(high)), 1));
#elif defined(SDFT_ISA_AVX2)
  return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(low)), _mm_loadu_ps(high), 1);
#else
  Vec v;
  std::memcpy(&v, low, sizeof v / 2);
  std::memcpy(reinterpret_cast<char*>(&v) + sizeof v / 2, high, sizeof v / 2);
  return v;
#endif
}
inline void store(float* p, Vec v) { std::memcpy(p, &v, sizeof v); }
inline Vec bits_to_float(WordVec v) { return reinterpret_cast<Vec>(v); }
inline Vec to_float(IntVec v) { return __builtin_convertvector(v, Vec); }

#if defined(SDFT_ISA_AVX512)
inline Vec broadcast(float x) { return _mm512_set1_ps(x); }
inline __mmask16 first_lanes(int count) { return static_cast<__mmask16>((1u << count) - 1u); }
/// The first `count` lanes from memory, zeros after; nothing beyond is read.
inline Vec load_first(const float* p, int count) { return _mm512_maskz_loadu_ps(first_lanes(count), p); }
inline void store_first(float* p, Vec v, int count) { _mm512_mask_storeu_ps(p, first_lanes(count), v); }
/// a · b + c, rounded once (twice on `plain`).
inline Vec fma(Vec a, Vec b, Vec c) { return _mm512_fmadd_ps(a, b, c); }
inline Vec max(Vec a, Vec b) { return _mm512_max_ps(a, b); }
inline Vec min(Vec a, Vec b) { return _mm512_min_ps(a, b); }
inline Vec sqrt(Vec a) { return _mm512_sqrt_ps(a); }
/// value where a ≥ b, else 0.
inline Vec where_at_least(Vec a, Vec b, Vec value) { return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(a, b, _CMP_GE_OQ), value); }
/// Of all lanes, always in the same order.
inline float sum(Vec v) { return _mm512_reduce_add_ps(v); }
inline float largest(Vec v) { return _mm512_reduce_max_ps(v); }
/// The low four bits of each lane as a float, by table: the permutation reads just those bits.
inline Vec low_nibble(WordVec v) {
  const __m512 values = _mm512_setr_ps(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  return _mm512_permutexvar_ps(reinterpret_cast<__m512i>(v), values);
}
#elif defined(SDFT_ISA_AVX2)
inline Vec broadcast(float x) { return _mm256_set1_ps(x); }
inline __m256i first_lanes(int count) {
  const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(count), lanes);
}
inline Vec load_first(const float* p, int count) { return _mm256_maskload_ps(p, first_lanes(count)); }
inline void store_first(float* p, Vec v, int count) { _mm256_maskstore_ps(p, first_lanes(count), v); }
inline Vec fma(Vec a, Vec b, Vec c) { return _mm256_fmadd_ps(a, b, c); }
inline Vec max(Vec a, Vec b) { return _mm256_max_ps(a, b); }
inline Vec min(Vec a, Vec b) { return _mm256_min_ps(a, b); }
inline Vec sqrt(Vec a) { return _mm256_sqrt_ps(a); }
inline Vec where_at_least(Vec a, Vec b, Vec value) { return _mm256_and_ps(_mm256_cmp_ps(a, b, _CMP_GE_OQ), value); }
inline float sum(Vec v) {
  __m128 half = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  half = _mm_add_ps(half, _mm_movehl_ps(half, half));
  return _mm_cvtss_f32(_mm_add_ss(half, _mm_movehdup_ps(half)));
}
inline float largest(Vec v) {
  __m128 half = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  half = _mm_max_ps(half, _mm_movehl_ps(half, half));
  return _mm_cvtss_f32(_mm_max_ss(half, _mm_movehdup_ps(half)));
}
inline Vec low_nibble(WordVec v) { return to_float(reinterpret_cast<IntVec>(v & 15u)); }
#else
inline Vec broadcast(float x) { return Vec{x, x, x, x}; }
inline Vec load_first(const float* p, int count) {
  Vec v{};
  for (int i = 0; i < count; ++i) v[i] = p[i];
  return v;
}
inline void store_first(float* p, Vec v, int count) {
  for (int i = 0; i < count; ++i) p[i] = v[i];
}
#if defined(SDFT_ISA_NEON)
inline Vec fma(Vec a, Vec b, Vec c) { return vfmaq_f32(c, a, b); }
inline Vec sqrt(Vec a) { return vsqrtq_f32(a); }
#else
inline Vec fma(Vec a, Vec b, Vec c) { return a * b + c; }
inline Vec sqrt(Vec a) {
  for (int i = 0; i < kLanes; ++i) a[i] = __builtin_sqrtf(a[i]);
  return a;
}
#endif
inline Vec max(Vec a, Vec b) { return a > b ? a : b; }
inline Vec min(Vec a, Vec b) { return a < b ? a : b; }
inline Vec where_at_least(Vec a, Vec b, Vec value) { return a >= b ? value : Vec{}; }
inline float sum(Vec v) { return (v[0] + v[2]) + (v[1] + v[3]); }
inline float largest(Vec v) {
  const float a = v[0] > v[1] ? v[0] : v[1], b = v[2] > v[3] ? v[2] : v[3];
  return a > b ? a : b;
}
inline Vec low_nibble(WordVec v) { return to_float(reinterpret_cast<IntVec>(v & 15u)); }
#endif

/// sum = a · b + sum, as fma. In inner loops: the compiler, left to choose where the sum goes, moves it about and spills.
__attribute__((always_inline)) inline void accumulate(Vec& sum, Vec a, Vec b) {
#if defined(SDFT_ISA_AVX512)
  asm("vfmadd231ps %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b));
#elif defined(SDFT_ISA_AVX2)
  asm("vfmadd231ps %2, %1, %0" : "+x"(sum) : "x"(a), "x"(b));
#else
  sum = fma(a, b, sum);
#endif
}

/// sum = a · x + sum. AVX-512 broadcasts within the instruction: a core whose front end another thread shares lacks instructions before it lacks multiplications.
__attribute__((always_inline)) inline void accumulate_scaled(Vec& sum, Vec a, const float& x) {
#if defined(SDFT_ISA_AVX512)
  asm("vfmadd231ps %2%{1to16%}, %1, %0" : "+v"(sum) : "v"(a), "m"(x));
#else
  accumulate(sum, broadcast(x), a);
#endif
}

/// The lowest byte of each lane, 0 … 255, as a float.
inline Vec low_byte(WordVec v) { return to_float(reinterpret_cast<IntVec>(v & 255u)); }
/// The low 16 bits of each lane as a finite half-precision number: its bits at their place in a float, times 2¹¹² for the other exponent. Exact.
inline Vec low_half(WordVec v) {
  const Vec magnitude = bits_to_float((v & 0x7FFFu) << 13) * broadcast(5.192296858534828e33f);
  return bits_to_float(reinterpret_cast<WordVec>(magnitude) | ((v & 0x8000u) << 16));
}

/// kLanes numbers in half precision as floats, infinities and NaN included. Exact.
inline Vec load_f16(const uint16_t* p) {
#if defined(SDFT_ISA_AVX512)
  return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
#elif defined(SDFT_ISA_AVX2)
  return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
#elif defined(SDFT_ISA_NEON)
  return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p)));
#else
  typedef uint16_t Halves __attribute__((vector_size(2 * kLanes)));
  Halves halves;
  std::memcpy(&halves, p, sizeof halves);
  const WordVec words = __builtin_convertvector(halves, WordVec);
  const WordVec beyond = reinterpret_cast<WordVec>((words & 0x7C00u) == 0x7C00u) & 0x7F800000u;
  return bits_to_float(reinterpret_cast<WordVec>(low_half(words)) | beyond);
#endif
}

/// The nearest numbers in half precision, ties to even; beyond its range its largest, so that no infinity arises. NaN stays NaN.
inline void store_f16(uint16_t* p, Vec v) {
  const Vec largest = broadcast(65504.0f);
  v = max(Vec{} - largest, min(largest, v));  // the second is taken where either is NaN
#if defined(SDFT_ISA_AVX512)
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
#elif defined(SDFT_ISA_AVX2)
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
#elif defined(SDFT_ISA_NEON)
  vst1_u16(p, vreinterpret_u16_f16(vcvt_f16_f32(v)));
#else
  const WordVec bits = reinterpret_cast<WordVec>(v);
  for (int i = 0; i < kLanes; ++i) {
    const uint32_t sign = (bits[i] & 0x80000000u) >> 16, magnitude = bits[i] & 0x7FFFFFFFu, exponent = magnitude >> 23;
    // Below the least normal number halves are multiples of 2⁻²⁴; the shift leaves as many of those.
    const uint32_t mantissa = exponent < 113 ? (magnitude & 0x7FFFFFu) | 0x800000u : magnitude - (112u << 23), shift = exponent < 113 ? 126 - exponent : 13;
    const uint32_t rounded = shift > 25 ? 0 : (mantissa + (1u << (shift - 1)) - 1u + ((mantissa >> shift) & 1u)) >> shift;
    p[i] = static_cast<uint16_t>(sign | (magnitude > 0x7F800000u ? 0x7E00u : rounded));
  }
#endif
}

/// Lanes of vector `index` of a row of `columns` that are inside it: 0 … kLanes.
inline int lanes_of(int64_t columns, int64_t index) {
  const int64_t left = columns - index * kLanes;
  return left >= kLanes ? kLanes : left > 0 ? static_cast<int>(left) : 0;
}
inline Vec load_part(const float* p, int lanes) { return lanes == kLanes ? load(p) : load_first(p, lanes); }
inline void store_part(float* p, Vec v, int lanes) {
  if (lanes == kLanes)
    store(p, v);
  else
    store_first(p, v, lanes);
}

inline int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
inline int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }
inline int64_t round_up(int64_t count, int64_t unit) { return (count + unit - 1) / unit * unit; }
constexpr int64_t parts(int64_t count, int64_t unit) { return (count + unit - 1) / unit; }

}  // namespace
}  // namespace sdft::SDFT_ISA
