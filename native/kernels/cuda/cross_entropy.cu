// The head and the cross-entropy: some rows at a time have their logits made, turned into the loss and in place into its gradient, and multiplied back. The
// logits of all rows never exist together.
#include <algorithm>
#include <utility>

#include "kernels/cuda/cublaslt.h"
#include "kernels/cuda/kernels.h"

namespace sdft::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / 32;

/// e^u − 1 − u, never negative: by its series where the terms of the difference nearly cancel.
__device__ __forceinline__ float beyond_tangent(float u) {
  if (fabsf(u) > 0.5f) return expf(u) - 1.0f - u;
  float sum = 0, term = u * u * 0.5f;
  for (int n = 3; n <= 10; ++n) {
    sum += term;
    term *= u / static_cast<float>(n);
  }
  return sum;
}

/// log Σ e^logit of one row, by a block.
__device__ __forceinline__ float row_normaliser(const float* row, int64_t count, float (&slots)[kWarps]) {
  float largest = -INFINITY, sum = 0;
  for (int64_t c = threadIdx.x; c < count; c += kThreads) largest = fmaxf(largest, row[c]);
  largest = block_largest<kWarps>(largest, slots);
  for (int64_t c = threadIdx.x; c < count; c += kThreads) sum += expf(row[c] - largest);
  return largest + logf(block_sum<kWarps>(sum, slots));
}

/// One block a row. With `gradient` the logits become softmax − onehot, times scale.
__global__ void __launch_bounds__(kThreads) cross_entropy_kernel(Rows loss, Rows logits, const int32_t* targets, float scale, bool gradient) {
  SDFT_SHARED(float, slots, [kWarps]);
  const int64_t r = blockIdx.x;
  float* row = logits.row(r);
  const float logsumexp = row_normaliser(row, logits.cols, slots);
  const int64_t target = targets[r];
  if (threadIdx.x == 0) *loss.row(r) = logsumexp - row[target];
  if (!gradient) return;
  __syncthreads();  // the target's logit has been read
  for (int64_t c = threadIdx.x; c < logits.cols; c += kThreads) row[c] = scale * (expf(row[c] - logsumexp) - (c == target ? 1.0f : 0.0f));
}

/// kl = Σ p · (e^u − 1 − u), u = log q − log p. One block a row.
__global__ void __launch_bounds__(kThreads) divergence_kernel(Rows kl, Rows from, Rows to) {
  SDFT_SHARED(float, slots, [kWarps]);
  const int64_t r = blockIdx.x;
  const float *p = from.row(r), *q = to.row(r);
  const float p_normaliser = row_normaliser(p, from.cols, slots), q_normaliser = row_normaliser(q, from.cols, slots);
  float sum = 0;
  for (int64_t c = threadIdx.x; c < from.cols; c += kThreads) {
    const float log_p = p[c] - p_normaliser, log_q = q[c] - q_normaliser, u = log_q - log_p;
    // Where e^u is out of range p is 0, or next to it.
    sum += u < 80.0f ? expf(log_p) * beyond_tangent(u) : expf(log_q) - expf(log_p) * (1.0f + u);
  }
  sum = block_sum<kWarps>(sum, slots);
  if (threadIdx.x == 0) *kl.row(r) = sum;
}

/// Rows whose logits are made together, `sides` times.
int64_t rows_together(int64_t rows, int64_t stride, int64_t sides) {
  return std::min(round_up(rows, 64), std::max<int64_t>(64, kLogitBytes / (sides * stride * int64_t{sizeof(float)}) / 64 * 64));
}

Tensor rows_from(Tensor x, int64_t first, int64_t count) { return {static_cast<float*>(x.data) + first * x.stride, count, x.cols, x.stride}; }

}  // namespace

void linear_cross_entropy(const Context& context, Tensor loss, Tensor dx, Tensor x, const DeviceWeight& head, Indices targets, double scale, bool integer) {
  if (x.rows == 0) return;
  const int64_t stride = round_up(head.rows, 4);
  const int64_t most = rows_together(x.rows, stride, 1);
  float* memory = context.scratch->take<float>(Scratch::logits, most * stride);
  for (int64_t first = 0; first < x.rows; first += most) {
    const int64_t count = std::min(most, x.rows - first);
    const Tensor logits{memory, count, head.rows, stride}, rows = rows_from(x, first, count);
    if (integer) linear_integer(context, logits, rows, head, Tensor{});
    else linear(context, logits, rows, head, Tensor{});
    SDFT_LAUNCH(cross_entropy_kernel, dim3(static_cast<unsigned>(count)), dim3(kThreads), 0, context.stream, rows_of(rows_from(loss, first, count)), rows_of(logits),
                targets.data + first, static_cast<float>(scale), static_cast<bool>(dx));
    check_launch("the cross-entropy");
    if (dx) linear_backward(context, rows_from(dx, first, count), logits, head, Write::overwrite);
  }
}

void linear_divergence(const Context& context, Tensor kl, Tensor from, Tensor to, const DeviceWeight& head, bool integer) {
  if (from.rows == 0) return;
  const int64_t stride = round_up(head.rows, 4), most = rows_together(from.rows, stride, 2);
  float* memory = context.scratch->take<float>(Scratch::logits, 2 * most * stride);
  for (int64_t first = 0; first < from.rows; first += most) {
    const int64_t count = std::min(most, from.rows - first);
    const Tensor p{memory, count, head.rows, stride}, q{memory + most * stride, count, head.rows, stride};
    for (const auto& [logits, x] : {std::pair{p, rows_from(from, first, count)}, std::pair{q, rows_from(to, first, count)}}) {
      if (integer) linear_integer(context, logits, x, head, Tensor{});
      else linear(context, logits, x, head, Tensor{});
    }
    SDFT_LAUNCH(divergence_kernel, dim3(static_cast<unsigned>(count)), dim3(kThreads), 0, context.stream, rows_of(rows_from(kl, first, count)), rows_of(p), rows_of(q));
    check_launch("the divergence");
  }
}

}  // namespace sdft::cuda
