// The incremental search against a search of the whole text so far.
#include "sampling/stop_matcher.h"

#include "harness.h"

namespace sdft::test {
namespace {

CASE("stop_matcher.finds a string across tokens") {
  StopMatcher matcher({"\ndef", "END"});
  CHECK(!matcher.append("x = 1\n"));
  CHECK(!matcher.append("d"));
  CHECK(!matcher.append(""));
  CHECK(matcher.append("efine"));
  CHECK(matcher.append("more"));  // stays found
}

CASE("stop_matcher.overlaps and false starts") {
  StopMatcher repeated({"aab"});
  CHECK(!repeated.append("aaa"));
  CHECK(repeated.append("b"));
  StopMatcher periodic({"ababac"});
  CHECK(!periodic.append("abab"));
  CHECK(!periodic.append("abab"));
  CHECK(periodic.append("ac"));
  StopMatcher inside({"abcd", "bc"});
  CHECK(!inside.append("ab"));
  CHECK(inside.append("c"));
  StopMatcher bytes({std::string("\0\xC3", 2)});
  CHECK(!bytes.append(std::string("a\0", 2)));
  CHECK(bytes.append("\xC3\xA9"));  // half of a character is enough: bytes are compared
}

CASE("stop_matcher.agrees with a whole search") {
  const std::vector<int32_t> draws = random_integers(200000, 1, 2);
  size_t next = 0;
  const auto draw = [&](size_t bound) {
    size_t value = 0;
    for (int bit = 0; bit < 6; ++bit) value = 2 * value + static_cast<size_t>(draws[next++ % draws.size()]);
    return value % bound;
  };
  const auto text = [&](size_t length) {
    std::string bytes;
    for (size_t i = 0; i < length; ++i) bytes += static_cast<char>('a' + draw(2));
    return bytes;
  };
  int found = 0;
  for (int round = 0; round < 2000; ++round) {
    const std::vector<std::string> stops = {text(1 + draw(9)), text(4 + draw(5)), text(6)};
    StopMatcher matcher(stops);
    std::string whole;
    for (int token = 0; token < 6; ++token) {
      const std::string bytes = text(draw(4));
      whole += bytes;
      bool expected = false;
      for (const std::string& stop : stops) expected |= whole.find(stop) != std::string::npos;
      CHECK(matcher.append(bytes) == expected);
      found += expected;
    }
  }
  CHECK(found > 1000 && found < 11000);
}

CASE("stop_matcher.misuse") {
  check_throws("stop", [] { StopMatcher({"fine", ""}); });
  StopMatcher none({});
  CHECK(!none.append("anything"));
}

}  // namespace
}  // namespace sdft::test
