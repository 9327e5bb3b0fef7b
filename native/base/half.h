// Half precision and rounding to few bits, shared by what reads and what makes quantised blocks.
#pragma once
#include <cstdint>
#include <cstring>

namespace sdft {

inline float float_of_bits(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

inline uint32_t bits_of_float(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

/// IEEE half precision, subnormals, infinities and NaN included.
inline float from_f16(uint16_t half) {
  const uint32_t sign = (half & 0x8000u) << 16, exponent = (half >> 10) & 31u, mantissa = half & 1023u;
  if (exponent == 0) {  // mantissa · 2^−24, exact in float
    const float magnitude = static_cast<float>(mantissa) * (1.0f / 16777216.0f);
    return sign ? -magnitude : magnitude;
  }
  if (exponent == 31) return float_of_bits(sign | 0x7F800000u | (mantissa << 13));
  return float_of_bits(sign | ((exponent + 112u) << 23) | (mantissa << 13));
}

/// The same from bytes, which need not be aligned.
inline float load_f16(const uint8_t* bytes) {
  uint16_t half;
  std::memcpy(&half, bytes, sizeof half);
  return from_f16(half);
}

/// The nearest in half precision, ties to even; beyond its range its largest number, so that no infinity arises. NaN stays NaN.
inline uint16_t to_f16(float value) {
  const uint32_t bits = bits_of_float(value), sign = (bits & 0x80000000u) >> 16, magnitude = bits & 0x7FFFFFFFu;
  constexpr uint32_t kInfinity = 0x7F800000u, kLargest = 0x477FE000u, kLeastNormal = 0x38800000u, kHalfOfLeast = 0x33000000u;
  if (magnitude > kInfinity) return static_cast<uint16_t>(sign | 0x7E00u);
  if (magnitude >= kLargest) return static_cast<uint16_t>(sign | 0x7BFFu);
  if (magnitude <= kHalfOfLeast) return static_cast<uint16_t>(sign);
  if (magnitude >= kLeastNormal) return static_cast<uint16_t>(sign | ((magnitude - (112u << 23) + 0xFFFu + ((magnitude >> 13) & 1u)) >> 13));
  // A multiple of 2^−24.
  const uint32_t mantissa = (magnitude & 0x7FFFFFu) | 0x800000u, shift = 126u - (magnitude >> 23);
  return static_cast<uint16_t>(sign | ((mantissa + (1u << (shift - 1)) - 1u + ((mantissa >> shift) & 1u)) >> shift));
}

/// A finite value rounded to 11 significant bits (those of half precision, without its narrow range), ties to even.
inline float round_to_11_bits(float value) {
  uint32_t bits = bits_of_float(value);
  bits = (bits + 0xFFFu + ((bits >> 13) & 1u)) & 0xFFFFE000u;
  return float_of_bits(bits);
}

}  // namespace sdft
