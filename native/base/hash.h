// FNV-1a over bytes: names a row of data by its id, the same here and in src/base/hash.ts.
#pragma once
#include <cstdint>
#include <string>

namespace sdft {

inline uint64_t fnv1a64(const std::string& bytes) {
  uint64_t hash = 14695981039346656037ull;
  for (unsigned char byte : bytes) hash = (hash ^ byte) * 1099511628211ull;
  return hash;
}

}  // namespace sdft
