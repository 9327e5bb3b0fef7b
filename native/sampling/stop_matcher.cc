#include "sampling/stop_matcher.h"

#include <utility>

#include "base/error.h"

namespace sdft {

StopMatcher::StopMatcher(const std::vector<std::string>& stops) : matched_(stops.size(), 0) {
  for (const std::string& stop : stops) {
    require(!stop.empty(), "stop", "Expected a stop string of at least one byte but received an empty one");
    Pattern pattern{stop, std::vector<size_t>(stop.size() + 1, 0)};
    for (size_t n = 2; n <= stop.size(); ++n) {
      size_t length = pattern.fallback[n - 1];
      while (length > 0 && stop[length] != stop[n - 1]) length = pattern.fallback[length];
      pattern.fallback[n] = stop[length] == stop[n - 1] ? length + 1 : 0;
    }
    patterns_.push_back(std::move(pattern));
  }
}

bool StopMatcher::append(const std::string& bytes) {
  for (size_t p = 0; p < patterns_.size() && !found_; ++p) {
    const Pattern& pattern = patterns_[p];
    size_t& matched = matched_[p];
    for (char byte : bytes) {
      while (matched > 0 && pattern.bytes[matched] != byte) matched = pattern.fallback[matched];
      if (pattern.bytes[matched] == byte) ++matched;
      if (matched < pattern.bytes.size()) continue;
      found_ = true;
      break;
    }
  }
  return found_;
}

}  // namespace sdft
