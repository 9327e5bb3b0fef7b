// The head and the cross-entropy: some rows at a time have their logits made, turned into the loss and in place into its gradient, and multiplied back. The
// logits of all rows never exist together.
#include <algorithm>

#include "kernels/cuda/cublaslt.h"
#include "kernels/cuda/kernels.h"

namespace sdft::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / 32;
/// Memory for logits. Rows come in multiples of 64.
constexpr int64_t kLogitBytes = int64_t{128} << 20;

/// One block a row. With `gradient` the logits become softmax − onehot, times scale.
__global__ void __launch_bounds__(kThreads) cross_entropy_kernel(Rows loss, Rows logits, const int32_t* targets, float scale, bool gradient) {
  SDFT_SHARED(float, slots, [kWarps]);
  const int64_t r = blockIdx.x;
  float* row = logits.row(r);
  float largest = -INFINITY;
  for (int64_t c = threadIdx.x; c < logits.cols; c += kThreads) largest = fmaxf(largest, row[c]);
  largest = block_largest<kWarps>(largest, slots);
  float sum = 0;
  for (int64_t c = threadIdx.x; c < logits.cols; c += kThreads) sum += expf(row[c] - largest);
  sum = block_sum<kWarps>(sum, slots);
  const float logsumexp = largest + logf(sum);
  const int64_t target = targets[r];
  if (threadIdx.x == 0) *loss.row(r) = logsumexp - row[target];
  if (!gradient) return;
  __syncthreads();  // the target's logit has been read
  for (int64_t c = threadIdx.x; c < logits.cols; c += kThreads) row[c] = scale * (expf(row[c] - logsumexp) - (c == target ? 1.0f : 0.0f));
}

Tensor rows_from(Tensor x, int64_t first, int64_t count) { return {static_cast<float*>(x.data) + first * x.stride, count, x.cols, x.stride}; }

}  // namespace

void linear_cross_entropy(const Context& context, Tensor loss, Tensor dx, Tensor x, const DeviceWeight& head, Indices targets, double scale, bool integer) {
  if (x.rows == 0) return;
  const int64_t stride = round_up(head.rows, 4);
  const int64_t most = std::min(round_up(x.rows, 64), std::max<int64_t>(64, kLogitBytes / (stride * int64_t{sizeof(float)}) / 64 * 64));
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

}  // namespace sdft::cuda
