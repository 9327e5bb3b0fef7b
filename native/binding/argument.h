// Reading JavaScript values: each reader takes a value with its path ("options.spec.width") and throws a TypeError that names it.
#pragma once
#include <napi.h>

#include <cstdint>
#include <string>
#include <vector>

namespace sdft::binding {

class Argument {
 public:
  Argument(Napi::Value value, std::string path) : value_(value), path_(std::move(path)) {}

  /// A property of an object.
  Argument operator[](const char* name) const;
  /// The elements of an array.
  std::vector<Argument> elements() const;

  bool is_null() const { return value_.IsNull() || value_.IsUndefined(); }
  std::string text() const;
  bool flag() const;
  /// Finite.
  double number() const;
  /// A whole number in [least, most].
  int64_t integer(int64_t least, int64_t most = kLargestInteger) const;
  Napi::Function function() const;
  /// A copy of an Int32Array.
  std::vector<int32_t> integers() const;
  /// A copy of a Float64Array, or of a Float32Array widened.
  std::vector<double> reals() const;
  std::vector<uint8_t> bytes() const;
  /// The value as a non-null object.
  Napi::Object object() const;

  Napi::Value value() const { return value_; }
  const std::string& path() const { return path_; }
  /// Throws TypeError: Expected <expected> for <path> but received <the value>.
  [[noreturn]] void fail(const std::string& expected) const;

  static constexpr int64_t kLargestInteger = (int64_t{1} << 53) - 1;

 private:
  Napi::Value value_;
  std::string path_;
};

}  // namespace sdft::binding
