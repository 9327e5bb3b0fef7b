// Attention on the tensor cores (after Dao 2023, FlashAttention-2): a block keeps a tile of query rows, pages of keys and values pass through shared memory, the
// softmax goes along. A row's sums depend on its own keys only, page after page at absolute positions. With few rows the pages are split among blocks.
#include <algorithm>

#include "kernels/cuda/flash_tile.cuh"

namespace sdft::cuda {
namespace {

constexpr int kThreads = 128;  // four warps of 16 tile rows
/// Fewest pages of one split, when few rows would leave the device idle.
constexpr int kSplitPages = kSplitKeys / kPageRows;
/// From this many blocks on nothing is split.
constexpr int64_t kEnoughBlocks = kSplitBlocks / 4;

/// A split's share of a tile's rows: sums, then the largest score (base 2) and the total.
struct Partial {
  float* data;    // (splits, tiles, G, kTileRows, D + 2)
  int64_t pages;  // of a split
};

template <int kSize>
constexpr int shared_bytes() { return (kTileRows + 4 * kStepKeys) * tile_stride<kSize> * 2; }
static_assert(shared_bytes<64>() == 27648 && shared_bytes<80>() == 33792 && shared_bytes<96>() == 39936 && shared_bytes<128>() == 52224 &&
                  shared_bytes<256>() == 101376,
              "budget.json counts the blocks that fit by these");

/// The query tile's rows, rounded.
template <int kSize>
__device__ __forceinline__ void load_queries(bf16* tile, const Rows& q, const QueryTile& place, int group, int kv_head) {
  for (int i = threadIdx.x; i < kTileRows * (kSize / 2); i += kThreads) {
    const int r = i / (kSize / 2), c = i % (kSize / 2) * 2;
    const TileRow at = tile_row(r, place.count, group, kv_head);
    uint32_t word = 0;
    if (at.valid) {
      const float* from = q.row(place.row + at.query) + at.head * kSize + c;
      word = pack_bf16(from[0], from[1]);
    }
    *reinterpret_cast<uint32_t*>(tile + r * tile_stride<kSize> + c) = word;
  }
}

template <int kSize>
__global__ void __launch_bounds__(kThreads) flash_kernel(Rows out, Rows logsumexp, Rows q, AttentionCall call, Partial partial) {
  SDFT_DYNAMIC_SHARED(memory);
  constexpr int kPageElements = kStepKeys * tile_stride<kSize>;
  bf16 *queries = reinterpret_cast<bf16*>(memory), *stages = queries + kTileRows * tile_stride<kSize>;  // per stage a page of keys, one of values
  const QueryTile place = call.tables.tiles[blockIdx.x];
  const int kv_head = blockIdx.y, lane = threadIdx.x % 32, warp_row = threadIdx.x / 32 * 16;
  const int end = place.position + place.count;
  int page = first_visible(place.position, call.window) / kStepKeys, end_page = (end + kStepKeys - 1) / kStepKeys;
  if (partial.data != nullptr) {
    const int pages = static_cast<int>(partial.pages);
    page = max(page, static_cast<int>(blockIdx.z) * pages);
    end_page = min(end_page, (static_cast<int>(blockIdx.z) + 1) * pages);
  }
  const bf16 *keys = static_cast<const bf16*>(call.keys), *values = static_cast<const bf16*>(call.values);
  auto load = [&](int index, int stage) {
    const int64_t offset = call.tables.pages[place.pages + index] * call.page_step + int64_t{kv_head} * kStepKeys * kSize;
    const int rows = min(kStepKeys, end - index * kStepKeys);  // slots past the tile's last position may hold anything
    bf16* to = stages + stage * 2 * kPageElements;
    copy_tile<kSize, kThreads>(to, kStepKeys, keys, [&](int r) { return r < rows ? keys + offset + r * kSize : nullptr; });
    copy_tile<kSize, kThreads>(to + kPageElements, kStepKeys, values, [&](int r) { return r < rows ? values + offset + r * kSize : nullptr; });
  };
  if (page < end_page) load(page, 0);
  commit_copies();
  load_queries<kSize>(queries, q, place, call.group, kv_head);
  __syncthreads();
  // Up to 128 channels the queries stay in registers.
  constexpr bool kKept = kSize <= 128;
  uint32_t kept[kKept ? kSize / 16 : 1][4];
  if (kKept) {
    SDFT_UNROLL
    for (int d = 0; d < kSize / 16; ++d) left_piece<kSize>(kept[kKept ? d : 0], queries, warp_row, d * 16);
  }
  float sums[kSize / 8][4], largest[2] = {-INFINITY, -INFINITY}, total[2] = {0, 0};
  clear(sums);
  const float scale = call.scale * kLog2E;
  const bool busy = tile_row(warp_row, place.count, call.group, kv_head).valid;  // the warp's first row
  for (int stage = 0; page < end_page; ++page, stage ^= 1) {
    if (page + 1 < end_page) load(page + 1, stage ^ 1);
    commit_copies();
    wait_copies<1>();
    __syncthreads();
    const bf16 *key_tile = stages + stage * 2 * kPageElements, *value_tile = key_tile + kPageElements;
    if (busy) {
      float scores[4][4];
      clear(scores);
      multiply_by_rows<kSize>(scores, key_tile, [&](uint32_t (&a)[4], int d) {
        if (kKept) {
          SDFT_UNROLL
          for (int i = 0; i < 4; ++i) a[i] = kept[kKept ? d : 0][i];
        } else {
          left_piece<kSize>(a, queries, warp_row, d * 16);
        }
      });
      SDFT_UNROLL
      for (int half = 0; half < 2; ++half) {  // rows lane / 4 and lane / 4 + 8
        const TileRow at = tile_row(warp_row + lane / 4 + half * 8, place.count, call.group, kv_head);
        const int position = place.position + at.query, first = first_visible(position, call.window);
        float higher = largest[half];
        SDFT_UNROLL
        for (int j = 0; j < 4; ++j)
          SDFT_UNROLL
          for (int i = 0; i < 2; ++i) {
            const int key = page * kStepKeys + j * 8 + lane % 4 * 2 + i;
            float& score = scores[j][half * 2 + i];
            score = at.valid && key <= position && key >= first ? score * scale : -INFINITY;
            higher = fmaxf(higher, score);
          }
        higher = fmaxf(higher, __shfl_xor_sync(kAllLanes, higher, 1));
        higher = fmaxf(higher, __shfl_xor_sync(kAllLanes, higher, 2));
        const float base = higher == -INFINITY ? 0.0f : higher;
        const float shrink = power_of_two(largest[half] - base);
        float sum = 0;
        SDFT_UNROLL
        for (int j = 0; j < 4; ++j)
          SDFT_UNROLL
          for (int i = 0; i < 2; ++i) {
            float& score = scores[j][half * 2 + i];
            score = power_of_two(score - base);
            sum += score;
          }
        total[half] = total[half] * shrink + sum;
        largest[half] = higher;
        SDFT_UNROLL
        for (int j = 0; j < kSize / 8; ++j) {
          sums[j][half * 2] *= shrink;
          sums[j][half * 2 + 1] *= shrink;
        }
      }
      multiply_by_columns<kSize, kSize>(sums, scores, value_tile, 0);
    }
    __syncthreads();  // the stage may be filled again
  }
  wait_copies<0>();
  if (!busy) return;
  SDFT_UNROLL
  for (int half = 0; half < 2; ++half) {
    float all = total[half];
    all += __shfl_xor_sync(kAllLanes, all, 1);
    all += __shfl_xor_sync(kAllLanes, all, 2);
    const int tile_at = warp_row + lane / 4 + half * 8;
    const TileRow at = tile_row(tile_at, place.count, call.group, kv_head);
    if (!at.valid) continue;
    const int64_t row = place.row + at.query;
    const int64_t block = (int64_t{blockIdx.z} * gridDim.x + blockIdx.x) * gridDim.y + blockIdx.y;
    float* to = partial.data != nullptr ? partial.data + (block * kTileRows + tile_at) * (kSize + 2) : out.row(row) + at.head * kSize;
    const float divisor = partial.data != nullptr ? 1.0f : all;
    SDFT_UNROLL
    for (int j = 0; j < kSize / 8; ++j) {
      to[j * 8 + lane % 4 * 2] = sums[j][half * 2] / divisor;
      to[j * 8 + lane % 4 * 2 + 1] = sums[j][half * 2 + 1] / divisor;
    }
    if (lane % 4 != 0) continue;
    if (partial.data != nullptr) {
      to[kSize] = largest[half];
      to[kSize + 1] = all;
    } else if (logsumexp) {
      logsumexp.row(row)[at.head] = largest[half] * kLn2 + logf(all);
    }
  }
}

/// A warp a tile row: the splits' shares, in their order.
__global__ void __launch_bounds__(kThreads) join_splits_kernel(Rows out, Rows logsumexp, Partial partial, AttentionCall call, int64_t splits) {
  const int64_t at = int64_t{blockIdx.x} * (kThreads / 32) + threadIdx.x / 32, rows = call.tables.tile_count * call.kv_heads * kTileRows;
  const int lane = threadIdx.x % 32, head_size = call.head_size;
  if (at >= rows) return;
  const QueryTile place = call.tables.tiles[at / (int64_t{call.kv_heads} * kTileRows)];
  const TileRow tile = tile_row(static_cast<int>(at % kTileRows), place.count, call.group, static_cast<int>(at / kTileRows % call.kv_heads));
  if (!tile.valid) return;
  const int64_t step = rows * (head_size + 2);
  const float* share = partial.data + at * (head_size + 2);
  float largest = -INFINITY, total = 0;
  for (int s = 0; s < splits; ++s) largest = fmaxf(largest, share[s * step + head_size]);
  for (int s = 0; s < splits; ++s) total += power_of_two(share[s * step + head_size] - largest) * share[s * step + head_size + 1];
  const int64_t row = place.row + tile.query, head = tile.head;
  for (int c = lane; c < head_size; c += 32) {
    float sum = 0;
    for (int s = 0; s < splits; ++s) sum = fmaf(power_of_two(share[s * step + head_size] - largest), share[s * step + c], sum);
    out.row(row)[head * head_size + c] = sum / total;
  }
  if (logsumexp && lane == 0) logsumexp.row(row)[head] = largest * kLn2 + logf(total);
}

__global__ void __launch_bounds__(kThreads) store_flash_kernel(AttentionTables tables, bf16* keys, bf16* values, int64_t step, Rows k, Rows v, int head_size) {
  const StoredRun run = tables.runs[blockIdx.x];
  for (int64_t i = threadIdx.x; i < run.count * (k.cols / 2); i += kThreads) {
    const int64_t r = i / (k.cols / 2), c = i % (k.cols / 2) * 2;
    const int64_t to = run.page * step + (c / head_size * kPageRows + run.slot + r) * head_size + c % head_size;
    const float *key = k.row(run.row + r) + c, *value = v.row(run.row + r) + c;
    *reinterpret_cast<uint32_t*>(keys + to) = pack_bf16(key[0], key[1]);
    *reinterpret_cast<uint32_t*>(values + to) = pack_bf16(value[0], value[1]);
  }
}

template <int kSize>
void launch(const Context& context, Tensor out, Tensor logsumexp, Tensor q, const AttentionCall& call) {
  const int64_t blocks = call.tables.tile_count * call.kv_heads;
  const int64_t pages = (call.tables.longest_keys + kStepKeys - 1) / kStepKeys;
  const bool split = !context.batch_invariant && blocks < kEnoughBlocks && pages > kSplitPages;
  // Short splits, but in all no more blocks than the plan of memory counts.
  const int64_t shortest = (pages + kSplitPages - 1) / kSplitPages, most = split ? kSplitBlocks / blocks : 1;
  Partial partial{nullptr, kSplitPages * ((shortest + most - 1) / most)};
  const int64_t splits = split ? (pages + partial.pages - 1) / partial.pages : 1;
  if (split) partial.data = context.scratch->take<float>(Scratch::partial_sums, splits * blocks * kTileRows * (kSize + 2));
  const auto kernel = flash_kernel<kSize>;
  SDFT_ALLOW_SHARED(kernel, shared_bytes<kSize>());
  SDFT_LAUNCH(kernel, dim3(static_cast<unsigned>(call.tables.tile_count), static_cast<unsigned>(call.kv_heads), static_cast<unsigned>(splits)), dim3(kThreads),
              shared_bytes<kSize>(), context.stream, rows_of(out), rows_of(logsumexp), rows_of(q), call, partial);
  if (split) {
    SDFT_LAUNCH(join_splits_kernel, dim3(blocks_for(blocks * kTileRows, kThreads / 32)), dim3(kThreads), 0, context.stream, rows_of(out), rows_of(logsumexp),
                partial, call, splits);
  }
  check_launch("attention");
}

}  // namespace

void store_pages_flash(const Context& context, const AttentionTables& tables, Pages pages, Tensor k, Tensor v, const AttentionShape& shape) {
  if (tables.run_count == 0) return;
  SDFT_LAUNCH(store_flash_kernel, dim3(static_cast<unsigned>(tables.run_count)), dim3(kThreads), 0, context.stream, tables, static_cast<bf16*>(pages.keys),
              static_cast<bf16*>(pages.values), pages.step, rows_of(k), rows_of(v), static_cast<int>(shape.head_size));
  check_launch("the storing of keys and values");
}

void attend_flash(const Context& context, Tensor out, Tensor logsumexp, Tensor q, const AttentionCall& call) {
  switch (call.head_size) {
    case 64: return launch<64>(context, out, logsumexp, q, call);
    case 80: return launch<80>(context, out, logsumexp, q, call);
    case 96: return launch<96>(context, out, logsumexp, q, call);
    case 128: return launch<128>(context, out, logsumexp, q, call);
    default: return launch<256>(context, out, logsumexp, q, call);
  }
}

}  // namespace sdft::cuda
