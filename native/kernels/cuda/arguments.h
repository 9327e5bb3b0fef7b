// What the cuda backend asks of its arguments beside kernels/expect.h: indices that are in device memory, pages of a cache, and heads that its kernels take.
#pragma once
#include <string>

#include "base/error.h"
#include "kernels/cuda/attention.h"
#include "kernels/expect.h"

namespace sdft::cuda {

using sdft::expect;

/// Without a look at them: they are in device memory.
inline void expect(const char* what, Indices indices, int64_t count) {
  require(indices.count == count, "shape", "Expected " + std::to_string(count) + " " + what + " but received " + std::to_string(indices.count));
}

inline void expect_pages(Segments segments, int64_t pages) {
  for (int64_t s = 0; s < segments.count; ++s) {
    const Segment& segment = segments.data[s];
    for (int64_t i = 0; i * kPageRows < segment.position + segment.length; ++i)
      require(segment.pages != nullptr && segment.pages[i] >= 0 && segment.pages[i] < pages, "segments",
              "Expected segment " + std::to_string(s) + " to have pages below " + std::to_string(pages) + " up to its last position");
  }
}

inline void expect_heads(const AttentionShape& shape) {
  require(shape.head_size > 0 && shape.head_size <= kLargestHead, "shape",
          "Expected heads of at most " + std::to_string(kLargestHead) + " channels for the cuda backend but received " + std::to_string(shape.head_size));
  require(shape.query_heads / shape.kv_heads <= kTileRows, "shape",
          "Expected at most " + std::to_string(kTileRows) + " query heads to a key-value head for the cuda backend but received " +
              std::to_string(shape.query_heads / shape.kv_heads));
}

}  // namespace sdft::cuda
