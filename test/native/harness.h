// The harness of the native tests: cases register themselves, native_tests lists them and runs them by name, vitest makes one `it` of each.
// A case fails by throwing; the comparisons below throw with the first wrong element.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace sdft::test {

struct Case {
  std::string name;  // folder.topic words, e.g. "cpu.linear bits do not depend on rows"; unique
  std::function<void()> body;
};

std::vector<Case>& cases();

/// Registers a case before main: static Register r("name", [] { … }); or by CASE below.
struct Register {
  Register(std::string name, std::function<void()> body) { cases().push_back({std::move(name), std::move(body)}); }
};

#define SDFT_JOIN_(a, b) a##b
#define SDFT_JOIN(a, b) SDFT_JOIN_(a, b)
/// CASE("name") { body }
#define CASE(name)                                                                            \
  static void SDFT_JOIN(case_body_, __LINE__)();                                              \
  static ::sdft::test::Register SDFT_JOIN(case_, __LINE__)(name, SDFT_JOIN(case_body_, __LINE__)); \
  static void SDFT_JOIN(case_body_, __LINE__)()

/// Thrown by skip(): the case could not run here; the reason is printed.
struct Skipped {
  std::string reason;
};
[[noreturn]] inline void skip(const std::string& reason) { throw Skipped{reason}; }

[[noreturn]] void fail(const std::string& message);
/// CHECK(x == y): fails with the expression, file and line.
#define CHECK(condition)                                                                                                  \
  do {                                                                                                                    \
    if (!(condition)) ::sdft::test::fail(std::string(__FILE__) + ":" + std::to_string(__LINE__) + ": expected " #condition); \
  } while (false)

/// Fails unless `body` throws sdft::Error with this code.
void check_throws(const std::string& code, const std::function<void()>& body);

/// |actual − expected| ≤ absolute + relative · |expected| for each element; a NaN never is. `columns` > 0 prints the place as (row, column).
struct Tolerance {
  double absolute, relative;
};
void check_close(const std::string& what, const std::vector<double>& expected, const std::vector<double>& actual, Tolerance tolerance, int64_t columns = 0);
void check_close(const std::string& what, const std::vector<float>& expected, const std::vector<float>& actual, Tolerance tolerance, int64_t columns = 0);
/// Equal to the bit (0 and −0 differ, a NaN equals itself).
void check_same_bits(const std::string& what, const std::vector<float>& expected, const std::vector<float>& actual, int64_t columns = 0);

/// Reproducible numbers, the same on every machine: uniform in [−scale, scale).
std::vector<float> random_floats(int64_t count, uint64_t seed, float scale = 1.0f);
/// Uniform in [0, bound).
std::vector<int32_t> random_integers(int64_t count, uint64_t seed, int32_t bound);

}  // namespace sdft::test
