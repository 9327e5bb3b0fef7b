// The pieces of tensor-core attention: tiles of rows in shared memory and products of them, 16 rows a warp.
#pragma once
#include "kernels/cuda/attention.h"

namespace sdft::cuda {

/// Keys of a step: a page.
constexpr int kStepKeys = static_cast<int>(kPageRows);
constexpr float kLog2E = 1.4426950408889634f, kLn2 = 0.6931471805599453f;

/// Elements from row to row of a tile of kSize columns: 16 bytes more than it holds, so that eight rows that a matrix load reads are in different banks.
template <int kSize>
constexpr int tile_stride = kSize + 8;

/// Issues the copies of rows of kSize bf16; zeros where from(r) is null. `any` is an address to name where nothing is read.
template <int kSize, int kThreads, class From>
__device__ __forceinline__ void copy_tile(bf16* tile, int rows, const bf16* any, const From& from) {
  constexpr int kChunks = kSize / 8;
  for (int i = threadIdx.x; i < rows * kChunks; i += kThreads) {
    const int r = i / kChunks, chunk = i % kChunks;
    const bf16* row = from(r);
    copy_async(tile + r * tile_stride<kSize> + chunk * 8, row != nullptr ? row + chunk * 8 : any, row != nullptr);
  }
}

/// The 16 × 16 piece of a row-major tile as the left side of a product: rows from `row` on, columns from `col` on.
template <int kSize>
__device__ __forceinline__ void left_piece(uint32_t (&piece)[4], const bf16* tile, int row, int col) {
  const int lane = threadIdx.x % 32;
  load_matrices(piece, tile + (row + lane % 16) * tile_stride<kSize> + col + lane / 16 * 8);
}

/// sums (16, 32) += left (16, kSize) · rightᵀ, right being 32 rows of a tile. left(d): the piece of columns 16 d.
template <int kSize, class Left>
__device__ __forceinline__ void multiply_by_rows(float (&sums)[4][4], const bf16* right, const Left& left) {
  const int lane = threadIdx.x % 32;
  SDFT_UNROLL
  for (int d = 0; d < kSize / 16; ++d) {
    uint32_t a[4];
    left(a, d);
    SDFT_UNROLL
    for (int j = 0; j < 2; ++j) {
      uint32_t b[4];
      load_matrices(b, right + (j * 16 + lane % 8 + lane / 16 * 8) * tile_stride<kSize> + d * 16 + lane / 8 % 2 * 8);
      const uint32_t low[2] = {b[0], b[1]}, high[2] = {b[2], b[3]};
      multiply_add(sums[2 * j], a, low);
      multiply_add(sums[2 * j + 1], a, high);
    }
  }
}

/// sums (16, kCols) += weights (16, 32) · right, right being columns first_col … of 32 rows of a tile. The weights are what multiply_by_rows left, rounded.
template <int kSize, int kCols>
__device__ __forceinline__ void multiply_by_columns(float (&sums)[kCols / 8][4], const float (&weights)[4][4], const bf16* right, int first_col) {
  const int lane = threadIdx.x % 32;
  SDFT_UNROLL
  for (int k = 0; k < 2; ++k) {
    const uint32_t a[4] = {pack_bf16(weights[2 * k][0], weights[2 * k][1]), pack_bf16(weights[2 * k][2], weights[2 * k][3]),
                           pack_bf16(weights[2 * k + 1][0], weights[2 * k + 1][1]), pack_bf16(weights[2 * k + 1][2], weights[2 * k + 1][3])};
    SDFT_UNROLL
    for (int d = 0; d < kCols / 16; ++d) {
      uint32_t b[4];
      load_matrices_transposed(b, right + (k * 16 + lane % 16) * tile_stride<kSize> + first_col + d * 16 + lane / 16 * 8);
      const uint32_t low[2] = {b[0], b[1]}, high[2] = {b[2], b[3]};
      multiply_add(sums[2 * d], a, low);
      multiply_add(sums[2 * d + 1], a, high);
    }
  }
}

template <int kTiles>
__device__ __forceinline__ void clear(float (&sums)[kTiles][4]) {
  SDFT_UNROLL
  for (int j = 0; j < kTiles; ++j)
    SDFT_UNROLL
    for (int e = 0; e < 4; ++e) sums[j][e] = 0;
}

/// Which query a tile row is: heads that share a kv head stand side by side.
struct TileRow {
  int query, head;  // head: of the query heads
  bool valid;
};
__device__ __forceinline__ TileRow tile_row(int row, int queries, int group, int kv_head) {
  const int query = row / group;
  return {query, kv_head * group + row % group, query < queries};
}

__device__ __forceinline__ int first_visible(int position, int64_t window) {
  return window > 0 && position >= window ? position - static_cast<int>(window) + 1 : 0;
}

}  // namespace sdft::cuda
