// Adapters that share their input go in one launch: each has the bits that it has alone.
#include <deque>

#include "checking/check.h"
#include "emulated.h"

namespace sdft::test {
namespace {

using checking::Guarded;

struct Adapters {
  std::deque<Guarded> a, b, t, out;
  std::vector<LoraPart> parts;
};

void fill(Adapters& adapters, Backend& backend, int64_t rows, int64_t in) {
  uint64_t seed = 1;
  for (const auto& [out, rank] : {std::make_pair(int64_t{70}, int64_t{8}), {24, 8}, {9, 4}, {130, 33}, {64, 1}}) {
    adapters.a.emplace_back(backend, rank, in, random_floats(rank * in, seed++));
    adapters.b.emplace_back(backend, out, rank, random_floats(out * rank, seed++));
    adapters.t.emplace_back(backend, rows, rank);
    adapters.out.emplace_back(backend, rows, out, random_floats(rows * out, seed++));
    adapters.parts.push_back({adapters.out.back(), adapters.t.back(), adapters.a.back(), adapters.b.back()});
  }
}

CASE("cuda.adapters that share their input have the bits that each has alone") {
  constexpr int64_t kIn = 77;
  const std::unique_ptr<Backend> backend = emulated_backend({0, false, false});
  for (int64_t rows : {1, 16, 17, 130}) {
    const Guarded x(*backend, rows, kIn, random_floats(rows * kIn, 100));
    Adapters together, alone;
    fill(together, *backend, rows, kIn);
    fill(alone, *backend, rows, kIn);
    backend->lora_forward_group(together.parts, x, 0.75);
    for (const LoraPart& part : alone.parts) backend->lora_forward(part.out, part.t, x, part.a, part.b, 0.75);
    for (size_t i = 0; i < alone.out.size(); ++i) {
      CHECK(together.t[i].values("t") == alone.t[i].values("t"));
      CHECK(together.out[i].values("out") == alone.out[i].values("out"));
    }
  }
}

}  // namespace
}  // namespace sdft::test
