// What the cuda backend asks of its arguments beside kernels/expect.h: indices that are in device memory, and heads that its kernels take.
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

inline void expect_heads(const AttentionShape& shape) {
  require(shape.head_size > 0 && shape.head_size <= kLargestHead, "shape",
          "Expected heads of at most " + std::to_string(kLargestHead) + " channels for the cuda backend but received " + std::to_string(shape.head_size));
  require(shape.query_heads / shape.kv_heads <= kTileRows, "shape",
          "Expected at most " + std::to_string(kTileRows) + " query heads to a key-value head for the cuda backend but received " +
              std::to_string(shape.query_heads / shape.kv_heads));
}

}  // namespace sdft::cuda
