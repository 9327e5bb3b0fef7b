// The one exception type of the engine: a code for programs and a sentence for people.
#pragma once
#include <stdexcept>
#include <string>
#include <utility>

namespace sdft {

class Error : public std::runtime_error {
 public:
  Error(std::string code, const std::string& message) : std::runtime_error(message), code_(std::move(code)) {}
  const std::string& code() const { return code_; }

 private:
  std::string code_;
};

/// Throws Error(code, message) unless `condition` holds. For states and memory that only C++ can see; JS has checked the values.
inline void require(bool condition, const char* code, const std::string& message) {
  if (!condition) throw Error(code, message);
}

}  // namespace sdft
