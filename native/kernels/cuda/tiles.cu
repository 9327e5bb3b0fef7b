// A block makes a tile of outputs; its warps share the inner stretches of a and b that pass through shared memory, three under way at a time.
#include "kernels/cuda/tiles.h"

namespace sdft::cuda {
namespace {

constexpr int kDeep = 32;    // of k, in one stage
constexpr int kStages = 3;
constexpr int kChunkElements = 8;  // 16 bytes

/// Tile sizes and how many warps share it: each warp makes kWarpM × kWarpN.
template <int kTileM, int kTileN, int kWarpM, int kWarpN>
struct Tiling {
  static constexpr int tile_m = kTileM, tile_n = kTileN, warp_m = kWarpM, warp_n = kWarpN;
  static constexpr int warps_n = kTileN / kWarpN, threads = kTileM / kWarpM * warps_n * 32;
  static constexpr int stage_elements = (kTileM + kTileN) * kDeep;
  static constexpr int shared_bytes = kStages * stage_elements * 2;
};
using Large = Tiling<128, 128, 64, 32>;
using Small = Tiling<64, 64, 32, 32>;

/// Where a 16-byte chunk of a stage lies, so that the eight rows a matrix load reads are in different banks. Rows of kDeep elements.
__device__ __forceinline__ int deep_place(int row, int chunk) { return row * kDeep + ((chunk ^ ((row >> 1) & 3)) * kChunkElements); }
/// The same for rows of `width` (64 or 128) elements.
template <int kWidth>
__device__ __forceinline__ int wide_place(int row, int chunk) { return row * kWidth + ((chunk ^ (row & 7)) * kChunkElements); }

/// How much of a tile's kMost rows there is: an int, because the large tiles have no registers to spare.
template <int kMost>
__device__ __forceinline__ int part_of(int64_t left) { return left < kMost ? static_cast<int>(left) : kMost; }

/// A thread's share of a tile: 16 bytes at each of kCount rows, kStep apart, from `row` of the tile (at `at`) on. Its column is `inside` or not in all of them;
/// `any` is an address for what is not copied.
template <int kStep, int kCount, class Place>
__device__ __forceinline__ void copy_tile(bf16* to, const bf16* at, const bf16* any, int64_t stride, int row, bool inside, int rows, const Place& place) {
  SDFT_UNROLL
  for (int i = 0; i < kCount; ++i) {
    const bool valid = inside && row + i * kStep < rows;
    copy_async(to + place(row + i * kStep), valid ? at + i * kStep * stride : any, valid);
  }
}

template <class T, bool kAcross>
__device__ __forceinline__ void load_stage(bf16* stage, const TileProduct& p, int64_t first_row, int64_t first_col, int64_t k) {
  constexpr int kDeepChunks = kDeep / kChunkElements, kDeepStep = T::threads / kDeepChunks;
  bf16 *a = stage, *b = stage + T::tile_m * kDeep;
  const int deep_row = threadIdx.x / kDeepChunks, deep_chunk = threadIdx.x % kDeepChunks;
  const int64_t deep_at = k + deep_chunk * kChunkElements;
  const auto deep = [&](int row) { return deep_place(row, deep_chunk); };
  copy_tile<kDeepStep, T::tile_m / kDeepStep>(a, p.a + (first_row + deep_row) * p.a_stride + deep_at, p.a, p.a_stride, deep_row, deep_at < p.k,
                                              part_of<T::tile_m>(p.m - first_row), deep);
  if (!kAcross) {
    copy_tile<kDeepStep, T::tile_n / kDeepStep>(b, p.b + (first_col + deep_row) * p.b_stride + deep_at, p.b, p.b_stride, deep_row, deep_at < p.k,
                                                part_of<T::tile_n>(p.n - first_col), deep);
  } else {
    constexpr int kChunks = T::tile_n / kChunkElements, kStep = T::threads / kChunks;
    const int row = threadIdx.x / kChunks, chunk = threadIdx.x % kChunks;
    const int64_t at = first_col + chunk * kChunkElements;
    copy_tile<kStep, kDeep / kStep>(b, p.b + (k + row) * p.b_stride + at, p.b, p.b_stride, row, at < p.n, part_of<kDeep>(p.k - k),
                                    [&](int at_row) { return wide_place<T::tile_n>(at_row, chunk); });
  }
  commit_copies();
}

template <class T, bool kAcross>
__device__ __forceinline__ void multiply_stage(float (&sums)[T::warp_m / 16][T::warp_n / 8][4], const bf16* stage, int warp_row, int warp_col) {
  const bf16 *a = stage, *b = stage + T::tile_m * kDeep;
  const int lane = threadIdx.x % 32;
  SDFT_UNROLL
  for (int step = 0; step < kDeep / 16; ++step) {
    uint32_t rows[T::warp_m / 16][4], cols[T::warp_n / 16][4];
    SDFT_UNROLL
    for (int i = 0; i < T::warp_m / 16; ++i) load_matrices(rows[i], a + deep_place(warp_row + i * 16 + lane % 16, step * 2 + lane / 16));
    SDFT_UNROLL
    for (int j = 0; j < T::warp_n / 16; ++j) {
      if (kAcross) load_matrices_transposed(cols[j], b + wide_place<T::tile_n>(step * 16 + lane % 16, (warp_col + j * 16) / kChunkElements + lane / 16));
      else load_matrices(cols[j], b + deep_place(warp_col + j * 16 + lane % 8 + lane / 16 * 8, step * 2 + lane / 8 % 2));
    }
    SDFT_UNROLL
    for (int i = 0; i < T::warp_m / 16; ++i)
      SDFT_UNROLL
      for (int j = 0; j < T::warp_n / 8; ++j) {
        const uint32_t col[2] = {cols[j / 2][j % 2 * 2], cols[j / 2][j % 2 * 2 + 1]};
        multiply_add(sums[i][j], rows[i], col);
      }
  }
}

__device__ __forceinline__ void finish(const TileProduct& p, int64_t row, int64_t col, float value) {
  if (row >= p.m || col >= p.n) return;
  float* out = p.c + row * p.stride + col;
  if (p.bias != nullptr) value += p.bias[col];
  *out = p.write == Write::add ? *out + value : value;
}

template <class T, bool kAcross>
__global__ void __launch_bounds__(T::threads) tile_product_kernel(TileProduct p, float* partial, int64_t stretch) {
  SDFT_DYNAMIC_SHARED(memory);
  bf16* stages = reinterpret_cast<bf16*>(memory);
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  const int warp_row = warp / T::warps_n * T::warp_m, warp_col = warp % T::warps_n * T::warp_n;
  const int64_t first_row = int64_t{blockIdx.x} * T::tile_m, first_col = int64_t{blockIdx.y} * T::tile_n;
  const int64_t begin = blockIdx.z * stretch, end = begin + stretch < p.k ? begin + stretch : p.k;
  const int count = static_cast<int>((end - begin + kDeep - 1) / kDeep);
  float sums[T::warp_m / 16][T::warp_n / 8][4];
  SDFT_UNROLL
  for (int i = 0; i < T::warp_m / 16; ++i)
    SDFT_UNROLL
    for (int j = 0; j < T::warp_n / 8; ++j)
      SDFT_UNROLL
      for (int e = 0; e < 4; ++e) sums[i][j][e] = 0;
  // A group of copies for each stage, even an empty one, so that the number still under way says which stages are there.
  for (int s = 0; s < kStages - 1; ++s) {
    if (s < count) load_stage<T, kAcross>(stages + s * T::stage_elements, p, first_row, first_col, begin + s * kDeep);
    else commit_copies();
  }
  for (int at = 0; at < count; ++at) {
    wait_copies<kStages - 2>();
    __syncthreads();  // the stage is there for all, and all have done with the one before it
    const int next = at + kStages - 1;
    if (next < count) load_stage<T, kAcross>(stages + next % kStages * T::stage_elements, p, first_row, first_col, begin + int64_t{next} * kDeep);
    else commit_copies();
    multiply_stage<T, kAcross>(sums, stages + at % kStages * T::stage_elements, warp_row, warp_col);
  }
  wait_copies<0>();
  SDFT_UNROLL
  for (int i = 0; i < T::warp_m / 16; ++i)
    SDFT_UNROLL
    for (int j = 0; j < T::warp_n / 8; ++j)
      SDFT_UNROLL
      for (int e = 0; e < 4; ++e) {
        const int64_t row = first_row + warp_row + i * 16 + lane / 4 + e / 2 * 8, col = first_col + warp_col + j * 8 + lane % 4 * 2 + e % 2;
        if (partial == nullptr) finish(p, row, col, sums[i][j][e]);
        else if (row < p.m && col < p.n) partial[(blockIdx.z * p.m + row) * p.n + col] = sums[i][j][e];
      }
}

constexpr int kAddThreads = 256;

__global__ void __launch_bounds__(kAddThreads) add_stretches_kernel(TileProduct p, const float* partial, int64_t splits) {
  const int64_t i = int64_t{blockIdx.x} * kAddThreads + threadIdx.x;
  if (i >= p.m * p.n) return;
  float sum = 0;
  for (int64_t z = 0; z < splits; ++z) sum += partial[z * p.m * p.n + i];
  finish(p, i / p.n, i % p.n, sum);
}

template <class T, bool kAcross>
void launch(const Context& context, const TileProduct& p, int64_t splits) {
  const int64_t stretch = round_up((p.k + splits - 1) / splits, kDeep);
  const int64_t count = (p.k + stretch - 1) / stretch;
  float* partial = count > 1 ? context.scratch->take<float>(Scratch::partial_sums, count * p.m * p.n) : nullptr;
  const auto kernel = tile_product_kernel<T, kAcross>;
  SDFT_ALLOW_SHARED(kernel, T::shared_bytes);
  SDFT_LAUNCH(kernel, dim3(blocks_for(p.m, T::tile_m), blocks_for(p.n, T::tile_n), static_cast<unsigned>(count)), dim3(T::threads), T::shared_bytes, context.stream, p,
              partial, stretch);
  if (partial != nullptr) SDFT_LAUNCH(add_stretches_kernel, dim3(blocks_for(p.m * p.n, kAddThreads)), dim3(kAddThreads), 0, context.stream, p, partial, count);
  check_launch("a product");
}

}  // namespace

void tile_product(const Context& context, const TileProduct& p, int64_t splits) {
  if (p.m == 0 || p.n == 0) return;
  const bool large = p.m > 64 && p.n > 64;
  if (large && p.across) launch<Large, true>(context, p, splits);
  else if (large) launch<Large, false>(context, p, splits);
  else if (p.across) launch<Small, true>(context, p, splits);
  else launch<Small, false>(context, p, splits);
}

}  // namespace sdft::cuda
