// Half precision, both ways.
#include "base/half.h"

#include <cmath>

#include "harness.h"

namespace sdft::test {
namespace {

constexpr uint16_t kInfinity = 0x7C00;

uint16_t next(uint16_t half) { return static_cast<uint16_t>(half + 1); }

}  // namespace

CASE("half.every number comes back from a float as it was") {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<uint16_t>(bits), magnitude = static_cast<uint16_t>(half & 0x7FFFu), sign = static_cast<uint16_t>(half & 0x8000u);
    if (magnitude > kInfinity) CHECK(std::isnan(from_f16(half)) && std::isnan(from_f16(to_f16(from_f16(half)))));
    else CHECK(to_f16(from_f16(half)) == (magnitude == kInfinity ? (sign | 0x7BFF) : half));
  }
}

CASE("half.what lies between two goes to the nearest, in the middle to the even one") {
  for (uint16_t half = 0; half < 0x7BFF; ++half) {
    const float low = from_f16(half), high = from_f16(next(half)), middle = low + (high - low) / 2;
    for (float sign : {1.0f, -1.0f}) {
      const uint16_t bit = sign < 0 ? 0x8000 : 0;
      CHECK(to_f16(sign * std::nextafter(middle, low)) == (bit | half));
      CHECK(to_f16(sign * middle) == (bit | (half % 2 == 0 ? half : next(half))));
      CHECK(to_f16(sign * std::nextafter(middle, high)) == (bit | next(half)));
    }
  }
}

CASE("half.what lies beyond becomes the largest number") {
  for (float beyond : {65504.0f, 65519.0f, 65520.0f, 1e30f, INFINITY}) {
    CHECK(to_f16(beyond) == 0x7BFF);
    CHECK(to_f16(-beyond) == 0xFBFF);
  }
}

}  // namespace sdft::test
