// native_tests [--list | NAME…]: without names all cases run. Exit 0: all passed, 1: some failed, 2: a name is unknown, 77: all that ran were skipped.
#include "harness.h"

#include <cmath>
#include <cstdio>
#include <cstring>

#include "base/error.h"

namespace sdft::test {

std::vector<Case>& cases() {
  static std::vector<Case> list;
  return list;
}

void fail(const std::string& message) { throw std::runtime_error(message); }

void check_throws(const std::string& code, const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& error) {
    if (error.code() == code) return;
    fail("expected Error(\"" + code + "\") but came Error(\"" + error.code() + "\"): " + error.what());
  }
  fail("expected Error(\"" + code + "\") but nothing was thrown");
}

namespace {

std::string place(int64_t index, int64_t columns) {
  if (columns <= 0) return "[" + std::to_string(index) + "]";
  return "(" + std::to_string(index / columns) + ", " + std::to_string(index % columns) + ")";
}

template <class Real>
void compare(const std::string& what, const std::vector<Real>& expected, const std::vector<Real>& actual, int64_t columns,
             const std::function<bool(Real, Real)>& right) {
  if (expected.size() != actual.size()) fail(what + ": expected " + std::to_string(expected.size()) + " elements, came " + std::to_string(actual.size()));
  int64_t wrong = 0, first = -1, worst = -1;
  double worst_difference = -1;
  for (int64_t i = 0; i < static_cast<int64_t>(expected.size()); ++i) {
    if (right(expected[i], actual[i])) continue;
    if (wrong++ == 0) first = i;
    const double difference = std::fabs(static_cast<double>(expected[i]) - static_cast<double>(actual[i]));
    if (!(difference <= worst_difference)) worst = i, worst_difference = difference;
  }
  if (wrong == 0) return;
  char text[512];
  std::snprintf(text, sizeof text, ": %lld of %lld elements are wrong; first %s: expected %.9g, came %.9g; worst %s: expected %.9g, came %.9g",
                static_cast<long long>(wrong), static_cast<long long>(expected.size()), place(first, columns).c_str(), static_cast<double>(expected[first]),
                static_cast<double>(actual[first]), place(worst, columns).c_str(), static_cast<double>(expected[worst]), static_cast<double>(actual[worst]));
  fail(what + text);
}

template <class Real>
bool close(Real expected, Real actual, Tolerance tolerance) {
  return std::fabs(static_cast<double>(actual) - expected) <= tolerance.absolute + tolerance.relative * std::fabs(static_cast<double>(expected));
}

/// splitmix64: enough for test data.
uint64_t mix(uint64_t value) {
  value += 0x9E3779B97F4A7C15ull;
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9ull;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EBull;
  return value ^ (value >> 31);
}

enum class Outcome { passed, failed, skipped };

Outcome run(const Case& test) {
  try {
    test.body();
  } catch (const Skipped& skipped) {
    std::printf("skipped %s: %s\n", test.name.c_str(), skipped.reason.c_str());
    return Outcome::skipped;
  } catch (const Error& error) {
    std::printf("FAILED %s\n  Error(\"%s\"): %s\n", test.name.c_str(), error.code().c_str(), error.what());
    return Outcome::failed;
  } catch (const std::exception& error) {
    std::printf("FAILED %s\n  %s\n", test.name.c_str(), error.what());
    return Outcome::failed;
  }
  std::printf("passed %s\n", test.name.c_str());
  return Outcome::passed;
}

}  // namespace

void check_close(const std::string& what, const std::vector<double>& expected, const std::vector<double>& actual, Tolerance tolerance, int64_t columns) {
  compare<double>(what, expected, actual, columns, [=](double e, double a) { return close(e, a, tolerance); });
}

void check_close(const std::string& what, const std::vector<float>& expected, const std::vector<float>& actual, Tolerance tolerance, int64_t columns) {
  compare<float>(what, expected, actual, columns, [=](float e, float a) { return close(e, a, tolerance); });
}

void check_same_bits(const std::string& what, const std::vector<float>& expected, const std::vector<float>& actual, int64_t columns) {
  compare<float>(what, expected, actual, columns, [](float e, float a) { return std::memcmp(&e, &a, sizeof e) == 0; });
}

std::vector<float> random_floats(int64_t count, uint64_t seed, float scale) {
  std::vector<float> values(count);
  for (int64_t i = 0; i < count; ++i) values[i] = scale * (static_cast<float>(mix(mix(seed) + i) >> 40) * (1.0f / 8388608.0f) - 1.0f);
  return values;
}

std::vector<int32_t> random_integers(int64_t count, uint64_t seed, int32_t bound) {
  std::vector<int32_t> values(count);
  for (int64_t i = 0; i < count; ++i) values[i] = static_cast<int32_t>((mix(mix(seed) + i) >> 33) % static_cast<uint64_t>(bound));
  return values;
}

}  // namespace sdft::test

int main(int argc, char** argv) {
  using namespace sdft::test;
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  if (argc == 2 && std::strcmp(argv[1], "--list") == 0) {
    for (const Case& test : cases()) std::printf("%s\n", test.name.c_str());
    return 0;
  }
  int passed = 0, failed = 0;
  auto count = [&](Outcome outcome) {
    passed += outcome == Outcome::passed;
    failed += outcome == Outcome::failed;
  };
  if (argc == 1)
    for (const Case& test : cases()) count(run(test));
  for (int i = 1; i < argc; ++i) {
    bool found = false;
    for (const Case& test : cases())
      if (test.name == argv[i]) found = true, count(run(test));
    if (!found) return std::printf("no case is named \"%s\" (see --list)\n", argv[i]), 2;
  }
  return failed > 0 ? 1 : passed > 0 ? 0 : 77;
}
