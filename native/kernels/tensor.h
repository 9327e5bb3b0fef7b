// Views of a backend's memory. Only code under kernels/ may dereference them; everyone else passes them on.
#pragma once
#include <cstdint>
#include <memory>

namespace sdft {

/// Row-major matrix of the backend's reals (float, or double on reference-double). Row r starts r · stride elements after data.
struct Tensor {
  void* data = nullptr;
  int64_t rows = 0, cols = 0, stride = 0;

  explicit operator bool() const { return data != nullptr; }
};

/// Contiguous 32-bit integers.
struct Indices {
  int32_t* data = nullptr;
  int64_t count = 0;
};

/// A frozen matrix (out, in) in whatever form its backend multiplies best. Only that backend knows what `packed` points to.
struct Weight {
  int64_t rows = 0, cols = 0;
  int64_t bytes = 0;  // memory taken beyond the mapped file
  std::shared_ptr<const void> packed;

  explicit operator bool() const { return packed != nullptr; }
};

/// Rows of a step that belong together: `length` rows from row `start` on, at positions `position`, `position` + 1, …
/// Its rows see the rows of `parent` (and its parents) and, of its own, those not after them.
struct Segment {
  int32_t parent = -1;  // an earlier segment of the same list, whose last row stands at position − 1; or −1
  int64_t start = 0;
  int64_t length = 0;
  int64_t position = 0;
  const int32_t* pages = nullptr;  // cached steps: page of positions [i · kPageRows, (i + 1) · kPageRows)
  bool seen_only = false;          // its keys and values are there for others; its own queries are not asked
};

struct Segments {
  const Segment* data = nullptr;
  int64_t count = 0;
};

/// Positions in one page of the key-value cache. A backend that takes attention's keys in blocks starts them at absolute positions too, so that a row's sum
/// is taken in the same order whether its keys were cached, packed or computed alone.
constexpr int64_t kPageRows = 32;

}  // namespace sdft
