// Frozen matrices: decoded once into floats (which hold every stored value), rows in natural order, in either precision of the backend.
#pragma once
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "kernels/backend.h"
#include "kernels/reference/matrix.h"

namespace sdft::reference {

/// The nearest bfloat16, ties to even.
inline float round_to_bf16(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  if ((bits & 0x7FFFFFFFu) > 0x7F800000u) return value;  // NaN: the carry could turn it into infinity
  bits = (bits + 0x7FFFu + ((bits >> 16) & 1u)) & 0xFFFF0000u;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

inline Weight prepare_weight(const WeightSource& source, WeightFormat format) {
  require(format != WeightFormat::q8 && format != WeightFormat::q4, "weights", "Weight formats q8 and q4 are not built yet on the reference backend");
  require(source.order == RowOrder::natural || (source.head_size > 0 && source.head_size % 2 == 0 && source.rows % source.head_size == 0), "weights",
          "Expected interleaved rows in whole heads of " + std::to_string(source.head_size) + " rows but there are " + std::to_string(source.rows));
  auto values = std::make_shared<std::vector<float>>(static_cast<size_t>(source.rows * source.cols));
  const int64_t row_bytes = stored_bytes(source.type, source.cols);
  for (int64_t r = 0; r < source.rows; ++r) {
    const auto* stored = static_cast<const uint8_t*>(source.data) + stored_row(source.order, r, source.head_size) * row_bytes;
    dequantize(source.type, stored, source.cols, values->data() + r * source.cols);
  }
  if (format == WeightFormat::bf16)
    for (float& value : *values) value = round_to_bf16(value);
  Weight weight;
  weight.rows = source.rows;
  weight.cols = source.cols;
  weight.bytes = source.rows * source.cols * static_cast<int64_t>(sizeof(float));
  weight.packed = std::move(values);
  return weight;
}

inline Matrix<const float> matrix(const Weight& weight) {
  return {static_cast<const std::vector<float>*>(weight.packed.get())->data(), weight.rows, weight.cols, weight.cols};
}

}  // namespace sdft::reference
