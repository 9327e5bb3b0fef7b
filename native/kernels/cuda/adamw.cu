// AdamW (Loshchilov & Hutter 2019) with the operations of torch.optim.AdamW in its order, and the sum of squares that clipping needs, in a fixed order.
#include <cmath>

#include "kernels/cuda/kernels.h"

namespace sdft::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / 32;
/// Blocks that share out one tensor; fixed, because it decides the order of the sums.
constexpr int kSumBlocks = 32;

struct Factors {
  float clip, keep, toward, beta2, square_share, root_correction2, epsilon, step_size;
};

__global__ void __launch_bounds__(kThreads) adamw_kernel(Rows parameter, Rows gradient, Rows first_moment, Rows second_moment, Factors f) {
  const int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (i >= parameter.rows * parameter.cols) return;
  const int64_t r = i / parameter.cols, c = i % parameter.cols;
  const float g = gradient.row(r)[c] * f.clip;
  float &p = parameter.row(r)[c], &m = first_moment.row(r)[c], &v = second_moment.row(r)[c];
  const float kept = p * f.keep;
  const float first = f.toward < 0.5f ? fmaf(f.toward, g - m, m) : fmaf(f.toward - 1.0f, g - m, g);  // torch.lerp
  const float second = fmaf(f.square_share * g, g, v * f.beta2);
  m = first;
  v = second;
  p = kept + f.step_size * first / (sqrtf(second) / f.root_correction2 + f.epsilon);
}

__global__ void __launch_bounds__(kThreads) squares_kernel(double* partial, Rows x) {
  SDFT_SHARED(double, slots, [kWarps]);
  double sum = 0;
  for (int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x; i < x.rows * x.cols; i += int64_t{kSumBlocks} * kThreads) {
    const double value = x.row(i / x.cols)[i % x.cols];
    sum += value * value;
  }
  sum = block_sum<kWarps>(sum, slots);
  if (threadIdx.x == 0) partial[blockIdx.x] = sum;
}

/// One thread a tensor.
__global__ void __launch_bounds__(kThreads) add_up_kernel(double* sums, const double* partial, int64_t tensors) {
  const int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (i >= tensors) return;
  double sum = 0;
  for (int b = 0; b < kSumBlocks; ++b) sum += partial[i * kSumBlocks + b];
  sums[i] = sum;
}

}  // namespace

void sum_of_squares(const Context& context, double* sums, const std::vector<Tensor>& tensors) {
  const auto count = static_cast<int64_t>(tensors.size());
  if (count == 0) return;
  double* partial = context.scratch->take<double>(Scratch::partial_sums, count * kSumBlocks);
  for (int64_t i = 0; i < count; ++i)
    SDFT_LAUNCH(squares_kernel, dim3(kSumBlocks), dim3(kThreads), 0, context.stream, partial + i * kSumBlocks, rows_of(tensors[static_cast<size_t>(i)]));
  SDFT_LAUNCH(add_up_kernel, dim3(blocks_for(count, kThreads)), dim3(kThreads), 0, context.stream, sums, partial, count);
  check_launch("sum_of_squares");
}

void adamw(const Context& context, Tensor parameter, Tensor gradient, Tensor first_moment, Tensor second_moment, const AdamWStep& step) {
  const int64_t count = parameter.rows * parameter.cols;
  if (count == 0) return;
  const double correction1 = 1 - std::pow(step.beta1, static_cast<double>(step.step));
  const double correction2 = 1 - std::pow(step.beta2, static_cast<double>(step.step));
  const Factors factors{static_cast<float>(step.gradient_scale),       static_cast<float>(1 - step.learning_rate * step.weight_decay),
                        static_cast<float>(1 - step.beta1),            static_cast<float>(step.beta2),
                        static_cast<float>(1 - step.beta2),            static_cast<float>(std::sqrt(correction2)),
                        static_cast<float>(step.epsilon),              static_cast<float>(-(step.learning_rate / correction1))};
  SDFT_LAUNCH(adamw_kernel, dim3(blocks_for(count, kThreads)), dim3(kThreads), 0, context.stream, rows_of(parameter), rows_of(gradient), rows_of(first_moment),
              rows_of(second_moment), factors);
  check_launch("adamw");
}

}  // namespace sdft::cuda
