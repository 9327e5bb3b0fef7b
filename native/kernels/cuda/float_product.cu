#include "kernels/cuda/float_product.h"

#include <algorithm>

namespace sdft::cuda {
namespace {

constexpr int kThreads = 256;  // 16 × 16
constexpr int kDeep = 16;      // of k, in shared memory at a time

/// Reads a stretch of kDeep inner elements of kRows rows, zeros outside, neighbouring threads along the stride of one.
template <int kRows>
__device__ __forceinline__ void load_tile(float (&tile)[kDeep][kRows + 4], const Strided& from, int64_t first_row, int64_t rows, int64_t first_k, int64_t end_k) {
  for (int i = threadIdx.x; i < kRows * kDeep; i += kThreads) {
    const bool inner_first = from.inner_stride == 1;
    const int row = inner_first ? i / kDeep : i % kRows, k = inner_first ? i % kDeep : i / kRows;
    const bool inside = first_row + row < rows && first_k + k < end_k;
    tile[k][row] = inside ? from.data[(first_row + row) * from.row_stride + (first_k + k) * from.inner_stride] : 0.0f;
  }
}

__device__ __forceinline__ void finish(const FloatProduct& p, int64_t row, int64_t col, float sum) {
  float* out = p.c + row * p.stride + col;
  float value = p.alpha * sum;
  if (p.bias != nullptr) value += p.bias[col];
  if (p.write == Write::overwrite) *out = value;
  else if (value != 0.0f) *out += value;
}

/// Products of one launch; where one is smaller than another, its blocks beyond its own end at once.
struct Together {
  FloatProduct of[kMostTogether];
};

/// A block makes (16 kTall) × (16 kWide) outputs, a thread kTall × kWide. Block z of the grid takes stretch z % chunks of k, of product z / chunks; with more
/// than one stretch there are partial sums.
template <int kTall, int kWide>
__global__ void __launch_bounds__(kThreads) float_product_kernel(const __grid_constant__ Together together, float* partial, int64_t chunk, unsigned chunks) {
  const FloatProduct& p = together.of[blockIdx.z / chunks];
  const int64_t stretch = blockIdx.z % chunks;
  SDFT_SHARED(float, a_tile, [kDeep][16 * kTall + 4]);
  SDFT_SHARED(float, b_tile, [kDeep][16 * kWide + 4]);
  const int64_t first_row = int64_t{blockIdx.y} * 16 * kTall, first_col = int64_t{blockIdx.x} * 16 * kWide;
  if (first_row >= p.m || first_col >= p.n) return;
  const int64_t begin = stretch * chunk, end = begin + chunk < p.k ? begin + chunk : p.k;
  const int down = threadIdx.x / 16, across = threadIdx.x % 16;
  float sums[kTall][kWide];
  SDFT_UNROLL
  for (int i = 0; i < kTall; ++i)
    SDFT_UNROLL
    for (int j = 0; j < kWide; ++j) sums[i][j] = 0;
  for (int64_t k = begin; k < end; k += kDeep) {
    load_tile<16 * kTall>(a_tile, p.a, first_row, p.m, k, end);
    load_tile<16 * kWide>(b_tile, p.b, first_col, p.n, k, end);
    __syncthreads();
    SDFT_UNROLL
    for (int step = 0; step < kDeep; ++step) {
      float a[kTall], b[kWide];
      SDFT_UNROLL
      for (int i = 0; i < kTall; ++i) a[i] = a_tile[step][down * kTall + i];
      SDFT_UNROLL
      for (int j = 0; j < kWide; ++j) b[j] = b_tile[step][across * kWide + j];
      SDFT_UNROLL
      for (int i = 0; i < kTall; ++i)
        SDFT_UNROLL
        for (int j = 0; j < kWide; ++j) sums[i][j] = fmaf(a[i], b[j], sums[i][j]);
    }
    __syncthreads();
  }
  SDFT_UNROLL
  for (int i = 0; i < kTall; ++i)
    SDFT_UNROLL
    for (int j = 0; j < kWide; ++j) {
      const int64_t row = first_row + down * kTall + i, col = first_col + across * kWide + j;
      if (row >= p.m || col >= p.n) continue;
      if (partial != nullptr) partial[(stretch * p.m + row) * p.n + col] = sums[i][j];
      else finish(p, row, col, sums[i][j]);
    }
}

__global__ void __launch_bounds__(kThreads) add_chunks_kernel(FloatProduct p, const float* partial, int64_t chunks) {
  const int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (i >= p.m * p.n) return;
  float sum = 0;
  for (int64_t z = 0; z < chunks; ++z) sum += partial[z * p.m * p.n + i];
  finish(p, i / p.n, i % p.n, sum);
}

/// At most kMostTogether; partial null: each in one stretch of `chunk`, no less than its k.
void start(const Context& context, const FloatProduct* products, int count, float* partial, int64_t chunk, int64_t chunks) {
  Together together{};
  int64_t m = 0, n = 0;
  for (int i = 0; i < count; ++i) {
    together.of[i] = products[i];
    m = std::max(m, products[i].m);
    n = std::max(n, products[i].n);
  }
  const unsigned depth = static_cast<unsigned>(chunks * count), stretches = static_cast<unsigned>(chunks);
  const auto narrow = float_product_kernel<4, 1>;
  const auto flat = float_product_kernel<1, 4>;
  const auto square = float_product_kernel<4, 4>;
  if (n <= 16) {
    SDFT_LAUNCH(narrow, dim3(blocks_for(n, 16), blocks_for(m, 64), depth), dim3(kThreads), 0, context.stream, together, partial, chunk, stretches);
  } else if (m <= 16) {
    SDFT_LAUNCH(flat, dim3(blocks_for(n, 64), blocks_for(m, 16), depth), dim3(kThreads), 0, context.stream, together, partial, chunk, stretches);
  } else {
    SDFT_LAUNCH(square, dim3(blocks_for(n, 64), blocks_for(m, 64), depth), dim3(kThreads), 0, context.stream, together, partial, chunk, stretches);
  }
}

/// Grids are 65,535 high at most; taller products go in pieces.
constexpr int64_t kMostRows = int64_t{65535} * 16;

}  // namespace

void float_products(const Context& context, const std::vector<FloatProduct>& products) {
  std::vector<FloatProduct> together;
  int64_t deepest = 1;
  for (const FloatProduct& p : products) {
    if (p.m == 0 || p.n == 0) continue;
    if (p.m > kMostRows) {
      float_product(context, p, Order::one_sum);
      continue;
    }
    together.push_back(p);
    deepest = std::max(deepest, p.k);
  }
  for (size_t first = 0; first < together.size(); first += kMostTogether)
    start(context, &together[first], static_cast<int>(std::min<size_t>(kMostTogether, together.size() - first)), nullptr, deepest, 1);
  if (!together.empty()) check_launch("float products");
}

void float_product(const Context& context, const FloatProduct& p, Order order) {
  if (p.m == 0 || p.n == 0) return;
  const int64_t chunk = order == Order::in_chunks ? kStretch : p.k > 0 ? p.k : 1;
  const int64_t chunks = p.k > 0 ? (p.k + chunk - 1) / chunk : 1;
  float* partial = chunks > 1 ? context.scratch->take<float>(Scratch::partial_sums, chunks * p.m * p.n) : nullptr;
  if (p.m > kMostRows && partial == nullptr) {
    FloatProduct first = p, rest = p;
    first.m = kMostRows;
    rest.m = p.m - kMostRows;
    rest.a.data += kMostRows * p.a.row_stride;
    rest.c += kMostRows * p.stride;
    float_product(context, first, order);
    return float_product(context, rest, order);
  }
  start(context, &p, 1, partial, chunk, chunks);
  if (partial != nullptr) SDFT_LAUNCH(add_chunks_kernel, dim3(blocks_for(p.m * p.n, kThreads)), dim3(kThreads), 0, context.stream, p, partial, chunks);
  check_launch("a float product");
}

}  // namespace sdft::cuda
