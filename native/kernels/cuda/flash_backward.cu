// Attention's gradients on the tensor cores, without atomics: one kernel sums over the keys of a tile of queries (dq), one over the queries that see a tile of
// keys (dk, dv), in a fixed order. Both make the weights again from the logsumexp.
#include "kernels/cuda/flash_tile.cuh"
#include "kernels/cuda/operands.h"

namespace sdft::cuda {
namespace {

constexpr int kQueryThreads = 128;
/// Query rows that pass at a time before a tile of keys.
constexpr int kStepQueries = 32;

/// Rounded rows: q and dout (N, H · D), k and v (N, G · D).
struct Rounded {
  const bf16 *q, *dout, *k, *v;
};

/// Above 128 channels shared memory has room for one stage only, and the sums of dk and dv are made 128 columns at a time.
template <int kSize>
struct Plan {
  static constexpr int stages = kSize <= 128 ? 2 : 1;
  static constexpr int query_bytes = (2 * kTileRows + stages * 2 * kStepKeys) * tile_stride<kSize> * 2;
  static constexpr int key_rows = kSize <= 128 ? kKeyRows : kKeyRows / 2;  // of a block
  static constexpr int key_threads = key_rows * 2;
  static constexpr int slice = kSize <= 128 ? kSize : 128;
  static constexpr int key_bytes = (2 * key_rows + stages * 2 * kStepQueries) * tile_stride<kSize> * 2;
};
static_assert(Plan<64>::query_bytes == 36864 && Plan<80>::query_bytes == 45056 && Plan<96>::query_bytes == 53248 && Plan<128>::query_bytes == 69632 &&
                  Plan<256>::query_bytes == 101376,
              "budget.json counts the blocks that fit by these");
static_assert(Plan<64>::key_bytes == 36864 && Plan<80>::key_bytes == 45056 && Plan<96>::key_bytes == 53248 && Plan<128>::key_bytes == 69632 &&
                  Plan<256>::key_bytes == 67584,
              "budget.json counts the blocks that fit by these");

template <int kSize>
__global__ void __launch_bounds__(kQueryThreads) flash_query_gradient_kernel(Rows dq, Rounded rounded, const float* along, Rows logsumexp, AttentionCall call) {
  SDFT_DYNAMIC_SHARED(memory);
  constexpr int kStride = tile_stride<kSize>, kStages = Plan<kSize>::stages, kPageElements = kStepKeys * kStride;
  bf16 *queries = reinterpret_cast<bf16*>(memory), *gradients = queries + kTileRows * kStride, *stages = gradients + kTileRows * kStride;
  const QueryTile place = call.tables.tiles[blockIdx.x];
  const int kv_head = blockIdx.y, lane = threadIdx.x % 32, warp_row = threadIdx.x / 32 * 16;
  const int64_t wide = int64_t{call.heads} * kSize;
  auto rows_from = [&](const bf16* data) {
    return [=](int r) {
      const TileRow at = tile_row(r, place.count, call.group, kv_head);
      return at.valid ? data + (place.row + at.query) * wide + at.head * kSize : nullptr;
    };
  };
  copy_tile<kSize, kQueryThreads>(queries, kTileRows, rounded.q, rows_from(rounded.q));
  copy_tile<kSize, kQueryThreads>(gradients, kTileRows, rounded.dout, rows_from(rounded.dout));
  commit_copies();
  const int end = place.position + place.count, end_page = (end + kStepKeys - 1) / kStepKeys;
  const bf16 *keys = static_cast<const bf16*>(call.keys), *values = static_cast<const bf16*>(call.values);
  auto load = [&](int page, int stage) {
    const int64_t offset = call.tables.pages[place.pages + page] * call.page_step + int64_t{kv_head} * kStepKeys * kSize;
    const int rows = min(kStepKeys, end - page * kStepKeys);
    bf16* to = stages + stage * 2 * kPageElements;
    copy_tile<kSize, kQueryThreads>(to, kStepKeys, keys, [&](int r) { return r < rows ? keys + offset + r * kSize : nullptr; });
    copy_tile<kSize, kQueryThreads>(to + kPageElements, kStepKeys, values, [&](int r) { return r < rows ? values + offset + r * kSize : nullptr; });
  };
  int page = first_visible(place.position, call.window) / kStepKeys;
  if (kStages == 2) load(page, 0);
  commit_copies();
  float lse[2], base[2];
  SDFT_UNROLL
  for (int half = 0; half < 2; ++half) {
    const TileRow at = tile_row(warp_row + lane / 4 + half * 8, place.count, call.group, kv_head);
    const int64_t row = place.row + at.query;
    lse[half] = at.valid ? logsumexp.row(row)[at.head] * kLog2E : 0.0f;
    base[half] = at.valid ? along[row * call.heads + at.head] : 0.0f;
  }
  float sums[kSize / 8][4];
  clear(sums);
  for (int stage = 0; page < end_page; ++page, stage = kStages == 2 ? stage ^ 1 : 0) {
    if (kStages == 1) load(page, 0);
    else if (page + 1 < end_page) load(page + 1, stage ^ 1);
    commit_copies();
    wait_copies<kStages - 1>();
    __syncthreads();
    const bf16 *key_tile = stages + stage * 2 * kPageElements, *value_tile = key_tile + kPageElements;
    float scores[4][4], dweights[4][4];
    clear(scores);
    clear(dweights);
    multiply_by_rows<kSize>(scores, key_tile, [&](uint32_t (&a)[4], int d) { left_piece<kSize>(a, queries, warp_row, d * 16); });
    multiply_by_rows<kSize>(dweights, value_tile, [&](uint32_t (&a)[4], int d) { left_piece<kSize>(a, gradients, warp_row, d * 16); });
    SDFT_UNROLL
    for (int half = 0; half < 2; ++half) {
      const TileRow at = tile_row(warp_row + lane / 4 + half * 8, place.count, call.group, kv_head);
      const int position = place.position + at.query, first = first_visible(position, call.window);
      SDFT_UNROLL
      for (int j = 0; j < 4; ++j)
        SDFT_UNROLL
        for (int i = 0; i < 2; ++i) {
          const int key = page * kStepKeys + j * 8 + lane % 4 * 2 + i;
          float& score = scores[j][half * 2 + i];
          const bool visible = at.valid && key <= position && key >= first;
          const float weight = power_of_two(score * (call.scale * kLog2E) - lse[half]);
          score = visible ? call.scale * weight * (dweights[j][half * 2 + i] - base[half]) : 0.0f;
        }
    }
    multiply_by_columns<kSize, kSize>(sums, scores, key_tile, 0);
    __syncthreads();
  }
  wait_copies<0>();
  SDFT_UNROLL
  for (int half = 0; half < 2; ++half) {
    const TileRow at = tile_row(warp_row + lane / 4 + half * 8, place.count, call.group, kv_head);
    if (!at.valid) continue;
    float* to = dq.row(place.row + at.query) + at.head * kSize;
    SDFT_UNROLL
    for (int j = 0; j < kSize / 8; ++j) {
      to[j * 8 + lane % 4 * 2] = sums[j][half * 2];
      to[j * 8 + lane % 4 * 2 + 1] = sums[j][half * 2 + 1];
    }
  }
}

/// Steps through the queries that see a tile of keys: segment after segment, kStepQueries / group queries at a time.
struct QuerySteps {
  const Seer* seers;
  int seers_left, queries;  // queries of a step
  int first_key, last_key;
  int64_t window;
  int row = 0, position = 0, left = 0;  // of the present segment

