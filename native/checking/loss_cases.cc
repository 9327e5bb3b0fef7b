// The head and its loss in one.
#include <cmath>

#include "checking/check.h"

namespace sdft::checking {
namespace {

std::vector<Output> head_and_loss(Backend& backend, WeightFormat format, int64_t rows, int64_t width, int64_t vocabulary, float size) {
  const std::vector<float> stored = random_floats(vocabulary * width, 5);
  const Weight head = backend.prepare_weight({stored.data(), DType::f32, vocabulary, width, RowOrder::natural, 0}, format);
  const Guarded x(backend, rows, width, random_floats(rows * width, 1, size), 4), loss(backend, rows, 1, {}, 2), alone(backend, rows, 1), dx(backend, rows, width, random_floats(rows * width, 2), 1);
  std::vector<int32_t> values = random_integers(rows, 3, static_cast<int32_t>(vocabulary));
  values[0] = static_cast<int32_t>(vocabulary - 1);
  const Integers targets(backend, values);
  backend.linear_cross_entropy(loss, dx, x, head, targets, 0.25);
  backend.linear_cross_entropy(alone, Tensor{}, x, head, targets, 0.25);
  // A loss is off as a logit is: a product of `width` terms. The gradient is a weighted mean of head rows, and the softmax off by as much as the logits.
  const double logit = 4.6e-3 * std::sqrt(static_cast<double>(width)) * size;
  return {loss.output("loss", {6e-8 * static_cast<double>(width) * size + 1e-5, 4e-6, logit}), alone.output("loss alone", {6e-8 * static_cast<double>(width) * size + 1e-5, 4e-6, logit}),
          dx.output("dx", {2e-6 * size + 6e-8 * static_cast<double>(width), 1e-5, 0.25 * (logit < 1 ? logit + 0.01 : 1)})};
}

std::vector<Output> integer_loss(Backend& backend, WeightFormat format) {
  const std::vector<float> stored = random_floats(301 * 96, 5);
  const Weight head = backend.prepare_weight({stored.data(), DType::f32, 301, 96, RowOrder::natural, 0}, format);
  const Guarded x(backend, 13, 96, random_floats(13 * 96, 3), 4), loss(backend, 13, 1, {}, 2);
  backend.linear_cross_entropy_integer(loss, x, head, Integers(backend, random_integers(13, 4, 301)));
  return {loss.output("loss", {2e-5, 4e-6, 0})};
}

std::vector<Output> divergence(Backend& backend, WeightFormat format, Compute compute) {
  const std::vector<float> stored = random_floats(301 * 64, 5);
  const Weight head = backend.prepare_weight({stored.data(), DType::f32, 301, 64, RowOrder::natural, 0}, format);
  std::vector<float> near = random_floats(13 * 64, 3);
  for (size_t i = 0; i < near.size(); ++i) near[i] += 0.3f * random_floats(1, i)[0];
  const Guarded from(backend, 13, 64, random_floats(13 * 64, 3), 4), to(backend, 13, 64, near), kl(backend, 13, 1, {}, 2), same(backend, 13, 1);
  backend.linear_divergence(kl, from, to, head, compute);
  backend.linear_divergence(same, from, from, head, compute);
  // A divergence near 0.3: logits that are off by e move it by e · sqrt(0.6) at most.
  return {kl.output("kl", {1e-5, 1e-5, compute == Compute::integer ? 0.0 : 0.03}), same.output("kl of equal rows", kExact)};
}

}  // namespace

void add_loss_cases(std::vector<Case>& cases) {
  for (WeightFormat format : {WeightFormat::f32, WeightFormat::bf16, WeightFormat::q4}) {
    const std::string name = format == WeightFormat::f32 ? "f32" : format == WeightFormat::bf16 ? "bf16" : "q4";
    cases.push_back({"linear_cross_entropy, " + name + ", 3 rows", [=](Backend& backend) { return head_and_loss(backend, format, 3, 64, 101, 1); }});
    cases.push_back({"linear_cross_entropy, " + name + ", 75 rows", [=](Backend& backend) { return head_and_loss(backend, format, 75, 96, 515, 1); }});
  }
  cases.push_back({"linear_cross_entropy, logits far apart", [](Backend& backend) { return head_and_loss(backend, WeightFormat::f32, 9, 64, 300, 60); }});
  cases.push_back({"linear_divergence, f32", [](Backend& backend) { return divergence(backend, WeightFormat::f32, Compute::f32); }});
  cases.push_back({"linear_divergence, bf16", [](Backend& backend) { return divergence(backend, WeightFormat::bf16, Compute::f32); }});
  cases.push_back({"linear_divergence, q4 in integers", [](Backend& backend) { return divergence(backend, WeightFormat::q4, Compute::integer); }});
  cases.push_back({"linear_cross_entropy_integer, q8", [](Backend& backend) { return integer_loss(backend, WeightFormat::q8); }});
  cases.push_back({"linear_cross_entropy_integer, q4", [](Backend& backend) { return integer_loss(backend, WeightFormat::q4); }});
}

}  // namespace sdft::checking
