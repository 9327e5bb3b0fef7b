#include "sampling/vocabulary.h"

#include <algorithm>

#include "base/error.h"

namespace sdft {

Vocabulary::Vocabulary(const std::vector<uint8_t>& bytes, const std::vector<int32_t>& offsets, int64_t vocab_size)
    : bytes_(bytes.begin(), bytes.end()), offsets_(offsets) {
  require(static_cast<int64_t>(offsets.size()) == vocab_size + 1, "vocabulary",
          "Expected " + std::to_string(vocab_size + 1) + " offsets, one a token and the end, but received " + std::to_string(offsets.size()) + ".");
  const bool rising = std::is_sorted(offsets.begin(), offsets.end());
  require(rising && offsets.front() == 0 && offsets.back() == static_cast<int64_t>(bytes.size()), "vocabulary",
          "Expected offsets that rise from 0 to " + std::to_string(bytes.size()) + ", the number of bytes.");
}

}  // namespace sdft
