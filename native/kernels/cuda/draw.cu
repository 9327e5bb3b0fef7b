// Draws tokens where the logits are: one block a row, with the arithmetic of sampling/sampler.cc operation by operation (each rounded by itself, sums of weights in
// integers), so that the same logits give the same token to the bit. Nothing is sorted: a cut (top-k, top-p) is found by counting, then digit by digit.
#include <algorithm>
#include <array>
#include <climits>
#include <cmath>
#include <limits>
#include <set>
#include <string>

#include "base/error.h"
#include "kernels/cuda/draw.h"

namespace sdft::cuda {
namespace {

using Mass = unsigned long long;

constexpr int kThreads = 512;
constexpr int kWarps = kThreads / 32;
constexpr int kClasses = 1024;
constexpr int kDigits = 256;
/// Ids that are summed together when the drawn one is looked for.
constexpr int kStretches = 256;
constexpr float kLeastExponent = -87.0f;

struct Rules {
  float temperature, penalty, range;
  int64_t top_k;  // 0: all
  double top_p;   // 1: all
  double least;   // weight below which a token is dropped; 0: none
};

/// One row: where its ids begin in the list, first those that are penalised.
struct Entry {
  double uniform;
  int32_t first, seen, forbidden, unused;
};

/// A head of the ranking by (logit falling, id rising): logits above `key`, and those equal to it up to `last`.
struct Cut {
  uint32_t key;
  int32_t last;
};

struct Scratchpad {
  Mass bins[kClasses];
  Mass sums[kStretches];
  float slots[kWarps];
  int counts[kWarps];
  Mass sum, mass;
  int found;
};

/// Rises with the logit; zeros of both signs are equal.
__device__ __forceinline__ uint32_t rank_key(float logit) {
  const uint32_t bits = __float_as_uint(logit == 0.0f ? 0.0f : logit);
  return bits >> 31 ? ~bits : bits | 0x80000000u;
}

/// e^x for x in [−87, 0]: exp_of_negative of the sampler.
__device__ __forceinline__ float exp_of_negative(float x) {
  constexpr float kRounder = 12582912.0f;
  const float shifted = __fadd_rn(__fmul_rn(x, 1.44269504f), kRounder), power = __fsub_rn(shifted, kRounder);
  float r = __fsub_rn(x, __fmul_rn(power, 0.693359375f));
  r = __fadd_rn(r, __fmul_rn(power, 2.12194440e-4f));
  float series = __fadd_rn(8.3333333e-3f, __fmul_rn(r, 1.3888889e-3f));
  series = __fadd_rn(4.1666667e-2f, __fmul_rn(r, series));
  series = __fadd_rn(1.6666667e-1f, __fmul_rn(r, series));
  series = __fadd_rn(0.5f, __fmul_rn(r, series));
  series = __fadd_rn(1.0f, __fmul_rn(r, series));
  series = __fadd_rn(1.0f, __fmul_rn(r, series));
  return __fmul_rn(__uint_as_float((__float_as_uint(shifted) - 0x4B400000u + 127u) << 23), series);
}

/// 2^44 · e^((logit − largest) / temperature), rounded to nearest.
__device__ __forceinline__ Mass weight_of(float logit, float largest, float temperature) {
  const float x = __fdiv_rn(__fsub_rn(logit, largest), temperature);
  const float share = exp_of_negative(x < kLeastExponent ? kLeastExponent : x);
  const double shifted = __dadd_rn(__dmul_rn(static_cast<double>(share), 17592186044416.0), 4503599627370496.0);
  return static_cast<Mass>(__double_as_longlong(shifted)) - 0x4330000000000000ull;
}

/// The row being narrowed down.
struct Row {
  const float* logits;
  int count;
  float largest, temperature, range;
  Cut cut;

