// RMSNorm and LayerNorm. Narrow rows (heads) take a warp each, wide ones a block; the order of a row's sums depends on its width alone.
#include "kernels/cuda/kernels.h"

namespace sdft::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / 32;
/// Up to this width a warp takes a row.
constexpr int64_t kNarrow = 512;

/// Where a row's threads stand: `count` of them, this one is `index`.
struct RowThreads {
  int64_t row;
  int index, count;
};

template <bool kWide>
__device__ __forceinline__ RowThreads row_threads() {
  if (kWide) return {int64_t{blockIdx.x}, static_cast<int>(threadIdx.x), kThreads};
  return {int64_t{blockIdx.x} * kWarps + threadIdx.x / 32, static_cast<int>(threadIdx.x % 32), 32};
}

template <bool kWide>
__device__ __forceinline__ float row_sum(float value, float (&slots)[kWarps]) {
  return kWide ? block_sum<kWarps>(value, slots) : warp_sum(value);
}

/// kAdds: of sum = x + y, which is written on the way; each thread reads again what it wrote itself.
template <bool kWide, bool kAdds>
__global__ void __launch_bounds__(kThreads) rms_norm_kernel(Rows out, Rows sum, Rows x, Rows y, const float* weight, float epsilon) {
  SDFT_SHARED(float, slots, [kWarps]);
  const RowThreads threads = row_threads<kWide>();
  if (threads.row >= x.rows) return;  // a whole warp, or nobody
  const float *in = x.row(threads.row), *summed = kAdds ? sum.row(threads.row) : in;
  float squares = 0;
  for (int64_t c = threads.index; c < x.cols; c += threads.count) {
    const float value = kAdds ? in[c] + y.row(threads.row)[c] : in[c];
    if (kAdds) sum.row(threads.row)[c] = value;
    squares += value * value;
  }
  const float inverse = 1.0f / sqrtf(row_sum<kWide>(squares, slots) / static_cast<float>(x.cols) + epsilon);
  float* to = out.row(threads.row);
  for (int64_t c = threads.index; c < x.cols; c += threads.count) to[c] = summed[c] * inverse * weight[c];
}

template <bool kWide>
__global__ void __launch_bounds__(kThreads) rms_norm_backward_kernel(Rows dx, Rows dout, Rows x, const float* weight, float epsilon, bool add) {
  SDFT_SHARED(float, slots, [kWarps]);
  const RowThreads threads = row_threads<kWide>();
  if (threads.row >= x.rows) return;
  const float *in = x.row(threads.row), *gradient = dout.row(threads.row);
  float squares = 0, along = 0;
  for (int64_t c = threads.index; c < x.cols; c += threads.count) {
    squares += in[c] * in[c];
    along += gradient[c] * weight[c] * in[c];
  }
  const float inverse = 1.0f / sqrtf(row_sum<kWide>(squares, slots) / static_cast<float>(x.cols) + epsilon);
  const float pull = inverse * inverse * inverse * (row_sum<kWide>(along, slots) / static_cast<float>(x.cols));
  float* to = dx.row(threads.row);
  for (int64_t c = threads.index; c < x.cols; c += threads.count) {
    const float value = inverse * (gradient[c] * weight[c]) - in[c] * pull;
    to[c] = add ? to[c] + value : value;
  }
}

template <bool kWide>
__global__ void __launch_bounds__(kThreads) layer_norm_kernel(Rows out, Rows x, const float* weight, const float* bias, float epsilon) {
  SDFT_SHARED(float, slots, [kWarps]);
  const RowThreads threads = row_threads<kWide>();
  if (threads.row >= x.rows) return;
  const float* in = x.row(threads.row);
  float sum = 0, squares = 0;
  for (int64_t c = threads.index; c < x.cols; c += threads.count) sum += in[c];
  const float mean = row_sum<kWide>(sum, slots) / static_cast<float>(x.cols);
  for (int64_t c = threads.index; c < x.cols; c += threads.count) squares += (in[c] - mean) * (in[c] - mean);
  const float inverse = 1.0f / sqrtf(row_sum<kWide>(squares, slots) / static_cast<float>(x.cols) + epsilon);
  float* to = out.row(threads.row);
  for (int64_t c = threads.index; c < x.cols; c += threads.count) to[c] = (in[c] - mean) * inverse * weight[c] + bias[c];
}

template <bool kAdds>
void launch_rms_norm(const Context& context, const char* name, Tensor out, Tensor sum, Tensor x, Tensor y, Tensor weight, double epsilon) {
  if (x.rows == 0) return;
  const auto* w = static_cast<const float*>(weight.data);
  if (x.cols > kNarrow) {
    SDFT_LAUNCH((rms_norm_kernel<true, kAdds>), dim3(static_cast<unsigned>(x.rows)), dim3(kThreads), 0, context.stream, rows_of(out), rows_of(sum), rows_of(x), rows_of(y), w,
                static_cast<float>(epsilon));
  } else {
    SDFT_LAUNCH((rms_norm_kernel<false, kAdds>), dim3(blocks_for(x.rows, kWarps)), dim3(kThreads), 0, context.stream, rows_of(out), rows_of(sum), rows_of(x), rows_of(y), w,
                static_cast<float>(epsilon));
  }
  check_launch(name);
}

}  // namespace

void layer_norm(const Context& context, Tensor out, Tensor x, Tensor weight, Tensor bias, double epsilon) {
  if (x.rows == 0) return;
  const auto *w = static_cast<const float*>(weight.data), *b = static_cast<const float*>(bias.data);
  if (x.cols > kNarrow) {
    SDFT_LAUNCH(layer_norm_kernel<true>, dim3(static_cast<unsigned>(x.rows)), dim3(kThreads), 0, context.stream, rows_of(out), rows_of(x), w, b, static_cast<float>(epsilon));
  } else {
    SDFT_LAUNCH(layer_norm_kernel<false>, dim3(blocks_for(x.rows, kWarps)), dim3(kThreads), 0, context.stream, rows_of(out), rows_of(x), w, b, static_cast<float>(epsilon));
  }
  check_launch("layer_norm");
}

void rms_norm(const Context& context, Tensor out, Tensor x, Tensor weight, double epsilon) { launch_rms_norm<false>(context, "rms_norm", out, x, x, x, weight, epsilon); }

void add_rms_norm(const Context& context, Tensor out, Tensor sum, Tensor x, Tensor y, Tensor weight, double epsilon) {
  launch_rms_norm<true>(context, "add_rms_norm", out, sum, x, y, weight, epsilon);
}

void rms_norm_backward(const Context& context, Tensor dx, Tensor dout, Tensor x, Tensor weight, double epsilon, Write write) {
  if (x.rows == 0) return;
  const auto* w = static_cast<const float*>(weight.data);
  const bool add = write == Write::add;
  if (x.cols > kNarrow) {
    SDFT_LAUNCH(rms_norm_backward_kernel<true>, dim3(static_cast<unsigned>(x.rows)), dim3(kThreads), 0, context.stream, rows_of(dx), rows_of(dout), rows_of(x), w,
                static_cast<float>(epsilon), add);
  } else {
    SDFT_LAUNCH(rms_norm_backward_kernel<false>, dim3(blocks_for(x.rows, kWarps)), dim3(kThreads), 0, context.stream, rows_of(dx), rows_of(dout), rows_of(x), w,
                static_cast<float>(epsilon), add);
  }
  check_launch("rms_norm_backward");
}

}  // namespace sdft::cuda
