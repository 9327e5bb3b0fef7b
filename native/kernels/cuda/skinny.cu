// A warp makes kOutputs outputs of kSkinnyRows rows: each lane sums eight inputs out of every 256, then the lanes are added up.
#include "kernels/cuda/skinny.h"

#include <algorithm>

#include "kernels/cuda/unpack.cuh"

namespace sdft::cuda {
namespace {

constexpr int kThreads = 128;
constexpr int kOutputs = 4;

template <WeightKind kKind, int kRows>
__global__ void __launch_bounds__(kThreads, 4) skinny_product_kernel(Rows out, Rows x, DeviceWeight weight, const float* bias) {
  const int lane = threadIdx.x % 32;
  const int64_t first = (int64_t{blockIdx.x} * (kThreads / 32) + threadIdx.x / 32) * kOutputs;
  if (first >= weight.rows) return;  // the whole warp
  float sums[kRows][kOutputs];
  SDFT_UNROLL
  for (int r = 0; r < kRows; ++r)
    SDFT_UNROLL
    for (int o = 0; o < kOutputs; ++o) sums[r][o] = 0;
  for (int64_t col = lane * 8; col < weight.cols; col += 256) {
    float w[kOutputs][8];
    SDFT_UNROLL
    for (int o = 0; o < kOutputs; ++o) unpack_eight<kKind>(w[o], weight, first + o < weight.rows ? first + o : weight.rows - 1, col);
    SDFT_UNROLL
    for (int r = 0; r < kRows; ++r) {
      if (r >= x.rows) break;
      const float4* in = reinterpret_cast<const float4*>(x.row(r) + col);
      const float4 low = in[0], high = in[1];
      const float values[8] = {low.x, low.y, low.z, low.w, high.x, high.y, high.z, high.w};
      SDFT_UNROLL
      for (int o = 0; o < kOutputs; ++o)
        SDFT_UNROLL
        for (int i = 0; i < 8; ++i) sums[r][o] = fmaf(values[i], w[o][i], sums[r][o]);
    }
  }
  SDFT_UNROLL
  for (int r = 0; r < kRows; ++r) {
    SDFT_UNROLL
    for (int o = 0; o < kOutputs; ++o) {
      const float sum = warp_sum(sums[r][o]);
      if (lane == 0 && r < x.rows && first + o < weight.rows) out.row(r)[first + o] = bias != nullptr ? sum + bias[first + o] : sum;
    }
  }
}

template <WeightKind kKind>
void launch(const Context& context, Rows out, Rows x, const DeviceWeight& weight, const float* bias) {
  const dim3 grid(blocks_for(weight.rows, kOutputs * (kThreads / 32)));
  const auto one = skinny_product_kernel<kKind, 1>;
  const auto few = skinny_product_kernel<kKind, kSkinnyRows>;
  if (x.rows == 1) {
    SDFT_LAUNCH(one, grid, dim3(kThreads), 0, context.stream, out, x, weight, bias);
  } else {
    SDFT_LAUNCH(few, grid, dim3(kThreads), 0, context.stream, out, x, weight, bias);
  }
  check_launch("a product of few rows");
}

}  // namespace

bool fits_skinny(const DeviceWeight& weight, Tensor x) {
  const Rows rows = rows_of(x);
  return weight.kind != WeightKind::f32 && weight.cols % 8 == 0 && in_quads(rows);
}

void skinny_product(const Context& context, Tensor out, Tensor x, const DeviceWeight& weight, Tensor bias) {
  const auto* b = static_cast<const float*>(bias.data);
  for (int64_t first = 0; first < x.rows; first += kSkinnyRows) {
    Rows part = rows_of(x), to = rows_of(out);
    part.data += first * part.stride;
    to.data += first * to.stride;
    part.rows = to.rows = std::min(kSkinnyRows, x.rows - first);
    switch (weight.kind) {
      case WeightKind::bf16: launch<WeightKind::bf16>(context, to, part, weight, b); break;
      case WeightKind::f16: launch<WeightKind::f16>(context, to, part, weight, b); break;
      case WeightKind::nibbles: launch<WeightKind::nibbles>(context, to, part, weight, b); break;
      case WeightKind::bytes: launch<WeightKind::bytes>(context, to, part, weight, b); break;
      case WeightKind::f32: break;
    }
  }
}

}  // namespace sdft::cuda
