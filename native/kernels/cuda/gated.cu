// The gated activation of the MLP: activation(gate) · up, with SiLU or the tanh form of GELU (Hendrycks & Gimpel 2016). GELU itself, for encoders.
#include "kernels/cuda/kernels.h"

namespace sdft::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int64_t kMostBlockRows = 32768;

struct Point {
  float value, slope;
};

__device__ __forceinline__ Point activate(float x, Activation activation) {
  if (activation == Activation::silu) {
    const float sigmoid = 1.0f / (1.0f + expf(-x));
    return {x * sigmoid, sigmoid * (1.0f + x * (1.0f - sigmoid))};
  }
  constexpr float kRootTwoOverPi = 0.79788456080286535588f, kCubic = 0.044715f;
  const float tangent = tanhf(kRootTwoOverPi * (x + kCubic * x * x * x));
  const float inner_slope = kRootTwoOverPi * (1.0f + 3.0f * kCubic * x * x);
  return {0.5f * x * (1.0f + tangent), 0.5f * (1.0f + tangent) + 0.5f * x * (1.0f - tangent * tangent) * inner_slope};
}

__global__ void __launch_bounds__(kThreads) gated_kernel(Rows out, Rows gate, Rows up, Activation activation) {
  const int64_t c = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (c >= out.cols) return;
  for (int64_t r = blockIdx.y; r < out.rows; r += gridDim.y) out.row(r)[c] = activate(gate.row(r)[c], activation).value * up.row(r)[c];
}

__global__ void __launch_bounds__(kThreads) gated_backward_kernel(Rows dgate, Rows dup, Rows dout, Rows gate, Rows up, Activation activation) {
  const int64_t c = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (c >= dout.cols) return;
  for (int64_t r = blockIdx.y; r < dout.rows; r += gridDim.y) {
    const Point point = activate(gate.row(r)[c], activation);
    const float gradient = dout.row(r)[c], factor = up.row(r)[c];
    dgate.row(r)[c] = gradient * factor * point.slope;
    dup.row(r)[c] = gradient * point.value;
  }
}

__global__ void __launch_bounds__(kThreads) gelu_kernel(Rows out, Rows x) {
  const int64_t c = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (c >= x.cols) return;
  for (int64_t r = blockIdx.y; r < x.rows; r += gridDim.y) out.row(r)[c] = 0.5f * x.row(r)[c] * (1.0f + erff(x.row(r)[c] * 0.70710678118654752f));
}

dim3 grid_of(Tensor x) { return dim3(blocks_for(x.cols, kThreads), static_cast<unsigned>(x.rows < kMostBlockRows ? x.rows : kMostBlockRows)); }

}  // namespace

void gated(const Context& context, Tensor out, Tensor gate, Tensor up, Activation activation) {
  if (out.rows == 0) return;
  SDFT_LAUNCH(gated_kernel, grid_of(out), dim3(kThreads), 0, context.stream, rows_of(out), rows_of(gate), rows_of(up), activation);
  check_launch("gated");
}

void gated_backward(const Context& context, Tensor dgate, Tensor dup, Tensor dout, Tensor gate, Tensor up, Activation activation) {
  if (dout.rows == 0) return;
  SDFT_LAUNCH(gated_backward_kernel, grid_of(dout), dim3(kThreads), 0, context.stream, rows_of(dgate), rows_of(dup), rows_of(dout), rows_of(gate), rows_of(up),
              activation);
  check_launch("gated_backward");
}

void gelu(const Context& context, Tensor out, Tensor x) {
  if (x.rows == 0) return;
  SDFT_LAUNCH(gelu_kernel, grid_of(x), dim3(kThreads), 0, context.stream, rows_of(out), rows_of(x));
  check_launch("gelu");
}

}  // namespace sdft::cuda
