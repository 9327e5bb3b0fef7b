// Block layouts are ggml's (ggml-common.h, ggml-quants.c): little-endian, a half-precision scale (and minimum) per block of 32 or per 256 with 6-bit
// sub-scales. In a block of 32 with 4-bit quants, byte j holds element j in its low half and element j + 16 in its high half.
#include "base/dtype.h"

#include <cstring>

#include "base/error.h"

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "Model files are little-endian and are read in place: a big-endian processor is not supported."
#endif

namespace sdft {
namespace {

struct Format {
  DType type;
  const char* name;
  int64_t elements, bytes;
};

constexpr Format kFormats[] = {  // in the order of DType
    {DType::f32, "f32", 1, 4},        {DType::bf16, "bf16", 1, 2},      {DType::f16, "f16", 1, 2},        {DType::q4_0, "q4_0", 32, 18},
    {DType::q4_1, "q4_1", 32, 20},    {DType::q5_0, "q5_0", 32, 22},    {DType::q5_1, "q5_1", 32, 24},    {DType::q8_0, "q8_0", 32, 34},
    {DType::q4_k, "q4_k", 256, 144},  {DType::q5_k, "q5_k", 256, 176},  {DType::q6_k, "q6_k", 256, 210},
};

const Format& format_of(DType type) { return kFormats[static_cast<int>(type)]; }

float float_of_bits(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

uint16_t load_u16(const uint8_t* bytes) {
  uint16_t value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

uint32_t load_u32(const uint8_t* bytes) {
  uint32_t value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

float load_bf16(const uint8_t* bytes) { return float_of_bits(uint32_t{load_u16(bytes)} << 16); }

/// IEEE half precision, subnormals, infinities and NaN included.
float load_f16(const uint8_t* bytes) {
  const uint32_t half = load_u16(bytes);
  const uint32_t sign = (half & 0x8000u) << 16, exponent = (half >> 10) & 31u, mantissa = half & 1023u;
  if (exponent == 0) {  // mantissa · 2^−24, exact in float
    const float magnitude = static_cast<float>(mantissa) * (1.0f / 16777216.0f);
    return sign ? -magnitude : magnitude;
  }
  if (exponent == 31) return float_of_bits(sign | 0x7F800000u | (mantissa << 13));
  return float_of_bits(sign | ((exponent + 112u) << 23) | (mantissa << 13));
}

void decode_q4_0(const uint8_t* block, float* out) {
  const float scale = load_f16(block);
  const uint8_t* quants = block + 2;
  for (int j = 0; j < 16; ++j) {
    out[j] = scale * static_cast<float>((quants[j] & 15) - 8);
    out[j + 16] = scale * static_cast<float>((quants[j] >> 4) - 8);
  }
}

void decode_q4_1(const uint8_t* block, float* out) {
  const float scale = load_f16(block), minimum = load_f16(block + 2);
  const uint8_t* quants = block + 4;
  for (int j = 0; j < 16; ++j) {
    out[j] = scale * static_cast<float>(quants[j] & 15) + minimum;
    out[j + 16] = scale * static_cast<float>(quants[j] >> 4) + minimum;
  }
}

/// The fifth bit of element j is bit j of a 32-bit word in front of the quants.
int fifth_bit(uint32_t high_bits, int element) { return static_cast<int>((high_bits >> element) & 1u) << 4; }

void decode_q5_0(const uint8_t* block, float* out) {
  const float scale = load_f16(block);
  const uint32_t high_bits = load_u32(block + 2);
  const uint8_t* quants = block + 6;
  for (int j = 0; j < 16; ++j) {
    out[j] = scale * static_cast<float>(((quants[j] & 15) | fifth_bit(high_bits, j)) - 16);
    out[j + 16] = scale * static_cast<float>(((quants[j] >> 4) | fifth_bit(high_bits, j + 16)) - 16);
  }
}

void decode_q5_1(const uint8_t* block, float* out) {
  const float scale = load_f16(block), minimum = load_f16(block + 2);
  const uint32_t high_bits = load_u32(block + 4);
  const uint8_t* quants = block + 8;
  for (int j = 0; j < 16; ++j) {
    out[j] = scale * static_cast<float>((quants[j] & 15) | fifth_bit(high_bits, j)) + minimum;
    out[j + 16] = scale * static_cast<float>((quants[j] >> 4) | fifth_bit(high_bits, j + 16)) + minimum;
  }
}

void decode_q8_0(const uint8_t* block, float* out) {
  const float scale = load_f16(block);
  for (int j = 0; j < 32; ++j) out[j] = scale * static_cast<float>(static_cast<int8_t>(block[2 + j]));
}

struct SubScale {
  float scale, minimum;
};

/// q4_k and q5_k: eight 6-bit scales and eight 6-bit minima in 12 bytes. The first four of each fill the low six bits of bytes 0-3 and 4-7; the last four
/// have their low halves in bytes 8-11 (scale low, minimum high) and their two top bits in the spare bits of bytes 0-3 and 4-7.
SubScale sub_scale(const uint8_t* block, int index) {
  const float scale = load_f16(block), minimum = load_f16(block + 2);
  const uint8_t* packed = block + 4;
  int scale_bits, minimum_bits;
  if (index < 4) {
    scale_bits = packed[index] & 63;
    minimum_bits = packed[index + 4] & 63;
  } else {
    scale_bits = (packed[index + 4] & 15) | ((packed[index - 4] >> 6) << 4);
    minimum_bits = (packed[index + 4] >> 4) | ((packed[index] >> 6) << 4);
  }
  return {scale * static_cast<float>(scale_bits), minimum * static_cast<float>(minimum_bits)};
}

/// Sub-block s (32 elements) takes the low (s even) or high (s odd) halves of 32 bytes, shared with its neighbour.
void decode_q4_k(const uint8_t* block, float* out) {
  for (int s = 0; s < 8; ++s) {
    const SubScale sub = sub_scale(block, s);
    const uint8_t* quants = block + 16 + 32 * (s / 2);
    for (int j = 0; j < 32; ++j) out[32 * s + j] = sub.scale * static_cast<float>((quants[j] >> (4 * (s % 2))) & 15) - sub.minimum;
  }
}

/// As q4_k, with bit s of byte j of 32 more bytes as the fifth bit of element j of sub-block s.
void decode_q5_k(const uint8_t* block, float* out) {
  const uint8_t* high_bits = block + 16;
  for (int s = 0; s < 8; ++s) {
    const SubScale sub = sub_scale(block, s);
    const uint8_t* quants = block + 48 + 32 * (s / 2);
    for (int j = 0; j < 32; ++j) {
      const int quant = ((quants[j] >> (4 * (s % 2))) & 15) | (((high_bits[j] >> s) & 1) << 4);
      out[32 * s + j] = sub.scale * static_cast<float>(quant) - sub.minimum;
    }
  }
}

/// Two halves of 128 elements, each four runs of 32: run r takes its low bits from byte 32 · (r % 2) + l (low half for r < 2) and its two top bits from
/// bits 2r of byte l. Signed 8-bit scales, one for 16 elements.
void decode_q6_k(const uint8_t* block, float* out) {
  const float scale = load_f16(block + 208);
  for (int half = 0; half < 2; ++half) {
    const uint8_t *low = block + 64 * half, *high = block + 128 + 32 * half, *scales = block + 192 + 8 * half;
    for (int run = 0; run < 4; ++run) {
      for (int l = 0; l < 32; ++l) {
        const int low_bits = (low[32 * (run % 2) + l] >> (4 * (run / 2))) & 15, high_bits = (high[l] >> (2 * run)) & 3;
        const float sub = scale * static_cast<float>(static_cast<int8_t>(scales[2 * run + l / 16]));
        out[128 * half + 32 * run + l] = sub * static_cast<float>((low_bits | (high_bits << 4)) - 32);
      }
    }
  }
}

template <void (*decode)(const uint8_t*, float*)>
void decode_blocks(const Format& format, const uint8_t* data, int64_t count, float* out) {
  for (int64_t block = 0; block < count / format.elements; ++block) decode(data + block * format.bytes, out + block * format.elements);
}

}  // namespace

DType parse_dtype(const std::string& name) {
  for (const Format& format : kFormats)
    if (name == format.name) return format.type;
  std::string known;
  for (const Format& format : kFormats) known += (known.empty() ? "" : ", ") + std::string(format.name);
  throw Error("dtype", "Expected a tensor type out of " + known + " but received " + name);
}

const char* dtype_name(DType type) { return format_of(type).name; }
int64_t block_elements(DType type) { return format_of(type).elements; }
int64_t block_bytes(DType type) { return format_of(type).bytes; }

int64_t stored_bytes(DType type, int64_t count) {
  const Format& format = format_of(type);
  require(count >= 0 && count % format.elements == 0, "dtype",
          "Expected a multiple of " + std::to_string(format.elements) + " elements of type " + format.name + " but received " + std::to_string(count));
  return count / format.elements * format.bytes;
}

void dequantize(DType type, const void* data, int64_t count, float* out) {
  const auto* bytes = static_cast<const uint8_t*>(data);
  const int64_t size = stored_bytes(type, count);
  const Format& format = format_of(type);
  switch (type) {
    case DType::f32:
      if (size > 0) std::memcpy(out, bytes, static_cast<size_t>(size));
      return;
    case DType::bf16: {
      for (int64_t i = 0; i < count; ++i) out[i] = load_bf16(bytes + 2 * i);
      return;
    }
    case DType::f16: {
      for (int64_t i = 0; i < count; ++i) out[i] = load_f16(bytes + 2 * i);
      return;
    }
    case DType::q4_0: return decode_blocks<decode_q4_0>(format, bytes, count, out);
    case DType::q4_1: return decode_blocks<decode_q4_1>(format, bytes, count, out);
    case DType::q5_0: return decode_blocks<decode_q5_0>(format, bytes, count, out);
    case DType::q5_1: return decode_blocks<decode_q5_1>(format, bytes, count, out);
    case DType::q8_0: return decode_blocks<decode_q8_0>(format, bytes, count, out);
    case DType::q4_k: return decode_blocks<decode_q4_k>(format, bytes, count, out);
    case DType::q5_k: return decode_blocks<decode_q5_k>(format, bytes, count, out);
    case DType::q6_k: return decode_blocks<decode_q6_k>(format, bytes, count, out);
  }
}

}  // namespace sdft
