// Names and sizes of stored types, and their values. How blocks are laid out stands in quants.cc.
#include "base/dtype.h"

#include <cstring>

#include "base/error.h"
#include "base/half.h"
#include "base/quants.h"

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

uint16_t load_u16(const uint8_t* bytes) {
  uint16_t value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

float load_bf16(const uint8_t* bytes) { return float_of_bits(uint32_t{load_u16(bytes)} << 16); }

/// Group by group through quants on the stack.
void dequantize_blocks(DType type, const uint8_t* data, int64_t count, float* out) {
  int8_t quants[256];
  float scales[16], minima[16];
  const int64_t elements = block_elements(type), bytes = block_bytes(type);
  const QuantForm form = quant_form(type);
  const bool has_minimum = form == QuantForm::q4 || form == QuantForm::q8_minimum;
  const int64_t group = group_of(form);
  for (int64_t done = 0; done < count; done += elements, data += bytes, out += elements) {
    read_quants(type, data, elements, {quants, scales, minima});
    for (int64_t first = 0; first < elements; first += group) {
      const float scale = scales[first / group], minimum = minima[first / group];
      for (int64_t i = first; i < first + group; ++i) {
        // q4_0's minimum is −8 · scale; taken from the quant, a zero keeps the scale's sign, as in ggml.
        if (type == DType::q4_0) out[i] = scale * static_cast<float>(quants[i] - 8);
        else out[i] = has_minimum ? scale * static_cast<float>(quants[i]) + minimum : scale * static_cast<float>(quants[i]);
      }
    }
  }
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
    default: return dequantize_blocks(type, bytes, count, out);
  }
}

}  // namespace sdft