  __device__ bool kept(int id, uint32_t key) const { return key > cut.key || (key == cut.key && id <= cut.last); }
  /// 0 … kClasses − 1, never falling along the ranking.
  __device__ int class_of(float logit) const {
    const float share = __fdiv_rn(__fsub_rn(largest, logit), range);
    return static_cast<int>(__fmul_rn(share < 1.0f ? share : 1.0f, static_cast<float>(kClasses - 1)));
  }
  __device__ Mass mass(float logit, bool by_count) const { return by_count ? 1 : weight_of(logit, largest, temperature); }
};

/// By one thread: the first of `count` bins, walked by `step` from `from`, with which the sum reaches the limit; −1: none. pad.sum: of those before it.
__device__ void find_bin(Scratchpad& pad, int from, int step, int count, double limit) {
  Mass sum = pad.sum;
  pad.found = -1;
  for (int i = 0; i < count; ++i) {
    const Mass own = pad.bins[from + i * step];
    if (!(static_cast<double>(sum + own) < limit)) {
      pad.found = from + i * step;
      pad.mass = own;
      break;
    }
    sum += own;
  }
  pad.sum = sum;
}

/// The last token before which the kept ones hold less than `limit`: of the count, or of the weight. Leaves the cut as it is where all do.
__device__ Cut narrow(Scratchpad& pad, const Row& row, bool by_count, double limit) {
  for (int i = threadIdx.x; i < kClasses; i += kThreads) pad.bins[i] = 0;
  if (threadIdx.x == 0) pad.sum = 0;
  __syncthreads();
  for (int i = threadIdx.x; i < row.count; i += kThreads) {
    const float logit = row.logits[i];
    if (!row.kept(i, rank_key(logit))) continue;
    const Mass own = row.mass(logit, by_count);
    if (own > 0) atomicAdd(&pad.bins[row.class_of(logit)], own);
  }
  __syncthreads();
  if (threadIdx.x == 0) find_bin(pad, 0, 1, kClasses, limit);
  __syncthreads();
  const int border = pad.found;
  if (border < 0) return row.cut;
  uint32_t key = 0, mask = 0;
  for (int shift = 24; shift >= 0; shift -= 8) {
    __syncthreads();
    for (int i = threadIdx.x; i < kDigits; i += kThreads) pad.bins[i] = 0;
    __syncthreads();
    for (int i = threadIdx.x; i < row.count; i += kThreads) {
      const float logit = row.logits[i];
      const uint32_t own_key = rank_key(logit);
      if ((own_key & mask) != key || row.class_of(logit) != border || !row.kept(i, own_key)) continue;
      const Mass own = row.mass(logit, by_count);
      if (own > 0) atomicAdd(&pad.bins[own_key >> shift & 255u], own);
    }
    __syncthreads();
    if (threadIdx.x == 0) find_bin(pad, kDigits - 1, -1, kDigits, limit);
    __syncthreads();
    key |= static_cast<uint32_t>(pad.found) << shift;
    mask |= 255u << shift;
  }
  // Of the equal ones as many as it takes, by id. All of them weigh the same.
  const Mass before = pad.sum, all = pad.mass;
  const float value = __uint_as_float(key >> 31 ? key & 0x7fffffffu : ~key);
  const Mass each = row.mass(value, by_count);
  Mass low = 1, high = all / each;
  while (low < high) {
    const Mass middle = (low + high) / 2;
    if (static_cast<double>(before + middle * each) < limit) low = middle + 1;
    else high = middle;
  }
  Mass passed = 0;
  for (int first = 0; first < row.count; first += kThreads) {
    const int id = first + static_cast<int>(threadIdx.x);
    const bool equal = id < row.count && rank_key(row.logits[id]) == key && row.kept(id, key);
    const unsigned votes = __ballot_sync(kAllLanes, equal);
    if (threadIdx.x % 32 == 0) pad.counts[threadIdx.x / 32] = __popc(votes);
    __syncthreads();
    Mass own = passed + __popc(votes & ((2u << threadIdx.x % 32) - 1u));
    for (int w = 0; w < kWarps; ++w) {
      if (w < static_cast<int>(threadIdx.x / 32)) own += pad.counts[w];
      passed += pad.counts[w];
    }
    if (equal && own == low) pad.found = id;
    __syncthreads();
    if (passed >= low) break;
  }
  const Cut cut{key, pad.found};
  __syncthreads();
  return cut;
}

/// The first id of the largest logit, or a fault; `largest` is known to the block afterwards.
__device__ int likeliest(Scratchpad& pad, const float* logits, int count, float& largest) {
  float own = -INFINITY, ordered = 1;
  for (int i = threadIdx.x; i < count; i += kThreads) {
    if (!(logits[i] == logits[i])) ordered = 0;
    else own = fmaxf(own, logits[i]);
  }
  if (block_largest<kWarps>(1 - ordered, pad.slots) > 0) return kNotANumber;
  largest = block_largest<kWarps>(own, pad.slots);
  if (largest == -INFINITY) return kNoneAllowed;
  if (largest == INFINITY) return kInfinite;
  int least = INT_MAX;
  for (int i = threadIdx.x; i < count && least == INT_MAX; i += kThreads)
    if (logits[i] == largest) least = i;
  for (int step = 16; step > 0; step >>= 1) {
    const int other = __shfl_xor_sync(kAllLanes, least, step);
    least = other < least ? other : least;
  }
  if (threadIdx.x % 32 == 0) pad.counts[threadIdx.x / 32] = least;
  __syncthreads();
  for (int w = 0; w < kWarps; ++w) least = pad.counts[w] < least ? pad.counts[w] : least;
  __syncthreads();
  return least;
}

/// Inverse of the distribution function over the kept tokens by id.
__device__ int pick(Scratchpad& pad, const Row& row, double least, double uniform) {
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, length = (row.count + kStretches - 1) / kStretches;
  const auto weight = [&](int id, int end) -> Mass {
    if (id >= end) return 0;
    const float logit = row.logits[id];
    if (!row.kept(id, rank_key(logit))) return 0;
    const Mass own = weight_of(logit, row.largest, row.temperature);
    return static_cast<double>(own) < least ? 0 : own;
  };
  for (int s = warp; s < kStretches; s += kWarps) {
    const int first = s * length, end = first + length < row.count ? first + length : row.count;
    Mass sum = 0;
    for (int id = first + lane; id < end; id += 32) sum += weight(id, end);
    sum = warp_sum(sum);
    if (lane == 0) pad.sums[s] = sum;
  }
  __syncthreads();
  Mass all = 0;
  for (int s = 0; s < kStretches; ++s) all += pad.sums[s];
  const Mass wanted = static_cast<Mass>(__dmul_rn(uniform, static_cast<double>(all)));
  Mass left = wanted < all - 1 ? wanted : all - 1;
  int stretch = 0;
  for (; pad.sums[stretch] <= left; ++stretch) left -= pad.sums[stretch];
  const int end = (stretch + 1) * length < row.count ? (stretch + 1) * length : row.count;
  // Every warp looks for itself: the block goes on together.
  for (int first = stretch * length;; first += 32) {
    const Mass own = weight(first + lane, end), tile = warp_sum(own);
    if (tile <= left) {
      left -= tile;
      continue;
    }
    for (int l = 0;; ++l) {
      const Mass other = __shfl_sync(kAllLanes, own, l);
      if (left < other) return first + l;
      left -= other;
    }
  }
}

__global__ void __launch_bounds__(kThreads) draw_kernel(int32_t* drawn, Rows logits, const Entry* entries, const int32_t* ids, unsigned* marks, int64_t mark_words, Rules rules) {
  SDFT_SHARED(Scratchpad, pads, [1]);
  Scratchpad& pad = pads[0];
  const int64_t r = blockIdx.x;
  const Entry entry = entries[r];
  float* row_logits = logits.row(r);
  const int count = static_cast<int>(logits.cols);
  for (int i = threadIdx.x; i < entry.seen; i += kThreads) {
    const int32_t id = ids[entry.first + i];
    const unsigned bit = 1u << id % 32;
    if (atomicOr(&marks[r * mark_words + id / 32], bit) & bit) continue;
    const float logit = row_logits[id];
    row_logits[id] = logit < 0 ? __fmul_rn(logit, rules.penalty) : __fdiv_rn(logit, rules.penalty);
  }
  __syncthreads();
  for (int i = threadIdx.x; i < entry.forbidden; i += kThreads) row_logits[ids[entry.first + entry.seen + i]] = -INFINITY;
  __syncthreads();
  float largest = 0;
  int token = likeliest(pad, row_logits, count, largest);
  if (token >= 0 && rules.temperature != 0) {
    Row row{row_logits, count, largest, rules.temperature, rules.range, {0, INT_MAX}};
    if (rules.top_k > 0 && rules.top_k < count) row.cut = narrow(pad, row, true, static_cast<double>(rules.top_k));
    if (rules.top_p < 1) {
      // The limit is a share of what top-k has left.
      Mass own = 0;
      for (int i = threadIdx.x; i < count; i += kThreads)
        if (row.kept(i, rank_key(row_logits[i]))) own += weight_of(row_logits[i], largest, rules.temperature);
      own = warp_sum(own);
      if (threadIdx.x % 32 == 0) pad.sums[threadIdx.x / 32] = own;
      __syncthreads();
      Mass all = 0;
      for (int w = 0; w < kWarps; ++w) all += pad.sums[w];
      __syncthreads();
      row.cut = narrow(pad, row, false, __dmul_rn(rules.top_p, static_cast<double>(all)));
    }
    token = pick(pad, row, rules.least, entry.uniform);
  }
  if (threadIdx.x == 0) drawn[r] = token;
}

}  // namespace

int32_t* draw_tokens(const Context& context, Tensor logits, const std::vector<TokenDraw>& draws, const SamplingOptions& options) {
  const auto temperature = static_cast<float>(options.temperature), penalty = static_cast<float>(options.repetition_penalty);
  const bool penalises = options.repetition_penalty != 1;
  std::vector<Entry> entries;
  std::vector<int32_t> ids;
  for (const TokenDraw& draw : draws) {
    const std::array<uint32_t, 4> counter{static_cast<uint32_t>(Purpose::sample), draw.sample, static_cast<uint32_t>(draw.position), 0};
    const auto seen = static_cast<int32_t>(penalises ? draw.seen.size() : 0);
    const std::set<int32_t> forbidden(draw.forbidden.begin(), draw.forbidden.end());  // each once: no two threads write to one place
    entries.push_back({uniform(philox(counter, draw.key)[0]), static_cast<int32_t>(ids.size()), seen, static_cast<int32_t>(forbidden.size()), 0});
    ids.insert(ids.end(), draw.seen.begin(), draw.seen.begin() + seen);
    ids.insert(ids.end(), forbidden.begin(), forbidden.end());
  }
  for (int32_t id : ids)
    require(id >= 0 && id < logits.cols, "tokens", "Expected token ids below " + std::to_string(logits.cols) + " but received " + std::to_string(id));
  const auto rows = static_cast<int64_t>(draws.size()), entry_bytes = rows * int64_t{sizeof(Entry)}, id_bytes = static_cast<int64_t>(ids.size() * sizeof(int32_t));
  char* device = context.scratch->take<char>(Scratch::draws, entry_bytes + id_bytes);
  context.staging->upload(device, entries.data(), entry_bytes);
  context.staging->upload(device + entry_bytes, ids.data(), id_bytes);
  const int64_t words = (logits.cols + 31) / 32;
  unsigned* marks = nullptr;
  if (penalises) {
    marks = context.scratch->take<unsigned>(Scratch::marks, rows * words);
    check(cudaMemsetAsync(marks, 0, static_cast<size_t>(rows * words) * sizeof(unsigned), context.stream), "clearing memory");
  }
  const float widest = temperature * 32;
  const Rules rules{temperature,  penalty, widest < std::numeric_limits<float>::max() ? widest : std::numeric_limits<float>::max(), options.top_k,
                    options.top_p, options.min_p > 0 ? std::ldexp(std::min(options.min_p, 1.0), 44) : 0.0};
  int32_t* drawn = context.scratch->take<int32_t>(Scratch::drawn, rows);
  SDFT_LAUNCH(draw_kernel, dim3(static_cast<unsigned>(rows)), dim3(kThreads), 0, context.stream, drawn, rows_of(logits), reinterpret_cast<const Entry*>(device),
              reinterpret_cast<const int32_t*>(device + entry_bytes), marks, words, rules);
  check_launch("drawing tokens");
  return drawn;
}

}  // namespace sdft::cuda
