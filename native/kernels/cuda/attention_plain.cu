// Attention in float32 with a warp a row and head: for head sizes that the tensor cores' kernels do not take, and to check those that they do.
#include "kernels/cuda/attention.h"

namespace sdft::cuda {
namespace {

constexpr int kWarps = 4;
constexpr int kThreads = kWarps * 32;
constexpr int kChannels = static_cast<int>(kLargestHead) / 32;  // of a lane

__device__ __forceinline__ int64_t first_visible(int64_t position, int64_t window) { return window > 0 && position >= window ? position - window + 1 : 0; }

/// Where the head's row of a position lies in pages of T.
template <class T>
__device__ __forceinline__ const T* cached(const AttentionCall& call, const void* pages, int32_t table, int64_t position, int kv_head) {
  const int64_t page = call.tables.pages[table + position / kPageRows];
  return static_cast<const T*>(pages) + page * call.page_step + (kv_head * kPageRows + position % kPageRows) * call.head_size;
}

__device__ __forceinline__ float dot(const float* a, const float* b, int count) {
  float sum = 0;
  for (int i = 0; i < count; ++i) sum = fmaf(a[i], b[i], sum);
  return sum;
}

__global__ void __launch_bounds__(kThreads) store_plain_kernel(AttentionTables tables, float* keys, float* values, int64_t step, Rows k, Rows v, int head_size) {
  const StoredRun run = tables.runs[blockIdx.x];
  for (int r = 0; r < run.count; ++r) {
    for (int64_t c = threadIdx.x; c < k.cols; c += kThreads) {
      const int64_t to = run.page * step + (c / head_size * kPageRows + run.slot + r) * head_size + c % head_size;
      keys[to] = k.row(run.row + r)[c];
      values[to] = v.row(run.row + r)[c];
    }
  }
}

__global__ void __launch_bounds__(kThreads) attend_plain_kernel(Rows out, Rows logsumexp, Rows q, AttentionCall call) {
  const int64_t at = int64_t{blockIdx.x} * kWarps + threadIdx.x / 32;
  const int lane = threadIdx.x % 32;
  const int64_t row = at / call.heads;
  const int head = static_cast<int>(at % call.heads), kv_head = head / call.group;
  if (row >= q.rows) return;
  const RowPlace place = call.tables.rows[row];
  if (place.position < 0) return;
  const float* query = q.row(row) + head * call.head_size;
  const int64_t first = first_visible(place.position, call.window);
  float sums[kChannels] = {}, largest = -INFINITY, total = 0;
  for (int64_t page = first / kPageRows; page <= place.position / kPageRows; ++page) {
    const int64_t position = page * kPageRows + lane;
    const bool visible = position >= first && position <= place.position;
    const float score = visible ? call.scale * dot(query, cached<float>(call, call.keys, place.pages, position, kv_head), call.head_size) : -INFINITY;
    const float higher = fmaxf(largest, warp_largest(score));
    const float shrink = expf(largest - higher), weight = visible ? expf(score - higher) : 0.0f;
    largest = higher;
    total = total * shrink + warp_sum(weight);
    SDFT_UNROLL
    for (int i = 0; i < kChannels; ++i) sums[i] *= shrink;
    for (int j = 0; j < 32; ++j) {
      const float share = __shfl_sync(kAllLanes, weight, j);
      if (share == 0) continue;  // of a slot that may hold nothing yet
      const float* value = cached<float>(call, call.values, place.pages, page * kPageRows + j, kv_head);
      SDFT_UNROLL
      for (int i = 0; i < kChannels; ++i)
        if (lane + i * 32 < call.head_size) sums[i] = fmaf(share, value[lane + i * 32], sums[i]);
    }
  }
  float* to = out.row(row) + head * call.head_size;
  SDFT_UNROLL
  for (int i = 0; i < kChannels; ++i)
    if (lane + i * 32 < call.head_size) to[lane + i * 32] = sums[i] / total;
  if (logsumexp && lane == 0) logsumexp.row(row)[head] = largest + logf(total);
}

__global__ void __launch_bounds__(kThreads) along_kernel(float* along, Rows dout, Rows out, int heads, int head_size) {
  const int64_t at = int64_t{blockIdx.x} * kWarps + threadIdx.x / 32;
  if (at >= out.rows * heads) return;
  const int64_t row = at / heads, first = at % heads * head_size;
  float sum = 0;
  for (int c = threadIdx.x % 32; c < head_size; c += 32) sum = fmaf(dout.row(row)[first + c], out.row(row)[first + c], sum);
  sum = warp_sum(sum);
  if (threadIdx.x % 32 == 0) along[at] = sum;
}

/// dq = Σ ds · k.
__global__ void __launch_bounds__(kThreads) query_gradient_kernel(Rows dq, Rows dout, const float* along, Rows logsumexp, Rows q, AttentionCall call) {
  const int64_t at = int64_t{blockIdx.x} * kWarps + threadIdx.x / 32;
  const int lane = threadIdx.x % 32;
  const int64_t row = at / call.heads;
  const int head = static_cast<int>(at % call.heads), kv_head = head / call.group;
  if (row >= q.rows) return;
  const RowPlace place = call.tables.rows[row];
  if (place.position < 0) return;
  const float *query = q.row(row) + head * call.head_size, *gradient = dout.row(row) + head * call.head_size;
  const float lse = logsumexp.row(row)[head];
  const int64_t first = first_visible(place.position, call.window);
  float sums[kChannels] = {};
  for (int64_t page = first / kPageRows; page <= place.position / kPageRows; ++page) {
    const int64_t position = page * kPageRows + lane;
    float dscore = 0;
    if (position >= first && position <= place.position) {
      const float score = call.scale * dot(query, cached<float>(call, call.keys, place.pages, position, kv_head), call.head_size);
      const float dweight = dot(gradient, cached<float>(call, call.values, place.pages, position, kv_head), call.head_size);
      dscore = call.scale * expf(score - lse) * (dweight - along[at]);
    }
    for (int j = 0; j < 32; ++j) {
      const int64_t other = page * kPageRows + j;
      const float share = __shfl_sync(kAllLanes, dscore, j);
      if (other < first || other > place.position) continue;
      const float* key = cached<float>(call, call.keys, place.pages, other, kv_head);
      SDFT_UNROLL
      for (int i = 0; i < kChannels; ++i)
        if (lane + i * 32 < call.head_size) sums[i] = fmaf(share, key[lane + i * 32], sums[i]);
    }
  }
  SDFT_UNROLL
  for (int i = 0; i < kChannels; ++i)
    if (lane + i * 32 < call.head_size) dq.row(row)[head * call.head_size + lane + i * 32] = sums[i];
}

/// dk = Σ ds · q, dv = Σ p · dout, a warp a key row and kv head; queries in the order of the segments that see it. Four blocks at once are enough: told nothing,
/// ptxas makes room for more and spills.
__global__ void __launch_bounds__(kThreads, 4) key_gradient_kernel(Rows dk, Rows dv, Rows dout, const float* along, Rows logsumexp, Rows q, Rows k, Rows v,
                                                                   AttentionCall call) {
  const KeyTile tile = call.tables.key_tiles[blockIdx.x];
  const int lane = threadIdx.x % 32, size = call.head_size;
  for (int at = threadIdx.x / 32; at < tile.count * call.kv_heads; at += kWarps) {
    const int64_t row = tile.row + at / call.kv_heads, position = tile.position + at / call.kv_heads;
    const int kv_head = at % call.kv_heads;
    float key[kChannels] = {}, value[kChannels] = {}, key_sums[kChannels] = {}, value_sums[kChannels] = {};
    SDFT_UNROLL
    for (int i = 0; i < kChannels; ++i) {
      if (lane + i * 32 >= size) continue;
      key[i] = k.row(row)[kv_head * size + lane + i * 32];
      value[i] = v.row(row)[kv_head * size + lane + i * 32];
    }
    for (int s = 0; s < tile.seers; ++s) {
      const Seer seer = call.tables.seers[tile.first + s];
      for (int i = 0; i < seer.count; ++i) {
        const int64_t other = seer.position + i, other_row = seer.row + i;
        if (other < position || first_visible(other, call.window) > position) continue;
        for (int head = kv_head * call.group; head < (kv_head + 1) * call.group; ++head) {
          const float *query = q.row(other_row) + head * size, *gradient = dout.row(other_row) + head * size;
          float score = 0, dweight = 0;
          SDFT_UNROLL
          for (int j = 0; j < kChannels; ++j) {
            if (lane + j * 32 >= size) continue;
            score = fmaf(query[lane + j * 32], key[j], score);
            dweight = fmaf(gradient[lane + j * 32], value[j], dweight);
          }
          const float weight = expf(call.scale * warp_sum(score) - logsumexp.row(other_row)[head]);
          const float dscore = call.scale * weight * (warp_sum(dweight) - along[other_row * call.heads + head]);
          SDFT_UNROLL
          for (int j = 0; j < kChannels; ++j) {
            if (lane + j * 32 >= size) continue;
            key_sums[j] = fmaf(dscore, query[lane + j * 32], key_sums[j]);
            value_sums[j] = fmaf(weight, gradient[lane + j * 32], value_sums[j]);
          }
        }
      }
    }
    SDFT_UNROLL
    for (int i = 0; i < kChannels; ++i) {
      if (lane + i * 32 >= size) continue;
      dk.row(row)[kv_head * size + lane + i * 32] = key_sums[i];
      dv.row(row)[kv_head * size + lane + i * 32] = value_sums[i];
    }
  }
}

}  // namespace

void store_pages_plain(const Context& context, const AttentionTables& tables, Pages pages, Tensor k, Tensor v, const AttentionShape& shape) {
  if (tables.run_count == 0) return;
  SDFT_LAUNCH(store_plain_kernel, dim3(static_cast<unsigned>(tables.run_count)), dim3(kThreads), 0, context.stream, tables, static_cast<float*>(pages.keys),
              static_cast<float*>(pages.values), pages.step, rows_of(k), rows_of(v), static_cast<int>(shape.head_size));
  check_launch("the storing of keys and values");
}

void attend_plain(const Context& context, Tensor out, Tensor logsumexp, Tensor q, const AttentionCall& call) {
  SDFT_LAUNCH(attend_plain_kernel, dim3(blocks_for(q.rows * call.heads, kWarps)), dim3(kThreads), 0, context.stream, rows_of(out), rows_of(logsumexp), rows_of(q), call);
  check_launch("attention");
}

void attention_along(const Context& context, float* along, Tensor dout, Tensor out, int64_t heads) {
  SDFT_LAUNCH(along_kernel, dim3(blocks_for(out.rows * heads, kWarps)), dim3(kThreads), 0, context.stream, along, rows_of(dout), rows_of(out), static_cast<int>(heads),
              static_cast<int>(out.cols / heads));
  check_launch("attention's gradient");
}

void attend_backward_plain(const Context& context, Tensor dq, Tensor dk, Tensor dv, Tensor dout, const float* along, Tensor logsumexp, Tensor q, Tensor k, Tensor v,
                           const AttentionCall& call) {
  SDFT_LAUNCH(query_gradient_kernel, dim3(blocks_for(q.rows * call.heads, kWarps)), dim3(kThreads), 0, context.stream, rows_of(dq), rows_of(dout), along,
              rows_of(logsumexp), rows_of(q), call);
  SDFT_LAUNCH(key_gradient_kernel, dim3(static_cast<unsigned>(call.tables.key_tile_count)), dim3(kThreads), 0, context.stream, rows_of(dk), rows_of(dv), rows_of(dout),
              along, rows_of(logsumexp), rows_of(q), rows_of(k), rows_of(v), call);
  check_launch("attention's gradient");
}

}  // namespace sdft::cuda
