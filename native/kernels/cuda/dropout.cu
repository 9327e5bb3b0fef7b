// Dropout whose mask is a pure function of (seed, example, step, stream, position, channel): base/philox.h, word for word.
#include "base/philox.h"
#include "kernels/cuda/kernels.h"

namespace sdft::cuda {
namespace {

constexpr int kThreads = 128;

struct Words {
  uint32_t word[4];
};

/// philox() of base/philox.h.
__device__ __forceinline__ Words random_words(Words counter, uint32_t low, uint32_t high) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t product0 = uint64_t{0xD2511F53u} * counter.word[0];
    const uint64_t product1 = uint64_t{0xCD9E8D57u} * counter.word[2];
    counter = {{static_cast<uint32_t>(product1 >> 32) ^ counter.word[1] ^ low, static_cast<uint32_t>(product1),
                static_cast<uint32_t>(product0 >> 32) ^ counter.word[3] ^ high, static_cast<uint32_t>(product0)}};
    low += 0x9E3779B9u;
    high += 0xBB67AE85u;
  }
  return counter;
}

struct Key {
  const int32_t *example_low, *example_high, *positions;
  uint64_t seed;
  uint32_t purpose, step;
  float probability, keep_scale;
};

__global__ void __launch_bounds__(kThreads) dropout_kernel(Rows out, Rows x, Key key, bool add) {
  const int64_t r = blockIdx.x;
  const uint64_t hash = uint64_t{static_cast<uint32_t>(key.example_high[r])} << 32 | static_cast<uint32_t>(key.example_low[r]);
  const uint64_t mixed = (key.seed * 0x9E3779B97F4A7C15ull) ^ hash;
  for (int64_t block = threadIdx.x; block * 4 < x.cols; block += kThreads) {
    const Words words = random_words({{key.purpose, key.step, static_cast<uint32_t>(key.positions[r]), static_cast<uint32_t>(block)}}, static_cast<uint32_t>(mixed),
                                     static_cast<uint32_t>(mixed >> 32));
    for (int i = 0; i < 4 && block * 4 + i < x.cols; ++i) {
      const int64_t c = block * 4 + i;
      const bool kept = static_cast<float>(words.word[i] >> 8) * (1.0f / 16777216.0f) >= key.probability;
      const float value = kept ? x.row(r)[c] / key.keep_scale : 0.0f;
      out.row(r)[c] = add ? out.row(r)[c] + value : value;
    }
  }
}

}  // namespace

void dropout(const Context& context, Tensor out, Tensor x, const DropoutKey& key, Write write) {
  if (x.rows == 0) return;
  // uniform ≥ p, both exact in double on the host: the least float that is not below p says the same of 24-bit numbers.
  float probability = static_cast<float>(key.probability);
  if (static_cast<double>(probability) < key.probability) probability = nextafterf(probability, 2.0f);
  const Key device_key{key.example_low.data, key.example_high.data, key.positions.data, key.seed,
                       static_cast<uint32_t>(Purpose::dropout) | key.stream << 8, key.step, probability, static_cast<float>(1 - key.probability)};
  SDFT_LAUNCH(dropout_kernel, dim3(static_cast<unsigned>(x.rows)), dim3(kThreads), 0, context.stream, rows_of(out), rows_of(x), device_key, write == Write::add);
  check_launch("dropout");
}

}  // namespace sdft::cuda
