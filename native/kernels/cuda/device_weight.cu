#include "kernels/cuda/device_weight.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/half.h"

namespace sdft::cuda {
namespace {

/// What a Weight of this backend points to.
struct Owner {
  DeviceWeight weight{};
  void *values = nullptr, *scales = nullptr, *minima = nullptr;
  std::shared_ptr<Arena> arena;
  ~Owner() {
    for (void* memory : {values, scales, minima}) arena->give_back(memory);
  }
};

QuantForm form_of(const WeightSource& source, WeightFormat format) {
  if (format == WeightFormat::native) return quant_form(source.type);
  if (format == WeightFormat::q8) return QuantForm::q8;
  return format == WeightFormat::q4 ? QuantForm::q4 : QuantForm::none;
}

WeightKind kind_of(const WeightSource& source, WeightFormat format, QuantForm form) {
  if (form == QuantForm::q4) return WeightKind::nibbles;
  if (form != QuantForm::none) return WeightKind::bytes;
  if (format == WeightFormat::bf16 || (format == WeightFormat::native && source.type == DType::bf16)) return WeightKind::bf16;
  return format == WeightFormat::native && source.type == DType::f16 ? WeightKind::f16 : WeightKind::f32;
}

int64_t element_bytes(WeightKind kind, int64_t elements) {
  switch (kind) {
    case WeightKind::f32: return 4 * elements;
    case WeightKind::bf16:
    case WeightKind::f16: return 2 * elements;
    case WeightKind::nibbles: return elements / 2;
    case WeightKind::bytes: break;
  }
  return elements;
}

/// The nearest bfloat16, ties to even.
uint16_t to_bf16(float value) {
  uint32_t bits = bits_of_float(value);
  if ((bits & 0x7FFFFFFFu) <= 0x7F800000u) bits += 0x7FFFu + ((bits >> 16) & 1u);
  return static_cast<uint16_t>(bits >> 16);
}

/// One row of the source in the device's form, in host memory.
struct HostRow {
  std::vector<uint8_t> values;
  std::vector<int8_t> quants;
  std::vector<float> floats, scales, minima;
};

/// Whether the file's bytes are the device's: they go from the mapped file through pinned memory, past every other.
bool kept_as_stored(const DeviceWeight& weight, const WeightSource& source) {
  const bool same = (weight.kind == WeightKind::bf16 && source.type == DType::bf16) || (weight.kind == WeightKind::f16 && source.type == DType::f16) ||
                    (weight.kind == WeightKind::f32 && source.type == DType::f32);
  return same && source.order == RowOrder::natural && weight.stride == weight.cols;
}

void pack_floats(const DeviceWeight& weight, DType type, const uint8_t* data, HostRow& row) {
  uint8_t* out = row.values.data();
  if ((weight.kind == WeightKind::bf16 && type == DType::bf16) || weight.kind == WeightKind::f16) {
    std::memcpy(out, data, static_cast<size_t>(2 * weight.cols));
    return;
  }
  dequantize(type, data, weight.cols, row.floats.data());
  if (weight.kind == WeightKind::f32) {
    std::memcpy(out, row.floats.data(), static_cast<size_t>(4 * weight.cols));
    return;
  }
  for (int64_t i = 0; i < weight.cols; ++i) {
    const uint16_t bits = to_bf16(row.floats[static_cast<size_t>(i)]);
    std::memcpy(out + 2 * i, &bits, sizeof bits);
  }
}

void pack_quants(const DeviceWeight& weight, DType type, QuantForm form, const uint8_t* data, HostRow& row) {
  const QuantSpan span{row.quants.data(), row.scales.data(), row.minima.data()};
  if (form == quant_form(type)) {
    read_quants(type, data, weight.cols, span);
  } else {
    dequantize(type, data, weight.cols, row.floats.data());
    quantize(form, row.floats.data(), weight.cols, span);
  }
  if (weight.kind == WeightKind::bytes) {
    std::memcpy(row.values.data(), row.quants.data(), static_cast<size_t>(weight.cols));
    return;
  }
  for (int64_t i = 0; i < weight.cols; i += 8)
    for (int64_t j = 0; j < 4; ++j)
      row.values[static_cast<size_t>(i / 2 + j)] =
          static_cast<uint8_t>(row.quants[static_cast<size_t>(i + j)] | row.quants[static_cast<size_t>(i + j + 4)] << 4);
}

}  // namespace

Weight make_weight(const WeightSource& source, WeightFormat format, const std::shared_ptr<Arena>& arena, Staging& staging) {
  require(source.rows > 0 && source.cols > 0 && source.cols % block_elements(source.type) == 0, "weights",
          "Expected rows of whole " + std::string(dtype_name(source.type)) + " blocks but received (" + std::to_string(source.rows) + ", " +
              std::to_string(source.cols) + ")");
  require(source.order == RowOrder::natural || (source.head_size > 0 && source.head_size % 2 == 0 && source.rows % source.head_size == 0), "weights",
          "Expected interleaved rows in whole heads of " + std::to_string(source.head_size) + " rows but there are " + std::to_string(source.rows));
  const QuantForm form = form_of(source, format);
  require(form == QuantForm::none || source.cols % kGroup == 0, "weights",
          "Expected a multiple of 32 inputs for the weight formats q8 and q4 but received a matrix of (" + std::to_string(source.rows) + ", " +
              std::to_string(source.cols) + "); use the format bf16 or native");
  auto owner = std::make_shared<Owner>();
  owner->arena = arena;
  DeviceWeight& weight = owner->weight;
  weight.kind = kind_of(source, format, form);
  weight.rows = source.rows;
  weight.cols = source.cols;
  weight.stride = weight.kind == WeightKind::f32 ? round_up(source.cols, 4) : round_up(source.cols, 8);
  const bool integers = form != QuantForm::none, minima = form == QuantForm::q4 || form == QuantForm::q8_minimum;
  weight.group = integers ? group_of(form) : 0;
  weight.groups = integers ? source.cols / weight.group : 0;
  const int64_t row_bytes = element_bytes(weight.kind, weight.stride), scale_bytes = weight.groups * int64_t{sizeof(float)};
  weight.values = owner->values = arena->take(weight.rows * row_bytes);
  if (integers) weight.scales = static_cast<const float*>(owner->scales = arena->take(weight.rows * scale_bytes));
  if (minima) weight.minima = static_cast<const float*>(owner->minima = arena->take(weight.rows * scale_bytes));

  Weight handle;
  handle.rows = weight.rows;
  handle.cols = weight.cols;
  handle.bytes = weight.rows * (row_bytes + (integers ? scale_bytes : 0) + (minima ? scale_bytes : 0));
  handle.packed = std::shared_ptr<const void>(owner, &owner->weight);
  if (kept_as_stored(weight, source)) {
    staging.upload(owner->values, source.data, weight.rows * row_bytes);
    return handle;
  }

  // Some rows at a time are brought into the device's form here and sent as one piece.
  constexpr int64_t kPiece = int64_t{4} << 20;
  const int64_t most = std::max<int64_t>(1, std::min(source.rows, kPiece / row_bytes)), stored_row_bytes = stored_bytes(source.type, source.cols);
  HostRow row{std::vector<uint8_t>(static_cast<size_t>(row_bytes), 0), std::vector<int8_t>(static_cast<size_t>(source.cols)),
              std::vector<float>(static_cast<size_t>(source.cols)), std::vector<float>(static_cast<size_t>(weight.groups)),
              std::vector<float>(static_cast<size_t>(weight.groups))};
  std::vector<uint8_t> values(static_cast<size_t>(most * row_bytes));
  std::vector<float> scales(static_cast<size_t>(most * weight.groups)), lows(static_cast<size_t>(minima ? most * weight.groups : 0));
  for (int64_t first = 0; first < source.rows; first += most) {
    const int64_t count = std::min(most, source.rows - first);
    for (int64_t r = 0; r < count; ++r) {
      const auto* data = static_cast<const uint8_t*>(source.data) + stored_row(source.order, first + r, source.head_size) * stored_row_bytes;
      if (integers) pack_quants(weight, source.type, form, data, row);
      else pack_floats(weight, source.type, data, row);
      std::copy(row.values.begin(), row.values.end(), values.begin() + r * row_bytes);
      std::copy(row.scales.begin(), row.scales.end(), scales.begin() + r * weight.groups);
      if (minima) std::copy(row.minima.begin(), row.minima.end(), lows.begin() + r * weight.groups);
    }
    const auto send = [&](void* to, const void* from, int64_t bytes) { staging.upload(to, from, bytes); };
    send(static_cast<char*>(owner->values) + first * row_bytes, values.data(), count * row_bytes);
    if (integers) send(static_cast<char*>(owner->scales) + first * scale_bytes, scales.data(), count * scale_bytes);
    if (minima) send(static_cast<char*>(owner->minima) + first * scale_bytes, lows.data(), count * scale_bytes);
  }
  return handle;
}

const DeviceWeight& device_weight(const Weight& weight) { return *static_cast<const DeviceWeight*>(weight.packed.get()); }

}  // namespace sdft::cuda
