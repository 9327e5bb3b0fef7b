// AdamW (Loshchilov & Hutter 2019) with the operations of torch.optim.AdamW in its order, over all tensors in one launch, and the sum of squares that clipping
// needs, in a fixed order. Both read the tensors from a table that is sent once.
#include <cmath>

#include "kernels/cuda/kernels.h"

namespace sdft::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / 32;
/// Blocks that share out one tensor; fixed, because it decides the order of the sums.
constexpr int kSumBlocks = 32;
/// Elements of a block of the optimizer.
constexpr int64_t kChunk = 1024;

struct Factors {
  float clip, keep, toward, beta2, square_share, root_correction2, epsilon, step_size;
};

struct TrainedEntry {
  Rows parameter, gradient, first_moment, second_moment;
  int64_t first_block;
};

__global__ void __launch_bounds__(kThreads) adamw_kernel(const TrainedEntry* entries, int64_t count, Factors f, bool clear) {
  int64_t low = 0;
  for (int64_t high = count; high - low > 1;) {
    const int64_t middle = (low + high) / 2;
    if (entries[middle].first_block <= blockIdx.x) low = middle;
    else high = middle;
  }
  const TrainedEntry& entry = entries[low];
  const int64_t cols = entry.parameter.cols, first = (int64_t{blockIdx.x} - entry.first_block) * kChunk, elements = entry.parameter.rows * cols;
  const int64_t end = first + kChunk < elements ? first + kChunk : elements;
  for (int64_t i = first + threadIdx.x; i < end; i += kThreads) {
    const int64_t r = i / cols, c = i % cols;
    float& gradient = entry.gradient.row(r)[c];
    const float g = gradient * f.clip;
    float &p = entry.parameter.row(r)[c], &m = entry.first_moment.row(r)[c], &v = entry.second_moment.row(r)[c];
    const float kept = p * f.keep;
    const float mean = f.toward < 0.5f ? fmaf(f.toward, g - m, m) : fmaf(f.toward - 1.0f, g - m, g);  // torch.lerp
    const float square = fmaf(f.square_share * g, g, v * f.beta2);
    m = mean;
    v = square;
    p = kept + f.step_size * mean / (sqrtf(square) / f.root_correction2 + f.epsilon);
    if (clear) gradient = 0;
  }
}

/// kSumBlocks blocks for each tensor (y).
__global__ void __launch_bounds__(kThreads) squares_kernel(double* partial, const Rows* tensors) {
  SDFT_SHARED(double, slots, [kWarps]);
  const Rows x = tensors[blockIdx.y];
  double sum = 0;
  for (int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x; i < x.rows * x.cols; i += int64_t{kSumBlocks} * kThreads) {
    const double value = x.row(i / x.cols)[i % x.cols];
    sum += value * value;
  }
  sum = block_sum<kWarps>(sum, slots);
  if (threadIdx.x == 0) partial[int64_t{blockIdx.y} * kSumBlocks + blockIdx.x] = sum;
}

/// One block: each tensor's sum by one thread, then all of them in their order.
__global__ void __launch_bounds__(kThreads) add_up_kernel(double* sum, double* partial, int64_t tensors) {
  for (int64_t i = threadIdx.x; i < tensors; i += kThreads) {
    double own = 0;
    for (int b = 0; b < kSumBlocks; ++b) own += partial[i * kSumBlocks + b];
    partial[i * kSumBlocks] = own;
  }
  __syncthreads();
  if (threadIdx.x != 0) return;
  double all = 0;
  for (int64_t i = 0; i < tensors; ++i) all += partial[i * kSumBlocks];
  *sum = all;
}

}  // namespace

void sum_of_squares(const Context& context, double* sum, KeptTable& table, const std::vector<Tensor>& tensors) {
  std::vector<Rows> entries;
  for (Tensor tensor : tensors) entries.push_back(rows_of(tensor));
  const auto count = static_cast<int64_t>(entries.size());
  const Rows* device = table.keep(entries, *context.scratch, *context.staging);
  double* partial = context.scratch->take<double>(Scratch::partial_sums, count * kSumBlocks);
  SDFT_LAUNCH(squares_kernel, dim3(kSumBlocks, static_cast<unsigned>(count)), dim3(kThreads), 0, context.stream, partial, device);
  SDFT_LAUNCH(add_up_kernel, dim3(1), dim3(kThreads), 0, context.stream, sum, partial, count);
  check_launch("sum_of_squares");
}

void adamw(const Context& context, KeptTable& table, const std::vector<TrainedTensor>& tensors, const AdamWStep& step, bool clear) {
  std::vector<TrainedEntry> entries;
  int64_t blocks = 0;
  for (const TrainedTensor& each : tensors) {
    const int64_t count = each.parameter.rows * each.parameter.cols;
    if (count == 0) continue;
    entries.push_back({rows_of(each.parameter), rows_of(each.gradient), rows_of(each.first_moment), rows_of(each.second_moment), blocks});
    blocks += (count + kChunk - 1) / kChunk;
  }
  if (entries.empty()) return;
  const double correction1 = 1 - std::pow(step.beta1, static_cast<double>(step.step));
  const double correction2 = 1 - std::pow(step.beta2, static_cast<double>(step.step));
  const Factors factors{static_cast<float>(step.gradient_scale),       static_cast<float>(1 - step.learning_rate * step.weight_decay),
                        static_cast<float>(1 - step.beta1),            static_cast<float>(step.beta2),
                        static_cast<float>(1 - step.beta2),            static_cast<float>(std::sqrt(correction2)),
                        static_cast<float>(step.epsilon),              static_cast<float>(-(step.learning_rate / correction1))};
  const TrainedEntry* device = table.keep(entries, *context.scratch, *context.staging);
  SDFT_LAUNCH(adamw_kernel, dim3(static_cast<unsigned>(blocks)), dim3(kThreads), 0, context.stream, device, static_cast<int64_t>(entries.size()), factors, clear);
  check_launch("adamw");
}

}  // namespace sdft::cuda
