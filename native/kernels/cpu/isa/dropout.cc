// Dropout: Philox4x32-10 (base/philox.h) for kBlocks blocks of four channels at a time, written as loops over them for the compiler to vectorise.
#include "base/philox.h"
#include "kernels/cpu/isa/parallel.h"
#include "kernels/cpu/isa/table.h"

namespace sdft::SDFT_ISA {

using cpu::Context;

namespace {

constexpr int kBlocks = 16;
constexpr int kChannels = 4 * kBlocks;

/// words[i][j]: word i of block first + j.
void draw(const uint32_t (&row_counter)[3], uint32_t first, PhiloxKey key, uint32_t (&words)[4][kBlocks]) {
  for (int j = 0; j < kBlocks; ++j) {
    words[0][j] = row_counter[0];
    words[1][j] = row_counter[1];
    words[2][j] = row_counter[2];
    words[3][j] = first + static_cast<uint32_t>(j);
  }
  for (int round = 0; round < 10; ++round) {
    for (int j = 0; j < kBlocks; ++j) {
      const uint64_t a = uint64_t{0xD2511F53u} * words[0][j], b = uint64_t{0xCD9E8D57u} * words[2][j];
      words[0][j] = static_cast<uint32_t>(b >> 32) ^ words[1][j] ^ key.low;
      words[2][j] = static_cast<uint32_t>(a >> 32) ^ words[3][j] ^ key.high;
      words[1][j] = static_cast<uint32_t>(b);
      words[3][j] = static_cast<uint32_t>(a);
    }
    key.low += 0x9E3779B9u;
    key.high += 0xBB67AE85u;
  }
}

}  // namespace

void dropout(const Context& context, Tensor out, Tensor x, const DropoutKey& key, Write write) {
  // uniform(word) ≥ p is (word >> 8) ≥ p · 2²⁴ in whole numbers.
  const auto bound = static_cast<uint32_t>(__builtin_ceil(key.probability * 16777216.0));
  const auto gain = static_cast<float>(1 / (1 - key.probability));
  over_rows(context, x.rows, 8 * x.cols, [&](int64_t row) {
    const uint64_t low = static_cast<uint32_t>(key.example_low.data[row]), high = static_cast<uint32_t>(key.example_high.data[row]);
    const PhiloxKey row_key = philox_key(key.seed, high << 32 | low);
    const uint32_t counter[3] = {static_cast<uint32_t>(Purpose::dropout) | key.stream << 8, key.step, static_cast<uint32_t>(key.positions.data[row])};
    const float* from = row_of(x, row);
    float* to = row_of(out, row);
    for (int64_t c = 0; c < x.cols; c += kChannels) {
      uint32_t words[4][kBlocks];
      draw(counter, static_cast<uint32_t>(c / 4), row_key, words);
      float mask[kChannels];
      for (int i = 0; i < 4; ++i)
        for (int j = 0; j < kBlocks; ++j) mask[4 * j + i] = words[i][j] >> 8 >= bound ? gain : 0.0f;
      const int64_t count = smaller(kChannels, x.cols - c);
      if (write == Write::add)
        for (int64_t i = 0; i < count; ++i) to[c + i] += mask[i] * from[c + i];
      else
        for (int64_t i = 0; i < count; ++i) to[c + i] = mask[i] * from[c + i];
    }
  });
}

}  // namespace sdft::SDFT_ISA
