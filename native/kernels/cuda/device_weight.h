// A frozen matrix (O, I) on the device, row after row. Rows of bf16 and of bytes are padded with zeros to a multiple of 16 bytes, so that products can read
// them 16 bytes at a time.
#pragma once
#include <cstdint>
#include <memory>

#include "base/quants.h"
#include "kernels/backend.h"
#include "kernels/cuda/device.cuh"
#include "kernels/cuda/rows.h"
#include "kernels/cuda/runtime.h"

namespace sdft::cuda {

/// nibbles: value = scale · quant + minimum, quants 0 … 15, eight to a word: byte j holds element j in its low half and element j + 4 in its high half.
/// bytes: the same with one signed byte a quant; minima may be missing. Scales and minima are floats, one for `group` (16 or 32) elements.
enum class WeightKind { f32, bf16, f16, nibbles, bytes };

struct DeviceWeight {
  WeightKind kind;
  int64_t rows, cols;
  int64_t stride;  // elements (of quants too) from row to row
  const void* values;
  const float* scales;
  const float* minima;  // null: none
  int64_t group;
  int64_t groups;       // of a row
};

/// Reads the source once; nothing points into it afterwards. Throws Error("weights") as the reference backend does.
Weight make_weight(const WeightSource& source, WeightFormat format, const std::shared_ptr<Arena>& arena, Staging& staging);
const DeviceWeight& device_weight(const Weight& weight);
inline bool is_integer(const DeviceWeight& weight) { return weight.kind == WeightKind::nibbles || weight.kind == WeightKind::bytes; }

/// One element as a float, exactly what is stored but for the rounding of scale · quant + minimum.
__device__ __forceinline__ float weight_value(const DeviceWeight& w, int64_t row, int64_t col) {
  const int64_t at = row * w.stride + col;
  switch (w.kind) {
    case WeightKind::f32: return static_cast<const float*>(w.values)[at];
    case WeightKind::bf16: return __bfloat162float(static_cast<const bf16*>(w.values)[at]);
    case WeightKind::f16: return __half2float(static_cast<const __half*>(w.values)[at]);
    case WeightKind::nibbles: {
      const int64_t within = col % 8;
      const uint8_t byte = static_cast<const uint8_t*>(w.values)[(at - within) / 2 + within % 4];
      const int64_t g = row * w.groups + col / w.group;
      return w.scales[g] * static_cast<float>(within < 4 ? byte & 15 : byte >> 4) + w.minima[g];
    }
    case WeightKind::bytes: {
      const int64_t g = row * w.groups + col / w.group;
      const float product = w.scales[g] * static_cast<float>(static_cast<const int8_t*>(w.values)[at]);
      return w.minima != nullptr ? product + w.minima[g] : product;
    }
  }
  return 0;
}

}  // namespace sdft::cuda
