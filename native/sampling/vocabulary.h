// The bytes that each token stands for, for finding stop strings in answers.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace sdft {

class Vocabulary {
 public:
  /// Token i has bytes[offsets[i] … offsets[i + 1]]. Throws Error("vocabulary") unless there are vocab_size + 1 offsets, rising from 0 to the bytes' end.
  Vocabulary(const std::vector<uint8_t>& bytes, const std::vector<int32_t>& offsets, int64_t vocab_size);

  /// token in [0, V)
  std::string bytes(int32_t token) const { return bytes_.substr(offsets_[token], offsets_[token + 1] - offsets_[token]); }

 private:
  std::string bytes_;
  std::vector<int32_t> offsets_;
};

}  // namespace sdft
