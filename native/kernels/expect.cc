#include "kernels/expect.h"

#include <string>

#include "base/error.h"

namespace sdft {

void expect(const char* what, Tensor tensor, int64_t rows, int64_t cols) {
  if ((tensor || rows == 0) && tensor.rows == rows && tensor.cols == cols && (tensor.stride >= cols || rows <= 1)) return;
  throw Error("shape", "Expected " + std::string(what) + " of (" + std::to_string(rows) + ", " + std::to_string(cols) + ") but received (" +
                           std::to_string(tensor.rows) + ", " + std::to_string(tensor.cols) + ") with stride " + std::to_string(tensor.stride) +
                           (tensor ? "" : " without memory"));
}

void expect(const char* what, Indices indices, int64_t count, int64_t bound) {
  require(indices.count == count, "shape", "Expected " + std::to_string(count) + " " + what + " but received " + std::to_string(indices.count));
  for (int64_t i = 0; i < count; ++i) {
    if (indices.data[i] >= 0 && indices.data[i] < bound) continue;
    throw Error("index", "Expected " + std::string(what) + " below " + std::to_string(bound) + " but element " + std::to_string(i) + " is " +
                             std::to_string(indices.data[i]));
  }
}

void expect(Segments segments, int64_t rows) {
  bool asked = segments.count == 0;
  for (int64_t s = 0; s < segments.count; ++s) {
    const Segment& segment = segments.data[s];
    asked = asked || !segment.seen_only;
    if (segment.start >= 0 && segment.length > 0 && segment.start + segment.length <= rows && segment.position >= 0) continue;
    throw Error("segments", "Expected segment " + std::to_string(s) + " inside " + std::to_string(rows) + " rows but it has " + std::to_string(segment.length) +
                                " rows from row " + std::to_string(segment.start));
  }
  require(asked, "segments", "Expected a segment that asks for attention but all " + std::to_string(segments.count) + " are seen only");
}

void expect_pages(Segments segments, int64_t pages) {
  for (int64_t s = 0; s < segments.count; ++s) {
    const Segment& segment = segments.data[s];
    // A sentence made for each page of each step would take longer than some kernels.
    for (int64_t i = 0; i * kPageRows < segment.position + segment.length; ++i) {
      if (segment.pages != nullptr && segment.pages[i] >= 0 && segment.pages[i] < pages) continue;
      throw Error("segments", "Expected segment " + std::to_string(s) + " to have pages below " + std::to_string(pages) + " up to its last position");
    }
  }
}

void expect_apart(Segments segments, const AttentionShape& shape) {
  require(shape.window == 0, "segments", "Expected no window in attention in both directions but received one of " + std::to_string(shape.window) + " rows");
  for (int64_t s = 0; s < segments.count; ++s)
    require(segments.data[s].parent < 0 && segments.data[s].position == 0, "segments",
            "Expected segment " + std::to_string(s) + " to begin at position 0 without a parent, as attention in both directions needs");
}

}  // namespace sdft
