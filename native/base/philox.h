// Philox4x32-10 (Salmon et al., SC 2011): random words as a pure function of (key, counter), the same on every backend.
// key = (seed, FNV-1a-64 of the row's id); counter = (purpose, sample or step, position, block).
#pragma once
#include <array>
#include <cstdint>

namespace sdft {

/// What a random word is for; keeps streams apart.
enum class Purpose : uint32_t { sample = 0, dropout = 1, initialize = 2 };

struct PhiloxKey {
  uint32_t low, high;
};

/// Mixes the run's seed and the row's hash into the 64-bit key.
inline PhiloxKey philox_key(uint64_t seed, uint64_t id_hash) {
  const uint64_t mixed = (seed * 0x9E3779B97F4A7C15ull) ^ id_hash;
  return {static_cast<uint32_t>(mixed), static_cast<uint32_t>(mixed >> 32)};
}

inline std::array<uint32_t, 4> philox(std::array<uint32_t, 4> counter, PhiloxKey key) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t product0 = uint64_t{0xD2511F53u} * counter[0];
    const uint64_t product1 = uint64_t{0xCD9E8D57u} * counter[2];
    counter = {static_cast<uint32_t>(product1 >> 32) ^ counter[1] ^ key.low, static_cast<uint32_t>(product1),
               static_cast<uint32_t>(product0 >> 32) ^ counter[3] ^ key.high, static_cast<uint32_t>(product0)};
    key.low += 0x9E3779B9u;
    key.high += 0xBB67AE85u;
  }
  return counter;
}

/// [0, 1) with 24 bits, exact in float.
inline float uniform(uint32_t word) { return static_cast<float>(word >> 8) * (1.0f / 16777216.0f); }

}  // namespace sdft
