// The head and its loss in one, on the cpu backend.
#include <cstring>

#include "cpu_fixture.h"

namespace sdft::test {
namespace {

std::vector<Output> head_and_loss(Backend& backend, const Stored& stored, WeightFormat format, int64_t rows, float size) {
  const int64_t vocabulary = stored.source.rows, width = stored.source.cols;
  const Weight head = backend.prepare_weight(stored.source, format);
  const Guarded x(backend, rows, width, random_floats(rows * width, 1, size), 3), loss(backend, rows, 1, {}, 2), alone(backend, rows, 1), dx(backend, rows, width, random_floats(rows * width, 2), 1);
  std::vector<int32_t> target_values = random_integers(rows, 3, static_cast<int32_t>(vocabulary));
  target_values[0] = static_cast<int32_t>(vocabulary - 1);
  const Integers targets(backend, target_values);
  backend.linear_cross_entropy(loss, dx, x, head, targets, 0.25);
  backend.linear_cross_entropy(alone, Tensor{}, x, head, targets, 0.25);
  check_same_bits("loss with and without gradient", loss.values(), alone.values(), 1);
  return {{"loss", loss.values("loss"), 1, {6e-8 * static_cast<double>(width) * size + 4e-6, 2e-6}}, {"dx", dx.values("dx"), width, {1e-6 * size + 6e-8 * static_cast<double>(width), 4e-6}}};
}

CASE("cpu.linear_cross_entropy equals reference") {
  struct Shape {
    int64_t rows, width, vocabulary;
  };
  for (const Shape& shape : std::vector<Shape>{{1, 16, 5}, {3, 33, 100}, {40, 45, 1500}, {7, 64, 513}, {200, 48, 1024}, {19, 128, 3001}, {700, 16, 1100}, {5, 32, 8193}, {400, 16, 9000}}) {
    const auto stored = random_stored(DType::f32, shape.vocabulary, shape.width, 5);
    compare_with_reference(std::to_string(shape.rows) + " x " + std::to_string(shape.vocabulary), [&](Backend& backend) { return head_and_loss(backend, *stored, WeightFormat::f32, shape.rows, 1.0f); });
  }
}

CASE("cpu.linear_cross_entropy equals reference for stored types") {
  for (DType type : {DType::bf16, DType::q8_0, DType::q4_1, DType::f16}) {
    const auto stored = random_stored(type, type == DType::q4_1 ? 9100 : 1300, 64, 5);
    compare_with_reference(dtype_name(type), [&](Backend& backend) { return head_and_loss(backend, *stored, WeightFormat::native, 21, 1.0f); });
  }
  const auto stored = random_stored(DType::f32, 700, 64, 5);
  compare_with_reference("rounded to bf16", [&](Backend& backend) { return head_and_loss(backend, *stored, WeightFormat::bf16, 21, 1.0f); });
}

CASE("cpu.linear_cross_entropy equals reference where logits are far apart") {
  const auto stored = random_stored(DType::f32, 9000, 64, 5);
  compare_with_reference("times 60", [&](Backend& backend) { return head_and_loss(backend, *stored, WeightFormat::f32, 30, 60.0f); });
}

CASE("cpu.linear_cross_entropy keeps a gradient that is small beside what rows of the head have in common") {
  // What they share cancels between the sum over the vocabulary and the target's row; a running sum over all of it would keep the rounding of the whole.
  const int64_t rows = 20, width = 64, vocabulary = 24000;
  const auto stored = random_stored(DType::f32, vocabulary, width, 5);
  const std::vector<float> noise = random_floats(vocabulary * width, 6);
  std::vector<float> values(noise.size());
  for (size_t i = 0; i < values.size(); ++i) values[i] = 8.0f + 0.02f * noise[i];
  std::memcpy(stored->bytes.data(), values.data(), values.size() * sizeof(float));
  compare_with_reference("rows in common", [&](Backend& backend) {
    const Weight head = backend.prepare_weight(stored->source, WeightFormat::f32);
    const Guarded x(backend, rows, width, random_floats(rows * width, 1, 0.1f)), loss(backend, rows, 1), dx(backend, rows, width);
    const Integers targets(backend, random_integers(rows, 3, static_cast<int32_t>(vocabulary)));
    backend.linear_cross_entropy(loss, dx, x, head, targets, 1.0);
    return std::vector<Output>{{"dx", dx.values("dx"), width, {8e-6, 2e-6}}};
  });
}

CASE("cpu.linear_cross_entropy bits of a row do not depend on the other rows") {
  const int64_t rows = 90, vocabulary = 9000;
  const auto stored = random_stored(DType::q8_0, vocabulary, 64, 5);
  for_each_level([&](Backend& backend, const std::string& level) {
    const Weight head = backend.prepare_weight(stored->source, WeightFormat::native);
    const std::vector<int32_t> target_values = random_integers(rows, 3, static_cast<int32_t>(vocabulary));
    const Guarded x(backend, rows, 64, random_floats(rows * 64, 1)), loss(backend, rows, 1), dx(backend, rows, 64), loss1(backend, rows, 1), dx1(backend, rows, 64);
    const Integers targets(backend, target_values);
    backend.linear_cross_entropy(loss, dx, x, head, targets, 1.0);
    for (int64_t row = 0; row < rows; row += 7) {
      auto cut = [&](Tensor t) { return Tensor{static_cast<float*>(t.data) + row * t.stride, std::min<int64_t>(7, rows - row), t.cols, t.stride}; };
      backend.linear_cross_entropy(cut(loss1), cut(dx1), cut(x), head, {static_cast<Indices>(targets).data + row, std::min<int64_t>(7, rows - row)}, 1.0);
    }
    check_same_bits(level + ": loss", loss.values(), loss1.values(), 1);
    check_same_bits(level + ": dx", dx.values(), dx1.values(), 64);
  });
}

}  // namespace
}  // namespace sdft::test
