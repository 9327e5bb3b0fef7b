// Products in integers: activations quantised by row in groups of 32, exact dot products of bytes within a group, groups added in float32.
#include <algorithm>

#include "kernels/cuda/kernels.h"

namespace sdft::cuda {
namespace {

constexpr int kThreads = 128;
constexpr int kRows = 8;  // of one pass over the weights

/// A warp takes a group.
__global__ void __launch_bounds__(kThreads) quantize_rows_kernel(int8_t* quants, float* scales, Rows x) {
  const int lane = threadIdx.x % 32;
  const int64_t groups = x.cols / kGroup, at = int64_t{blockIdx.x} * (kThreads / 32) + threadIdx.x / 32;
  if (at >= x.rows * groups) return;
  const int64_t row = at / groups, group = at % groups;
  const float value = x.row(row)[group * kGroup + lane];
  const bool number = __all_sync(kAllLanes, value == value) != 0;
  const float largest = warp_largest(fabsf(value));
  const bool zero = largest < 7.8886e-31f;
  const float quant = rintf(value * (zero ? 0.0f : 127.0f / largest));
  quants[row * x.cols + group * kGroup + lane] = number && fabsf(quant) <= 127.0f ? static_cast<int8_t>(quant) : int8_t{0};
  if (lane == 0) scales[at] = !number ? __uint_as_float(0x7fc00000u) : zero ? 0.0f : largest / 127.0f;
}

/// Eight weights from `col` on as two words of bytes, in order.
template <WeightKind kKind>
__device__ __forceinline__ uint2 eight_quants(const DeviceWeight& w, int64_t row, int64_t col) {
  const int64_t at = row * w.stride + col;
  if (kKind == WeightKind::bytes) return *reinterpret_cast<const uint2*>(static_cast<const int8_t*>(w.values) + at);
  const uint32_t word = *reinterpret_cast<const uint32_t*>(static_cast<const uint8_t*>(w.values) + at / 2);
  return make_uint2(word & 0x0f0f0f0fu, word >> 4 & 0x0f0f0f0fu);
}

/// A warp makes one output of up to kRows rows; a lane takes every 32nd group.
template <WeightKind kKind>
__global__ void __launch_bounds__(kThreads) linear_integer_kernel(Rows out, const int8_t* quants, const float* scales, DeviceWeight weight, const float* bias) {
  const int lane = threadIdx.x % 32;
  const int64_t output = int64_t{blockIdx.x} * (kThreads / 32) + threadIdx.x / 32;
  if (output >= weight.rows) return;  // the whole warp
  const int64_t groups = weight.cols / kGroup;
  const int parts = static_cast<int>(kGroup / weight.group);  // of a group of activations: 1, or 2 with a scale for 16 weights
  float sums[kRows];
  SDFT_UNROLL
  for (int r = 0; r < kRows; ++r) sums[r] = 0;
  for (int64_t g = lane; g < groups; g += 32) {
    SDFT_UNROLL
    for (int r = 0; r < kRows; ++r) {
      if (r >= out.rows) break;
      float sum = 0;
      for (int part = 0; part < parts; ++part) {
        int product = 0, total = 0;
        for (int64_t i = 0; i < weight.group; i += 8) {
          const int64_t col = g * kGroup + part * weight.group + i;
          const uint2 w = eight_quants<kKind>(weight, output, col);
          const uint2 x = *reinterpret_cast<const uint2*>(quants + r * weight.cols + col);
          product = dot_bytes(w.y, x.y, dot_bytes(w.x, x.x, product));
          total = dot_bytes(0x01010101u, x.y, dot_bytes(0x01010101u, x.x, total));
        }
        const int64_t at = output * weight.groups + g * parts + part;
        sum += weight.scales[at] * static_cast<float>(product);
        if (weight.minima != nullptr) sum += weight.minima[at] * static_cast<float>(total);
      }
      sums[r] = fmaf(scales[r * groups + g], sum, sums[r]);
    }
  }
  SDFT_UNROLL
  for (int r = 0; r < kRows; ++r) {
    const float sum = warp_sum(sums[r]);
    if (lane == 0 && r < out.rows) out.row(r)[output] = bias != nullptr ? sum + bias[output] : sum;
  }
}

}  // namespace

void linear_integer(const Context& context, Tensor out, Tensor x, const DeviceWeight& weight, Tensor bias) {
  if (x.rows == 0) return;
  const int64_t groups = x.cols / kGroup;
  auto* quants = context.scratch->take<int8_t>(Scratch::activations, x.rows * x.cols);
  auto* scales = context.scratch->take<float>(Scratch::second_activations, x.rows * groups);
  SDFT_LAUNCH(quantize_rows_kernel, dim3(blocks_for(x.rows * groups, kThreads / 32)), dim3(kThreads), 0, context.stream, quants, scales, rows_of(x));
  const auto nibbles = linear_integer_kernel<WeightKind::nibbles>;
  const auto bytes = linear_integer_kernel<WeightKind::bytes>;
  for (int64_t first = 0; first < x.rows; first += kRows) {
    Rows to = rows_of(out);
    to.data += first * to.stride;
    to.rows = std::min<int64_t>(kRows, x.rows - first);
    SDFT_LAUNCH((weight.kind == WeightKind::nibbles ? nibbles : bytes), dim3(blocks_for(weight.rows, kThreads / 32)), dim3(kThreads), 0, context.stream, to,
                quants + first * x.cols, scales + first * groups, weight, static_cast<const float*>(bias.data));
  }
  check_launch("linear_integer");
}

}  // namespace sdft::cuda
