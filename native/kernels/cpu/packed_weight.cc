// Packing: plain numbers are laid out anew a panel at a time, quantised blocks as the integers they hold, value for value; only a format that the user asks
// for instead of the file's own changes values.
#include "kernels/cpu/packed_weight.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/half.h"
#include "kernels/cpu/memory.h"

namespace sdft::cpu {
namespace {

/// Owns the panels.
struct PackedOwner {
  PackedWeight weight{};
  ~PackedOwner() { release_aligned(const_cast<char*>(weight.panels)); }
};

/// The stored row that holds natural row `row`.
int64_t stored_row(const WeightSource& source, int64_t row) {
  if (source.order == RowOrder::natural) return row;
  const int64_t half = source.head_size / 2, within = row % source.head_size;
  return row - within + within % half * 2 + within / half;
}

const char* row_data(const WeightSource& source, int64_t row) {
  return static_cast<const char*>(source.data) + stored_row(source, row) * stored_bytes(source.type, source.cols);
}

/// Nearest bf16, ties to even, as its 16 bits.
uint16_t bf16_bits(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  if ((bits & 0x7FFFFFFFu) > 0x7F800000u) return static_cast<uint16_t>((bits >> 16) | 0x40u);  // a NaN stays one
  return static_cast<uint16_t>((bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16);
}

float bf16_value(uint16_t half) {
  const uint32_t bits = uint32_t{half} << 16;
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

PanelKind native_kind(DType type) {
  switch (quant_form(type)) {
    case QuantForm::q4: return type == DType::q4_k ? PanelKind::q4 : PanelKind::q4_narrow;
    case QuantForm::q8: return PanelKind::q8_narrow;
    case QuantForm::q8_minimum: return PanelKind::q8_minimum;
    case QuantForm::q8_halves: return PanelKind::q8_halves;
    case QuantForm::none: break;
  }
  return type == DType::bf16 ? PanelKind::bf16 : type == DType::f16 ? PanelKind::f16 : PanelKind::f32;
}

PanelKind kind_of(const WeightSource& source, WeightFormat format) {
  const PanelKind native = native_kind(source.type);
  switch (format) {
    case WeightFormat::f32: return PanelKind::f32;
    case WeightFormat::bf16: return PanelKind::bf16;
    case WeightFormat::q8: return native == PanelKind::q8_narrow ? native : PanelKind::q8;
    case WeightFormat::q4: return native == PanelKind::q4_narrow ? native : PanelKind::q4;
    case WeightFormat::native: break;
  }
  return native;
}

int64_t panel_bytes_of(PanelKind kind, int64_t cols, int64_t panel_columns) {
  switch (kind) {
    case PanelKind::f32: return cols * panel_columns * 4;
    case PanelKind::bf16:
    case PanelKind::f16: return cols * panel_columns * 2;
    case PanelKind::q4: return cols / kGroup * panel_columns * (4 + 4 + kGroup / 2);
    case PanelKind::q4_narrow: return cols / kGroup * panel_columns * (2 + 2 + kGroup / 2);
    case PanelKind::q8: return cols / kGroup * panel_columns * (4 + kGroup);
    case PanelKind::q8_narrow: return cols / kGroup * panel_columns * (2 + kGroup);
    case PanelKind::q8_minimum:
    case PanelKind::q8_halves: return cols / kGroup * panel_columns * (4 + 4 + kGroup);
  }
  return 0;
}

/// Rows of one panel as floats, decoded in runs of columns so that they stay in cache: decoded[j · run + i].
constexpr int64_t kRun = 256;

void pack_floats(const PackedWeight& weight, int64_t panel, char* out) {
  const int64_t width = weight.panel_columns, first = panel * width, count = std::min(width, weight.rows - first);
  std::vector<float> decoded(static_cast<size_t>(width * kRun), 0.0f);
  const int64_t block = block_elements(weight.source.type);
  for (int64_t k0 = 0; k0 < weight.cols; k0 += kRun) {
    const int64_t run = std::min(kRun, weight.cols - k0);
    for (int64_t j = 0; j < count; ++j)
      dequantize(weight.source.type, row_data(weight.source, first + j) + k0 / block * block_bytes(weight.source.type), run, decoded.data() + j * kRun);
    if (weight.kind == PanelKind::f32) {
      float* to = reinterpret_cast<float*>(out) + k0 * width;
      for (int64_t k = 0; k < run; ++k)
        for (int64_t j = 0; j < width; ++j) to[k * width + j] = decoded[static_cast<size_t>(j * kRun + k)];
    } else {
      uint16_t* to = reinterpret_cast<uint16_t*>(out) + k0 * width;
      for (int64_t k = 0; k < run; ++k)
        for (int64_t j = 0; j < width; ++j)
          to[k * width + j % (width / 2) * 2 + j / (width / 2)] = bf16_bits(decoded[static_cast<size_t>(j * kRun + k)]);
    }
  }
}

/// Halves are re-laid as they stand.
void pack_halves(const PackedWeight& weight, int64_t panel, char* out) {
  const int64_t width = weight.panel_columns, first = panel * width, count = std::min(width, weight.rows - first);
  uint16_t* to = reinterpret_cast<uint16_t*>(out);
  for (int64_t j = 0; j < count; ++j) {
    const char* from = row_data(weight.source, first + j);
    for (int64_t k = 0; k < weight.cols; ++k) std::memcpy(&to[k * width + j % (width / 2) * 2 + j / (width / 2)], from + 2 * k, 2);
  }
}

/// One row as integers: as stored, or quantised where the source holds other values.
struct QuantRow {
  explicit QuantRow(int64_t cols) : quants(static_cast<size_t>(cols)), scales(static_cast<size_t>(cols / 16)), minima(static_cast<size_t>(cols / 16)) {}
  std::vector<int8_t> quants;
  std::vector<float> scales, minima, values;

  void read(const PackedWeight& weight, int64_t row) {
    const char* data = row_data(weight.source, row);
    const QuantSpan span{quants.data(), scales.data(), minima.data()};
    if (!weight.rounded) return read_quants(weight.source.type, data, weight.cols, span);
    values.resize(static_cast<size_t>(weight.cols));
    dequantize(weight.source.type, data, weight.cols, values.data());
    quantize(weight.kind == PanelKind::q4 ? QuantForm::q4 : QuantForm::q8, values.data(), weight.cols, span);
  }
};

float half_value(const char* bytes) { return load_f16(reinterpret_cast<const uint8_t*>(bytes)); }

uint16_t half_at(const char* bytes) {
  uint16_t half;
  std::memcpy(&half, bytes, sizeof half);
  return half;
}

/// A scale or minimum that half precision holds exactly.
uint16_t half_of(float value) {
  const uint32_t bits = bits_of_float(value), sign = bits >> 16 & 0x8000u;
  const int exponent = static_cast<int>(bits >> 23 & 255u) - 112;
  require(exponent < 31, "weights", "Expected the scales of quantised weights within half precision (Q4_0: an eighth of it) but found " + std::to_string(value));
  if (exponent > 0) return static_cast<uint16_t>(sign | static_cast<uint32_t>(exponent) << 10 | (bits >> 13 & 1023u));
  return static_cast<uint16_t>(sign | static_cast<uint32_t>(std::fabs(value) * 16777216.0f));  // a multiple of 2⁻²⁴
}

/// Gathers the low halves of eight bytes into 32 bits, the first byte's lowest.
uint32_t gather_nibbles(uint64_t bytes) {
  bytes &= 0x0F0F0F0F0F0F0F0Full;
  bytes = (bytes | bytes >> 4) & 0x00FF00FF00FF00FFull;
  bytes = (bytes | bytes >> 8) & 0x0000FFFF0000FFFFull;
  return static_cast<uint32_t>(bytes | bytes >> 16);
}

/// Blocks of Q4_0 and Q4_1, nibbles to nibbles.
void pack_stored_q4(const PackedWeight& weight, int64_t panel, char* out) {
  const int64_t width = weight.panel_columns, first = panel * width, count = std::min(width, weight.rows - first);
  const bool has_minimum = weight.source.type == DType::q4_1;
  const int64_t stored = block_bytes(weight.source.type), block_size = weight.panel_bytes / (weight.cols / kGroup);
  for (int64_t j = 0; j < count; ++j) {
    const char* from = row_data(weight.source, first + j);
    for (int64_t group = 0; group < weight.cols / kGroup; ++group, from += stored) {
      char* block = out + group * block_size;
      uint16_t* scales = reinterpret_cast<uint16_t*>(block) + j;
      scales[0] = half_at(from);
      scales[width] = has_minimum ? half_at(from + 2) : half_of(-8.0f * half_value(from));
      uint32_t* words = reinterpret_cast<uint32_t*>(block) + width + j;
      uint64_t bytes[2];
      std::memcpy(bytes, from + (has_minimum ? 4 : 2), sizeof bytes);
      words[0] = gather_nibbles(bytes[0]);
      words[width] = gather_nibbles(bytes[1]);
      words[2 * width] = gather_nibbles(bytes[0] >> 4);
      words[3 * width] = gather_nibbles(bytes[1] >> 4);
    }
  }
}

void pack_quants(const PackedWeight& weight, int64_t panel, char* out) {
  const int64_t width = weight.panel_columns, first = panel * width, count = std::min(width, weight.rows - first);
  const int64_t groups = weight.cols / kGroup, block_size = weight.panel_bytes / groups;
  const bool q4 = weight.kind == PanelKind::q4, narrow = weight.kind == PanelKind::q8_narrow, halves = weight.kind == PanelKind::q8_halves, minimum = q4 || weight.kind == PanelKind::q8_minimum;
  // With the sign bits turned each byte is 128 more; what is too much comes off again.
  const uint32_t above = weight.kind == PanelKind::q8_minimum ? 0x80808080u : halves ? 0x60606060u : 0;
  QuantRow row(weight.cols);
  for (int64_t j = 0; j < count; ++j) {
    row.read(weight, first + j);
    const int8_t* quants = row.quants.data();
    for (int64_t group = 0; group < groups; ++group) {
      char* block = out + group * block_size;
      float* scales = reinterpret_cast<float*>(block) + j;
      if (narrow)
        reinterpret_cast<uint16_t*>(block)[j] = half_of(row.scales[static_cast<size_t>(group)]);
      else
        scales[0] = row.scales[static_cast<size_t>(halves ? 2 * group : group)];
      if (halves) scales[width] = row.scales[static_cast<size_t>(2 * group + 1)];
      if (minimum) scales[width] = row.minima[static_cast<size_t>(group)];
      uint32_t* words = reinterpret_cast<uint32_t*>(block + block_size - width * kGroup / (q4 ? 2 : 1)) + j;
      for (int64_t k = 0; k < kGroup; k += q4 ? 8 : 4, quants += q4 ? 8 : 4, words += width) {
        uint64_t eight = 0;
        std::memcpy(&eight, quants, q4 ? 8 : 4);
        *words = q4 ? gather_nibbles(eight) : (static_cast<uint32_t>(eight) ^ 0x80808080u) - above;
      }
    }
  }
}

}  // namespace

Weight pack_weight(const WeightSource& source, WeightFormat format, int64_t panel_columns, ThreadPool& pool, Use use) {
  require(source.rows > 0 && source.cols > 0 && source.cols % block_elements(source.type) == 0, "weights",
          "Expected rows of whole " + std::string(dtype_name(source.type)) + " blocks but received (" + std::to_string(source.rows) + ", " +
              std::to_string(source.cols) + ")");
  require(source.order == RowOrder::natural || (source.head_size > 0 && source.head_size % 2 == 0 && source.rows % source.head_size == 0), "weights",
          "Expected interleaved rows to fill heads of an even size but received " + std::to_string(source.rows) + " rows in heads of " +
              std::to_string(source.head_size));
  auto owner = std::make_shared<PackedOwner>();
  PackedWeight& weight = owner->weight;
  weight.kind = kind_of(source, format);
  require(!has_quants(weight.kind) || source.cols % kGroup == 0, "weights",
          "Expected a multiple of 32 inputs for the weight formats q8 and q4 but received a matrix of (" + std::to_string(source.rows) + ", " +
              std::to_string(source.cols) + "); use the format bf16 or native");
  weight.rows = source.rows;
  weight.cols = source.cols;
  weight.panel_columns = panel_columns;
  weight.panel_bytes = panel_bytes_of(weight.kind, source.cols, panel_columns);
  weight.source = source;
  weight.rounded = weight.kind != PanelKind::f32 && weight.kind != native_kind(source.type);
  const int64_t panels = use == Use::rows ? 0 : (source.rows + panel_columns - 1) / panel_columns;
  char* memory = panels == 0 ? nullptr : static_cast<char*>(allocate_side_by_side(panels * weight.panel_bytes));
  weight.panels = memory;
  pool.run(panels, [&](int64_t panel, int) {
    char* out = memory + panel * weight.panel_bytes;
    if (weight.kind == PanelKind::f32 || weight.kind == PanelKind::bf16) return pack_floats(weight, panel, out);
    if (weight.kind == PanelKind::f16) return pack_halves(weight, panel, out);
    if (weight.kind == PanelKind::q4_narrow) return pack_stored_q4(weight, panel, out);
    pack_quants(weight, panel, out);
  });
  Weight handle;
  handle.rows = source.rows;
  handle.cols = source.cols;
  handle.bytes = panels * weight.panel_bytes;
  handle.packed = std::shared_ptr<const void>(owner, &owner->weight);
  return handle;
}

void read_row(const PackedWeight& weight, int64_t row, float* out) {
  if (weight.rounded && has_quants(weight.kind)) {
    QuantRow quants(weight.cols);
    quants.read(weight, row);
    for (int64_t i = 0; i < weight.cols; ++i) {
      const auto group = static_cast<size_t>(i / kGroup);
      out[i] = quants.scales[group] * static_cast<float>(quants.quants[static_cast<size_t>(i)]) + quants.minima[group];
    }
    return;
  }
  dequantize(weight.source.type, row_data(weight.source, row), weight.cols, out);
  if (!weight.rounded) return;
  for (int64_t i = 0; i < weight.cols; ++i) out[i] = bf16_value(bf16_bits(out[i]));
}

}  // namespace sdft::cpu
