#include "kernels/cuda/operands.h"

#include "kernels/cuda/unpack.cuh"

namespace sdft::cuda {
namespace {

constexpr int kThreads = 128;
constexpr int64_t kMostBlockRows = 32768;

/// Two elements a thread.
__global__ void __launch_bounds__(kThreads) round_rows_kernel(bf16* out, int64_t stride, Rows x) {
  const int64_t c = (int64_t{blockIdx.x} * kThreads + threadIdx.x) * 2;
  if (c >= stride) return;
  for (int64_t r = blockIdx.y; r < x.rows; r += gridDim.y) {
    const float* in = x.row(r);
    const float low = c < x.cols ? in[c] : 0.0f, high = c + 1 < x.cols ? in[c + 1] : 0.0f;
    *reinterpret_cast<uint32_t*>(out + r * stride + c) = pack_bf16(low, high);
  }
}

/// Eight elements a thread. Rows of the weight are padded with zeros as those of `out` are.
template <WeightKind kKind>
__global__ void __launch_bounds__(kThreads) unpack_bf16_kernel(bf16* out, DeviceWeight weight) {
  const int64_t c = (int64_t{blockIdx.x} * kThreads + threadIdx.x) * 8;
  if (c >= weight.stride) return;
  for (int64_t r = blockIdx.y; r < weight.rows; r += gridDim.y) {
    float values[8];
    unpack_eight<kKind>(values, weight, r, c);
    *reinterpret_cast<uint4*>(out + r * weight.stride + c) =
        make_uint4(pack_bf16(values[0], values[1]), pack_bf16(values[2], values[3]), pack_bf16(values[4], values[5]), pack_bf16(values[6], values[7]));
  }
}

__global__ void __launch_bounds__(kThreads) unpack_float_kernel(float* out, int64_t stride, DeviceWeight weight) {
  const int64_t c = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (c >= weight.cols) return;
  for (int64_t r = blockIdx.y; r < weight.rows; r += gridDim.y) out[r * stride + c] = weight_value(weight, r, c);
}

dim3 grid_of(int64_t rows, int64_t cols) { return dim3(blocks_for(cols, kThreads), static_cast<unsigned>(rows < kMostBlockRows ? rows : kMostBlockRows)); }

}  // namespace

Operand round_rows(const Context& context, Tensor x, Scratch::Slot slot) {
  const int64_t stride = round_up(x.cols, 8);
  bf16* out = context.scratch->take<bf16>(slot, x.rows * stride);
  if (x.rows > 0) SDFT_LAUNCH(round_rows_kernel, grid_of(x.rows, stride / 2), dim3(kThreads), 0, context.stream, out, stride, rows_of(x));
  check_launch("rounding of activations");
  return {out, stride};
}

Operand bf16_weight(const Context& context, const DeviceWeight& weight) {
  if (weight.kind == WeightKind::bf16) return {static_cast<const bf16*>(weight.values), weight.stride};
  bf16* out = context.scratch->take<bf16>(Scratch::weights, weight.rows * weight.stride);
  const auto kernel = weight.kind == WeightKind::nibbles ? unpack_bf16_kernel<WeightKind::nibbles>
                      : weight.kind == WeightKind::bytes ? unpack_bf16_kernel<WeightKind::bytes>
                                                         : unpack_bf16_kernel<WeightKind::f16>;
  SDFT_LAUNCH(kernel, grid_of(weight.rows, weight.stride / 8), dim3(kThreads), 0, context.stream, out, weight);
  check_launch("unpacking of weights");
  return {out, weight.stride};
}

FloatOperand float_weight(const Context& context, const DeviceWeight& weight) {
  if (weight.kind == WeightKind::f32) return {static_cast<const float*>(weight.values), weight.stride};
  float* out = context.scratch->take<float>(Scratch::weights, weight.rows * weight.cols);
  SDFT_LAUNCH(unpack_float_kernel, grid_of(weight.rows, weight.cols), dim3(kThreads), 0, context.stream, out, weight.cols, weight);
  check_launch("unpacking of weights");
  return {out, weight.cols};
}

}  // namespace sdft::cuda
