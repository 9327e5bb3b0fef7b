// Rotary position embedding, half rotation: channel i of a head turns with channel i + D/2.
#include "kernels/cuda/kernels.h"

namespace sdft::cuda {
namespace {

constexpr int kThreads = 128;

__global__ void __launch_bounds__(kThreads) rope_table_kernel(Rows cosines, Rows sines, const int32_t* positions, const double* frequencies, double scale) {
  const int64_t r = blockIdx.x;
  for (int64_t i = threadIdx.x; i < cosines.cols; i += kThreads) {
    const double angle = positions[r] * frequencies[i];
    cosines.row(r)[i] = static_cast<float>(scale * cos(angle));
    sines.row(r)[i] = static_cast<float>(scale * sin(angle));
  }
}

__global__ void __launch_bounds__(kThreads) rope_kernel(Rows x, Rows cosines, Rows sines, int64_t head_size, float sign) {
  const int64_t r = blockIdx.x, half = head_size / 2;
  for (int64_t pair = threadIdx.x; pair < x.cols / 2; pair += kThreads) {
    const int64_t head = pair / half, i = pair % half;
    float* low = x.row(r) + head * head_size + i;
    float* high = low + half;
    const float a = *low, b = *high, cosine = cosines.row(r)[i], sine = sign * sines.row(r)[i];
    *low = a * cosine - b * sine;
    *high = b * cosine + a * sine;
  }
}

}  // namespace

void rope_table(const Context& context, Tensor cosines, Tensor sines, Indices positions, const double* frequencies, double scale) {
  if (positions.count == 0 || cosines.cols == 0) return;
  SDFT_LAUNCH(rope_table_kernel, dim3(static_cast<unsigned>(positions.count)), dim3(kThreads), 0, context.stream, rows_of(cosines), rows_of(sines), positions.data,
              frequencies, scale);
  check_launch("rope_table");
}

void rope(const Context& context, Tensor x, Tensor cosines, Tensor sines, int64_t head_size, Rotation rotation) {
  if (x.rows == 0) return;
  SDFT_LAUNCH(rope_kernel, dim3(static_cast<unsigned>(x.rows)), dim3(kThreads), 0, context.stream, rows_of(x), rows_of(cosines), rows_of(sines), head_size,
              rotation == Rotation::forward ? 1.0f : -1.0f);
  check_launch("rope");
}

}  // namespace sdft::cuda
