// Attention over keys so many, for rows so few, that one split a kSplitKeys would be more blocks than are planned for: splits are longer then.
#include <cmath>

#include "checking/check.h"
#include "emulated.h"
#include "kernels/cuda/attention_tables.h"

namespace sdft::test {
namespace {

constexpr int64_t kHeads = 2, kSize = 64, kCommon = 1030, kChildren = 88;
static_assert(kChildren * kHeads < cuda::kSplitBlocks / 4, "few enough to be split");
static_assert(kChildren * kHeads * (kCommon / cuda::kSplitKeys + 1) > cuda::kSplitBlocks, "too many for the shortest splits");

/// Children of one row each, which see a parent that asks for nothing.
std::vector<checking::Output> children(Backend& backend) {
  std::vector<Segment> segments = {{-1, 0, kCommon, 0, nullptr, true}};
  for (int64_t i = 0; i < kChildren; ++i) segments.push_back({0, kCommon + i, 1, kCommon, nullptr});
  const int64_t rows = kCommon + kChildren, width = kHeads * kSize;
  const checking::Guarded q(backend, rows, width, random_floats(rows * width, 1)), k(backend, rows, width, random_floats(rows * width, 2)), v(backend, rows, width, random_floats(rows * width, 3));
  const checking::Guarded out(backend, rows, width), logsumexp(backend, rows, kHeads);
  backend.attention(out, logsumexp, q, k, v, {segments.data(), static_cast<int64_t>(segments.size())}, {kHeads, kHeads, kSize, 1 / std::sqrt(double{kSize}), 0});
  // As checking/attention_cases.cc has it.
  return {out.output("out", {1e-5, 1e-5, 0.01}), logsumexp.output("logsumexp", {1e-5, 1e-5, 0.006})};
}

CASE("cuda attention.splits no more than is planned for") {
  emulator::settings = schedules()[0].settings;
  checking::check(*emulated_backend(), checking::Operands::bf16, {"attention in longer splits", children});
}

}  // namespace
}  // namespace sdft::test
