// Searches one answer's bytes for stop strings as they come, token by token: a string may begin in one token and end in another.
#pragma once
#include <cstddef>
#include <string>
#include <vector>

namespace sdft {

class StopMatcher {
 public:
  /// Throws Error("stop") for an empty string, which would stop anything.
  explicit StopMatcher(const std::vector<std::string>& stops);

  /// Whether one of the strings has ended within what was appended so far; stays true from then on.
  bool append(const std::string& bytes);

 private:
  /// One string (Knuth, Morris & Pratt 1977): fallback[n] = length of its longest proper prefix that also ends its first n bytes.
  struct Pattern {
    std::string bytes;
    std::vector<size_t> fallback;
  };

  std::vector<Pattern> patterns_;
  std::vector<size_t> matched_;  // bytes of each pattern that the answer ends with now
  bool found_ = false;
};

}  // namespace sdft
