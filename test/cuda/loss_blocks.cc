// The loss of more rows than have their logits made together: vocabularies so large that 64 rows fill what is set aside for logits, and a second block follows.
#include "checking/check.h"
#include "emulated.h"

namespace sdft::test {
namespace {

constexpr int64_t kRows = 66, kWidth = 4;

std::vector<checking::Output> loss(Backend& backend) {
  constexpr int64_t kVocabulary = 262200;  // 128 rows of its logits are more than kLogitBytes
  const std::vector<float> stored = random_floats(kVocabulary * kWidth, 1);
  const Weight head = backend.prepare_weight({stored.data(), DType::f32, kVocabulary, kWidth, RowOrder::natural, 0}, WeightFormat::f32);
  const checking::Guarded x(backend, kRows, kWidth, random_floats(kRows * kWidth, 2)), loss(backend, kRows, 1), dx(backend, kRows, kWidth);
  const checking::Integers targets(backend, random_integers(kRows, 3, kVocabulary));
  backend.linear_cross_entropy(loss, dx, x, head, targets, 0.25);
  // Sums of 262,200 terms near one another, by 256 threads.
  return {loss.output("loss", {1e-4, 0, 0}), dx.output("dx", {1e-5, 0, 0})};
}

std::vector<checking::Output> divergence(Backend& backend) {
  constexpr int64_t kVocabulary = 131100;  // of two sides
  const std::vector<float> stored = random_floats(kVocabulary * kWidth, 1);
  const Weight head = backend.prepare_weight({stored.data(), DType::f32, kVocabulary, kWidth, RowOrder::natural, 0}, WeightFormat::f32);
  const checking::Guarded from(backend, kRows, kWidth, random_floats(kRows * kWidth, 2)), to(backend, kRows, kWidth, random_floats(kRows * kWidth, 3)), kl(backend, kRows, 1);
  backend.linear_divergence(kl, from, to, head, Compute::f32);
  return {kl.output("kl", {1e-4, 0, 0})};
}

void compare(const checking::Case& one) {
  emulator::settings = schedules()[0].settings;
  checking::check(*emulated_backend(), checking::Operands::f32, one);
}

CASE("cuda loss.more rows than one block of logits") { compare({"linear_cross_entropy in two blocks", loss}); }
CASE("cuda loss.a divergence of more rows than one block of logits") { compare({"linear_divergence in two blocks", divergence}); }

}  // namespace
}  // namespace sdft::test
