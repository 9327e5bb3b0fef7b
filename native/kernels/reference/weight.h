// Frozen matrices: decoded once into floats (which hold every stored value), rows in natural order, in either precision of the backend.
#pragma once
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/half.h"
#include "base/quants.h"
#include "kernels/backend.h"
#include "kernels/reference/matrix.h"

namespace sdft::reference {

/// The nearest bfloat16, ties to even.
inline float round_to_bf16(float value) {
  uint32_t bits = bits_of_float(value);
  if ((bits & 0x7FFFFFFFu) > 0x7F800000u) return value;  // NaN: the carry could turn it into infinity
  bits = (bits + 0x7FFFu + ((bits >> 16) & 1u)) & 0xFFFF0000u;
  return float_of_bits(bits);
}

/// What a Weight of the reference backend points to.
struct Stored {
  std::vector<float> values;  // (O, I)
  QuantForm form;             // none: values only
  std::vector<int8_t> quants;  // (O, I)
  std::vector<float> scales, minima;  // (O, I / group)
};

inline QuantForm form_of(const WeightSource& source, WeightFormat format) {
  switch (format) {
    case WeightFormat::native: return quant_form(source.type);
    case WeightFormat::q8: return QuantForm::q8;
    case WeightFormat::q4: return QuantForm::q4;
    case WeightFormat::f32:
    case WeightFormat::bf16: break;
  }
  return QuantForm::none;
}

inline Weight prepare_weight(const WeightSource& source, WeightFormat format) {
  require(source.order == RowOrder::natural || (source.head_size > 0 && source.head_size % 2 == 0 && source.rows % source.head_size == 0), "weights",
          "Expected interleaved rows in whole heads of " + std::to_string(source.head_size) + " rows but there are " + std::to_string(source.rows));
  const QuantForm form = form_of(source, format);
  require(form == QuantForm::none || source.cols % kGroup == 0, "weights",
          "Expected a multiple of 32 inputs for the weight formats q8 and q4 but received a matrix of (" + std::to_string(source.rows) + ", " +
              std::to_string(source.cols) + "); use the format bf16 or native");
  const auto count = static_cast<size_t>(source.rows * source.cols);
  auto stored = std::make_shared<Stored>(Stored{std::vector<float>(count), form, {}, {}, {}});
  const int64_t row_bytes = stored_bytes(source.type, source.cols), group = group_of(form);
  if (form != QuantForm::none) {
    stored->quants.resize(count);
    stored->scales.resize(count / static_cast<size_t>(group));
    stored->minima.resize(count / static_cast<size_t>(group));
  }
  for (int64_t r = 0; r < source.rows; ++r) {
    const auto* data = static_cast<const uint8_t*>(source.data) + stored_row(source.order, r, source.head_size) * row_bytes;
    float* values = stored->values.data() + r * source.cols;
    dequantize(source.type, data, source.cols, values);
    if (form == QuantForm::none) continue;
    const QuantSpan row{stored->quants.data() + r * source.cols, stored->scales.data() + r * source.cols / group, stored->minima.data() + r * source.cols / group};
    if (form == quant_form(source.type)) {
      read_quants(source.type, data, source.cols, row);
      continue;
    }
    quantize(form, values, source.cols, row);
    for (int64_t i = 0; i < source.cols; ++i) values[i] = row.scales[i / group] * static_cast<float>(row.quants[i]) + row.minima[i / group];
  }
  if (format == WeightFormat::bf16)
    for (float& value : stored->values) value = round_to_bf16(value);
  Weight weight;
  weight.rows = source.rows;
  weight.cols = source.cols;
  weight.bytes = static_cast<int64_t>(count * sizeof(float) + stored->quants.size() + (stored->scales.size() + stored->minima.size()) * sizeof(float));
  weight.packed = std::move(stored);
  return weight;
}

inline const Stored& stored(const Weight& weight) { return *static_cast<const Stored*>(weight.packed.get()); }
inline Matrix<const float> matrix(const Weight& weight) { return {stored(weight).values.data(), weight.rows, weight.cols, weight.cols}; }

}  // namespace sdft::reference