  __device__ bool find() {
    while (left <= 0) {
      if (seers_left == 0) return false;
      const Seer seer = *seers++;
      --seers_left;
      const int skip = max(0, first_key - seer.position);
      int end = seer.count;
      if (window > 0) end = static_cast<int>(min(int64_t{end}, int64_t{last_key} + window - seer.position));
      row = seer.row + skip;
      position = seer.position + skip;
      left = end - skip;
    }
    return true;
  }
  __device__ int count() const { return min(left, queries); }
  __device__ void advance() {
    row += queries;
    position += queries;
    left -= queries;
  }
};

template <int kSize>
__global__ void __launch_bounds__(Plan<kSize>::key_threads) flash_key_gradient_kernel(Rows dk, Rows dv, Rounded rounded, const float* along, Rows logsumexp,
                                                                                      AttentionCall call) {
  SDFT_DYNAMIC_SHARED(memory);
  using P = Plan<kSize>;
  constexpr int kStride = tile_stride<kSize>, kStepElements = kStepQueries * kStride;
  SDFT_SHARED(float, lse, [2][kStepQueries]);
  SDFT_SHARED(float, base, [2][kStepQueries]);
  bf16 *keys = reinterpret_cast<bf16*>(memory), *values = keys + P::key_rows * kStride, *stages = values + P::key_rows * kStride;
  constexpr int kParts = kKeyRows / P::key_rows;
  KeyTile tile = call.tables.key_tiles[blockIdx.x / kParts];
  const int skipped = static_cast<int>(blockIdx.x) % kParts * P::key_rows;
  tile.row += skipped;
  tile.position += skipped;
  tile.count = min(tile.count - skipped, P::key_rows);
  if (tile.count <= 0) return;
  const int kv_head = blockIdx.y, first_col = blockIdx.z * P::slice, lane = threadIdx.x % 32, warp_row = threadIdx.x / 32 * 16;
  const int64_t wide = int64_t{call.heads} * kSize, narrow = int64_t{call.kv_heads} * kSize;
  auto key_rows = [&](const bf16* data) { return [=](int r) { return r < tile.count ? data + (tile.row + r) * narrow + kv_head * kSize : nullptr; }; };
  copy_tile<kSize, P::key_threads>(keys, P::key_rows, rounded.k, key_rows(rounded.k));
  copy_tile<kSize, P::key_threads>(values, P::key_rows, rounded.v, key_rows(rounded.v));
  commit_copies();
  QuerySteps steps{call.tables.seers + tile.first, tile.seers, kStepQueries / call.group, tile.position, tile.position + tile.count - 1, call.window};
  auto load = [&](const QuerySteps& at, int stage) {
    auto rows_from = [&](const bf16* data) {
      return [=](int r) {
        const TileRow row = tile_row(r, at.count(), call.group, kv_head);
        return row.valid ? data + (at.row + row.query) * wide + row.head * kSize : nullptr;
      };
    };
    bf16* to = stages + stage * 2 * kStepElements;
    copy_tile<kSize, P::key_threads>(to, kStepQueries, rounded.q, rows_from(rounded.q));
    copy_tile<kSize, P::key_threads>(to + kStepElements, kStepQueries, rounded.dout, rows_from(rounded.dout));
    if (threadIdx.x < kStepQueries) {
      const TileRow row = tile_row(threadIdx.x, at.count(), call.group, kv_head);
      lse[stage][threadIdx.x] = row.valid ? logsumexp.row(at.row + row.query)[row.head] * kLog2E : 0.0f;
      base[stage][threadIdx.x] = row.valid ? along[(at.row + row.query) * int64_t{call.heads} + row.head] : 0.0f;
    }
  };
  float key_sums[P::slice / 8][4], value_sums[P::slice / 8][4];
  clear(key_sums);
  clear(value_sums);
  bool more = steps.find();
  if (P::stages == 2 && more) load(steps, 0);
  commit_copies();
  for (int stage = 0; more; stage = P::stages == 2 ? stage ^ 1 : 0) {
    const QuerySteps here = steps;
    steps.advance();
    more = steps.find();
    if (P::stages == 1) load(here, 0);
    else if (more) load(steps, stage ^ 1);
    commit_copies();
    wait_copies<P::stages - 1>();
    __syncthreads();
    const bf16 *query_tile = stages + stage * 2 * kStepElements, *gradient_tile = query_tile + kStepElements;
    // Turned over: a row of the sums is a key, a column a query.
    float scores[4][4], dweights[4][4];
    clear(scores);
    clear(dweights);
    multiply_by_rows<kSize>(scores, query_tile, [&](uint32_t (&a)[4], int d) { left_piece<kSize>(a, keys, warp_row, d * 16); });
    multiply_by_rows<kSize>(dweights, gradient_tile, [&](uint32_t (&a)[4], int d) { left_piece<kSize>(a, values, warp_row, d * 16); });
    SDFT_UNROLL
    for (int j = 0; j < 4; ++j)
      SDFT_UNROLL
      for (int i = 0; i < 2; ++i) {
        const int column = j * 8 + lane % 4 * 2 + i;
        const TileRow row = tile_row(column, here.count(), call.group, kv_head);
        const int position = here.position + row.query, first = first_visible(position, call.window);
        SDFT_UNROLL
        for (int half = 0; half < 2; ++half) {
          const int key = tile.position + warp_row + lane / 4 + half * 8;
          const bool visible = row.valid && key <= position && key >= first;
          const float weight = visible ? power_of_two(scores[j][half * 2 + i] * (call.scale * kLog2E) - lse[stage][column]) : 0.0f;
          scores[j][half * 2 + i] = weight;
          dweights[j][half * 2 + i] = call.scale * weight * (dweights[j][half * 2 + i] - base[stage][column]);
        }
      }
    multiply_by_columns<kSize, P::slice>(value_sums, scores, gradient_tile, first_col);
    multiply_by_columns<kSize, P::slice>(key_sums, dweights, query_tile, first_col);
    __syncthreads();
  }
  wait_copies<0>();
  SDFT_UNROLL
  for (int half = 0; half < 2; ++half) {
    const int r = warp_row + lane / 4 + half * 8;
    if (r >= tile.count) continue;
    const int64_t col = int64_t{kv_head} * kSize + first_col + lane % 4 * 2;
    float *key_to = dk.row(tile.row + r) + col, *value_to = dv.row(tile.row + r) + col;
    SDFT_UNROLL
    for (int j = 0; j < P::slice / 8; ++j) {
      key_to[j * 8] = key_sums[j][half * 2];
      key_to[j * 8 + 1] = key_sums[j][half * 2 + 1];
      value_to[j * 8] = value_sums[j][half * 2];
      value_to[j * 8 + 1] = value_sums[j][half * 2 + 1];
    }
  }
}

template <int kSize>
void launch(const Context& context, Tensor dq, Tensor dk, Tensor dv, const Rounded& rounded, const float* along, Tensor logsumexp, const AttentionCall& call) {
  using P = Plan<kSize>;
  const auto query_kernel = flash_query_gradient_kernel<kSize>;
  const auto key_kernel = flash_key_gradient_kernel<kSize>;
  SDFT_ALLOW_SHARED(query_kernel, P::query_bytes);
  SDFT_ALLOW_SHARED(key_kernel, P::key_bytes);
  SDFT_LAUNCH(query_kernel, dim3(static_cast<unsigned>(call.tables.tile_count), static_cast<unsigned>(call.kv_heads)), dim3(kQueryThreads), P::query_bytes,
              context.stream, rows_of(dq), rounded, along, rows_of(logsumexp), call);
  SDFT_LAUNCH(key_kernel, dim3(static_cast<unsigned>(call.tables.key_tile_count * (kKeyRows / P::key_rows)), static_cast<unsigned>(call.kv_heads), kSize / P::slice),
              dim3(P::key_threads), P::key_bytes, context.stream, rows_of(dk), rows_of(dv), rounded, along, rows_of(logsumexp), call);
  check_launch("attention's gradient");
}

}  // namespace

void attend_backward_flash(const Context& context, Tensor dq, Tensor dk, Tensor dv, Tensor dout, const float* along, Tensor logsumexp, Tensor q, Tensor k, Tensor v,
                           const AttentionCall& call) {
  const Rounded rounded{round_rows(context, q, Scratch::activations).data, round_rows(context, dout, Scratch::second_activations).data,
                        round_rows(context, k, Scratch::key_rows).data, round_rows(context, v, Scratch::value_rows).data};
  switch (call.head_size) {
    case 64: return launch<64>(context, dq, dk, dv, rounded, along, logsumexp, call);
    case 80: return launch<80>(context, dq, dk, dv, rounded, along, logsumexp, call);
    case 96: return launch<96>(context, dq, dk, dv, rounded, along, logsumexp, call);
    case 128: return launch<128>(context, dq, dk, dv, rounded, along, logsumexp, call);
    default: return launch<256>(context, dq, dk, dv, rounded, along, logsumexp, call);
  }
}

}  // namespace sdft::cuda
