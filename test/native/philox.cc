// Known answers of the random words, the same as test/base holds for src/base.
#include "base/philox.h"

#include "base/hash.h"
#include "harness.h"

namespace sdft::test {
namespace {

using Words = std::array<uint32_t, 4>;

CASE("philox.known answers of Random123") {  // its kat_vectors file, philox4x32 with 10 rounds
  CHECK((philox({0, 0, 0, 0}, {0, 0}) == Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  CHECK((philox({~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}) == Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  const Words pi{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344};
  CHECK((philox(pi, {0xa4093822, 0x299f31d0}) == Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

CASE("philox.uniform is exact and below one") {
  CHECK(uniform(0) == 0.0f);
  CHECK(uniform(0x80000000u) == 0.5f);
  CHECK(uniform(~0u) == 1.0f - 1.0f / 16777216.0f);
}

CASE("philox.hash of known texts") {  // the FNV authors' test vectors
  CHECK(fnv1a64("") == 0xcbf29ce484222325ull);
  CHECK(fnv1a64("a") == 0xaf63dc4c8601ec8cull);
  CHECK(fnv1a64("foobar") == 0x85944171f73967e8ull);
}

}  // namespace
}  // namespace sdft::test
