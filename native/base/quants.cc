// Block layouts are ggml's (ggml-common.h, ggml-quants.c): little-endian, a half-precision scale (and minimum) per block of 32 or per 256 with 6-bit
// sub-scales. In a block of 32 with 4-bit quants, byte j holds element j in its low half and element j + 16 in its high half.
#include "base/quants.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/half.h"

namespace sdft {
namespace {

uint32_t load_u32(const uint8_t* bytes) {
  uint32_t value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

/// Sixteen bytes of nibbles as 32 quants; bit j of `fifth_bits` is element j's fifth.
void read_nibbles(const uint8_t* bytes, uint32_t fifth_bits, int offset, int8_t* out) {
  for (int j = 0; j < 16; ++j) {
    out[j] = static_cast<int8_t>(((bytes[j] & 15) | (((fifth_bits >> j) & 1) << 4)) - static_cast<uint32_t>(offset));
    out[j + 16] = static_cast<int8_t>(((bytes[j] >> 4) | (((fifth_bits >> (j + 16)) & 1) << 4)) - static_cast<uint32_t>(offset));
  }
}

void read_q4_0(const uint8_t* block, QuantSpan out) {
  out.scales[0] = load_f16(block);
  out.minima[0] = -8.0f * out.scales[0];
  read_nibbles(block + 2, 0, 0, out.quants);
}

void read_q4_1(const uint8_t* block, QuantSpan out) {
  out.scales[0] = load_f16(block);
  out.minima[0] = load_f16(block + 2);
  read_nibbles(block + 4, 0, 0, out.quants);
}

void read_q5_0(const uint8_t* block, QuantSpan out) {
  out.scales[0] = load_f16(block);
  out.minima[0] = 0;
  read_nibbles(block + 6, load_u32(block + 2), 16, out.quants);
}

void read_q5_1(const uint8_t* block, QuantSpan out) {
  out.scales[0] = load_f16(block);
  out.minima[0] = load_f16(block + 2);
  read_nibbles(block + 8, load_u32(block + 4), 0, out.quants);
}

void read_q8_0(const uint8_t* block, QuantSpan out) {
  out.scales[0] = load_f16(block);
  out.minima[0] = 0;
  std::memcpy(out.quants, block + 2, 32);
}

/// q4_k and q5_k: eight 6-bit scales and eight 6-bit minima in 12 bytes. The first four of each fill the low six bits of bytes 0-3 and 4-7; the last four
/// have their low halves in bytes 8-11 (scale low, minimum high) and their two top bits in the spare bits of bytes 0-3 and 4-7.
void read_sub_scales(const uint8_t* block, QuantSpan out) {
  const float scale = load_f16(block), minimum = load_f16(block + 2);
  const uint8_t* packed = block + 4;
  for (int index = 0; index < 8; ++index) {
    int scale_bits, minimum_bits;
    if (index < 4) {
      scale_bits = packed[index] & 63;
      minimum_bits = packed[index + 4] & 63;
    } else {
      scale_bits = (packed[index + 4] & 15) | ((packed[index - 4] >> 6) << 4);
      minimum_bits = (packed[index + 4] >> 4) | ((packed[index] >> 6) << 4);
    }
    out.scales[index] = scale * static_cast<float>(scale_bits);
    out.minima[index] = -(minimum * static_cast<float>(minimum_bits));
  }
}

/// Sub-block s (32 elements) takes the low (s even) or high (s odd) halves of 32 bytes, shared with its neighbour.
void read_q4_k(const uint8_t* block, QuantSpan out) {
  read_sub_scales(block, out);
  for (int s = 0; s < 8; ++s) {
    const uint8_t* quants = block + 16 + 32 * (s / 2);
    for (int j = 0; j < 32; ++j) out.quants[32 * s + j] = static_cast<int8_t>((quants[j] >> (4 * (s % 2))) & 15);
  }
}

/// As q4_k, with bit s of byte j of 32 more bytes as the fifth bit of element j of sub-block s.
void read_q5_k(const uint8_t* block, QuantSpan out) {
  read_sub_scales(block, out);
  const uint8_t* high_bits = block + 16;
  for (int s = 0; s < 8; ++s) {
    const uint8_t* quants = block + 48 + 32 * (s / 2);
    for (int j = 0; j < 32; ++j)
      out.quants[32 * s + j] = static_cast<int8_t>(((quants[j] >> (4 * (s % 2))) & 15) | (((high_bits[j] >> s) & 1) << 4));
  }
}

/// Two halves of 128 elements, each four runs of 32: run r takes its low bits from byte 32 · (r % 2) + l (low half for r < 2) and its two top bits from
/// bits 2r of byte l. Signed 8-bit scales, one for 16 elements.
void read_q6_k(const uint8_t* block, QuantSpan out) {
  const float scale = load_f16(block + 208);
  for (int i = 0; i < 16; ++i) {
    out.scales[i] = scale * static_cast<float>(static_cast<int8_t>(block[192 + i]));
    out.minima[i] = 0;
  }
  for (int half = 0; half < 2; ++half) {
    const uint8_t *low = block + 64 * half, *high = block + 128 + 32 * half;
    for (int run = 0; run < 4; ++run) {
      for (int l = 0; l < 32; ++l) {
        const int low_bits = (low[32 * (run % 2) + l] >> (4 * (run / 2))) & 15, high_bits = (high[l] >> (2 * run)) & 3;
        out.quants[128 * half + 32 * run + l] = static_cast<int8_t>((low_bits | (high_bits << 4)) - 32);
      }
    }
  }
}

template <void (*read)(const uint8_t*, QuantSpan)>
void read_blocks(DType type, const uint8_t* data, int64_t count, QuantSpan out) {
  const int64_t elements = block_elements(type), groups = elements / group_of(quant_form(type));
  for (int64_t block = 0; block < count / elements; ++block) {
    read(data, out);
    data += block_bytes(type);
    out = {out.quants + elements, out.scales + groups, out.minima + groups};
  }
}

}  // namespace

QuantForm quant_form(DType type) {
  switch (type) {
    case DType::q4_0:
    case DType::q4_1:
    case DType::q4_k: return QuantForm::q4;
    case DType::q5_0:
    case DType::q8_0: return QuantForm::q8;
    case DType::q5_1:
    case DType::q5_k: return QuantForm::q8_minimum;
    case DType::q6_k: return QuantForm::q8_halves;
    case DType::f32:
    case DType::bf16:
    case DType::f16: break;
  }
  return QuantForm::none;
}

void read_quants(DType type, const void* data, int64_t count, QuantSpan out) {
  const auto* bytes = static_cast<const uint8_t*>(data);
  stored_bytes(type, count);  // throws unless whole blocks
  switch (type) {
    case DType::q4_0: return read_blocks<read_q4_0>(type, bytes, count, out);
    case DType::q4_1: return read_blocks<read_q4_1>(type, bytes, count, out);
    case DType::q5_0: return read_blocks<read_q5_0>(type, bytes, count, out);
    case DType::q5_1: return read_blocks<read_q5_1>(type, bytes, count, out);
    case DType::q8_0: return read_blocks<read_q8_0>(type, bytes, count, out);
    case DType::q4_k: return read_blocks<read_q4_k>(type, bytes, count, out);
    case DType::q5_k: return read_blocks<read_q5_k>(type, bytes, count, out);
    case DType::q6_k: return read_blocks<read_q6_k>(type, bytes, count, out);
    case DType::f32:
    case DType::bf16:
    case DType::f16: break;
  }
  throw Error("dtype", std::string("Expected a quantised type but received ") + dtype_name(type));
}

void quantize(QuantForm form, const float* x, int64_t count, QuantSpan out) {
  require((form == QuantForm::q4 || form == QuantForm::q8) && count % kGroup == 0, "weights",
          "Expected a multiple of " + std::to_string(kGroup) + " numbers to quantise but received " + std::to_string(count));
  for (int64_t group = 0; group < count / kGroup; ++group, x += kGroup, out.quants += kGroup) {
    float least = x[0], most = x[0];
    for (int i = 0; i < kGroup; ++i) {
      require(std::isfinite(x[i]), "weights", "Expected finite numbers to quantise but found one that is not");
      least = std::min(least, x[i]);
      most = std::max(most, x[i]);
    }
    const bool q4 = form == QuantForm::q4;
    // In double: the span of two large floats may be beyond float's range.
    const double span = q4 ? (static_cast<double>(most) - least) / 15 : static_cast<double>(std::max(most, -least)) / 127;
    const float scale = round_to_11_bits(static_cast<float>(span)), minimum = q4 ? least : 0.0f;
    out.scales[group] = scale;
    out.minima[group] = minimum;
    // 1.5 · 2⁵²: adding it leaves the nearest integer, ties to even.
    constexpr double kMagic = 6755399441055744.0;
    for (int i = 0; i < kGroup; ++i) {
      const double quant = scale > 0 ? (static_cast<double>(x[i]) - minimum) / scale + kMagic - kMagic : 0.0;
      out.quants[i] = static_cast<int8_t>(q4 ? std::clamp(quant, 0.0, 15.0) : std::clamp(quant, -127.0, 127.0));
    }
  }
}

}  // namespace sdft
