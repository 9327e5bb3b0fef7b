// Passes over rows: moving, norms, rotation, activations, dropout, optimizer.
#include <memory>

#include "checking/check.h"

namespace sdft::checking {
namespace {

struct Shape {
  int64_t rows, cols, gap;
};
/// Odd and even widths, with and without gaps: both ways rows are moved, and tails of both.
constexpr Shape kShapes[] = {{1, 1, 0}, {5, 7, 2}, {9, 64, 0}, {3, 260, 4}, {33, 45, 3}, {2, 1030, 0}};

std::string text(const Shape& s) { return std::to_string(s.rows) + " x " + std::to_string(s.cols) + (s.gap > 0 ? " with gaps" : ""); }

std::vector<Output> move(Backend& backend, const Shape& s) {
  const int64_t count = s.rows * s.cols;
  const Guarded x(backend, s.rows, s.cols, random_floats(count, 1), s.gap), y(backend, s.rows, s.cols, random_floats(count, 2), s.gap);
  const Guarded copied(backend, s.rows, s.cols, random_floats(count, 3), s.gap), sum(backend, s.rows, s.cols, {}, s.gap), cleared(backend, s.rows, s.cols, random_floats(count, 4), s.gap);
  const Guarded first(backend, s.rows, s.cols, random_floats(count, 7), s.gap), second(backend, s.rows, s.cols, random_floats(count, 8), s.gap);
  backend.copy(copied, x);
  backend.copy_each({{first, x}, {second, y}});
  backend.add(sum, x, y);
  backend.add(sum, sum, y);
  backend.zero(cleared);
  std::vector<int32_t> rows;
  for (int64_t i = 0; i < s.rows; ++i) rows.push_back(static_cast<int32_t>((i * 2 + 1) % (2 * s.rows + 1)));
  const Integers indices(backend, rows);
  const Guarded wide(backend, 2 * s.rows + 1, s.cols, random_floats((2 * s.rows + 1) * s.cols, 5), s.gap), gathered(backend, s.rows, s.cols, {}, s.gap);
  const Guarded scattered(backend, 2 * s.rows + 1, s.cols, random_floats((2 * s.rows + 1) * s.cols, 6), s.gap);
  backend.gather_rows(gathered, wide, indices);
  backend.scatter_rows(scattered, x, indices);
  return {copied.output("copy", kExact), first.output("copy_each, first", kExact), second.output("copy_each, second", kExact), sum.output("add", kExact), cleared.output("zero", kExact), gathered.output("gather_rows", kExact),
          scattered.output("scatter_rows", kExact)};
}

std::vector<Output> norm(Backend& backend, const Shape& s) {
  const int64_t count = s.rows * s.cols;
  const Guarded x(backend, s.rows, s.cols, random_floats(count, 1), s.gap), weight(backend, 1, s.cols, random_floats(s.cols, 2)), dout(backend, s.rows, s.cols, random_floats(count, 3), s.gap);
  const Guarded out(backend, s.rows, s.cols, {}, 1), in_place(backend, s.rows, s.cols, random_floats(count, 1), s.gap), dx(backend, s.rows, s.cols, {}, s.gap);
  const Guarded added(backend, s.rows, s.cols, random_floats(count, 4), 2), own(backend, s.rows, s.cols, random_floats(count, 3));
  backend.rms_norm(out, x, weight, 1e-5);
  backend.rms_norm(in_place, in_place, weight, 1e-5);
  backend.rms_norm_backward(dx, dout, x, weight, 1e-5, Write::overwrite);
  backend.rms_norm_backward(added, dout, x, weight, 1e-5, Write::add);
  backend.rms_norm_backward(own, own, x, weight, 1e-5, Write::overwrite);
  const Guarded sum(backend, s.rows, s.cols, {}, s.gap), of_sum(backend, s.rows, s.cols, {}, 1), stream(backend, s.rows, s.cols, random_floats(count, 1), s.gap), of_stream(backend, s.rows, s.cols, {}, 2);
  backend.add_rms_norm(of_sum, sum, x, dout, weight, 1e-5);
  backend.add_rms_norm(of_stream, stream, stream, dout, weight, 1e-5);
  // One column: its gradient is the small difference of two numbers 1e5 times as large.
  const Tolerance gradient{s.cols == 1 ? 1e-4 : 1e-5, 1e-5, 0};
  return {out.output("rms_norm", kElementwise), in_place.output("rms_norm in place", kElementwise), dx.output("rms_norm_backward", gradient),
          added.output("rms_norm_backward added", gradient), own.output("rms_norm_backward in place", gradient), sum.output("add_rms_norm, sum", kExact),
          of_sum.output("add_rms_norm", kElementwise), stream.output("add_rms_norm in place, sum", kExact), of_stream.output("add_rms_norm in place", kElementwise)};
}

std::vector<Output> layer_norm(Backend& backend, const Shape& s) {
  const int64_t count = s.rows * s.cols;
  const Guarded x(backend, s.rows, s.cols, random_floats(count, 1, 3), s.gap), weight(backend, 1, s.cols, random_floats(s.cols, 2)), bias(backend, 1, s.cols, random_floats(s.cols, 3));
  const Guarded out(backend, s.rows, s.cols, {}, 1), in_place(backend, s.rows, s.cols, random_floats(count, 1, 3), s.gap), curved(backend, s.rows, s.cols, {}, 3);
  backend.layer_norm(out, x, weight, bias, 1e-5);
  backend.layer_norm(in_place, in_place, weight, bias, 1e-5);
  backend.gelu(curved, x);
  return {out.output("layer_norm", kElementwise), in_place.output("layer_norm in place", kElementwise), curved.output("gelu", kElementwise)};
}

std::vector<Output> turn(Backend& backend, int64_t rows, int64_t heads, int64_t size) {
  std::vector<double> frequencies;
  for (int64_t i = 0; i < size / 2; ++i) frequencies.push_back(1.0 / static_cast<double>(1 + 3 * i));
  const Integers positions(backend, random_integers(rows, 1, 4096));
  const Guarded cosines(backend, rows, size / 2), sines(backend, rows, size / 2, {}, 3);
  backend.rope_table(cosines, sines, positions, frequencies.data(), 1.25);
  const Guarded x(backend, rows, heads * size, random_floats(rows * heads * size, 2), 5), back(backend, rows, heads * size, random_floats(rows * heads * size, 2));
  backend.rope(x, cosines, sines, size, Rotation::forward);
  backend.rope(back, cosines, sines, size, Rotation::backward);
  return {cosines.output("cosines", kElementwise), sines.output("sines", kElementwise), x.output("rope", kElementwise), back.output("rope backward", kElementwise)};
}

std::vector<Output> activate(Backend& backend, const Shape& s, Activation activation) {
  const int64_t count = s.rows * s.cols;
  const Guarded gate(backend, s.rows, s.cols, random_floats(count, 1, 6), s.gap), up(backend, s.rows, s.cols, random_floats(count, 2), 1), dout(backend, s.rows, s.cols, random_floats(count, 3));
  const Guarded out(backend, s.rows, s.cols, {}, s.gap), dgate(backend, s.rows, s.cols, random_floats(count, 1, 6)), dup(backend, s.rows, s.cols, random_floats(count, 2), 1);
  backend.gated(out, gate, up, activation);
  backend.gated_backward(dgate, dup, dout, dgate, dup, activation);
  const Tolerance tolerance{1e-5, 6e-6, 0};  // an exponential or a hyperbolic tangent of numbers up to 6
  return {out.output("gated", tolerance), dgate.output("dgate", tolerance), dup.output("dup", tolerance)};
}

std::vector<Output> drop(Backend& backend, int64_t cols, double probability) {
  const int64_t rows = 7;
  const Guarded x(backend, rows, cols, random_floats(rows * cols, 1), 2), out(backend, rows, cols, {}, 1), added(backend, rows, cols, random_floats(rows * cols, 2));
  const Integers low(backend, random_integers(rows, 3, 2000000000)), high(backend, random_integers(rows, 4, 2000000000)), positions(backend, random_integers(rows, 5, 4096));
  const DropoutKey key{probability, 1234567890123ull, 17, 53, low, high, positions};
  backend.dropout(out, x, key, Write::overwrite);
  backend.dropout(added, x, key, Write::add);
  return {out.output("dropout", kElementwise), added.output("dropout added", kElementwise)};
}

std::vector<Output> optimize(Backend& backend, int64_t rows, int64_t cols) {
  const Guarded p(backend, rows, cols, random_floats(rows * cols, 1)), g(backend, rows, cols, random_floats(rows * cols, 2)), m(backend, rows, cols), v(backend, rows, cols);
  for (int64_t step = 1; step <= 3; ++step) backend.adamw(p, g, m, v, {0.01, 0.9, 0.999, 1e-8, 0.1, 0.5, step});
  const double squares = backend.sum_of_squares({g, p, m});
  return {p.output("parameter", kElementwise), m.output("first moment", kElementwise), v.output("second moment", kElementwise),
          {"sum_of_squares", {static_cast<float>(squares)}, 1, kElementwise}};
}

/// Tensors of several sizes, more than a block's share too, and one that is empty; gradients are zero afterwards. Strides differ.
std::vector<Output> optimize_group(Backend& backend) {
  constexpr Shape kTensors[] = {{3, 700, 0}, {1, 1, 0}, {0, 8, 0}, {40, 33, 2}, {9, 130, 1}};
  std::vector<std::unique_ptr<Guarded>> parts;
  std::vector<TrainedTensor> trained;
  std::vector<Tensor> gradients;
  for (const Shape& s : kTensors) {
    const int64_t count = s.rows * s.cols;
    const uint64_t seed = parts.size();
    for (int64_t i = 0; i < 4; ++i)
      parts.push_back(std::make_unique<Guarded>(backend, s.rows, s.cols, i < 2 ? random_floats(count, seed + static_cast<uint64_t>(i)) : std::vector<float>{}, s.gap * i));
    const size_t at = parts.size() - 4;
    trained.push_back({*parts[at], *parts[at + 1], *parts[at + 2], *parts[at + 3]});
    gradients.push_back(*parts[at + 1]);
  }
  const double squares = backend.sum_of_squares(gradients);
  backend.adamw_group(trained, {0.01, 0.9, 0.999, 1e-8, 0.1, 0.5, 1});
  std::vector<Output> outputs = {{"sum_of_squares", {static_cast<float>(squares)}, 1, kElementwise}};
  const char* const names[] = {"parameter", "gradient", "first moment", "second moment"};
  for (size_t i = 0; i < parts.size(); ++i) outputs.push_back(parts[i]->output(std::string(names[i % 4]) + " " + std::to_string(i / 4), kElementwise));
  return outputs;
}

}  // namespace

void add_row_cases(std::vector<Case>& cases) {
  for (const Shape& shape : kShapes) cases.push_back({"rows are moved, " + text(shape), [shape](Backend& backend) { return move(backend, shape); }});
  for (const Shape& shape : kShapes) cases.push_back({"rms_norm, " + text(shape), [shape](Backend& backend) { return norm(backend, shape); }});
  for (const Shape& shape : kShapes) cases.push_back({"layer_norm and gelu, " + text(shape), [shape](Backend& backend) { return layer_norm(backend, shape); }});
  cases.push_back({"rope, heads of 16 and 80", [](Backend& backend) {
                     std::vector<Output> outputs = turn(backend, 5, 3, 16);
                     for (Output& output : turn(backend, 3, 2, 80)) outputs.push_back(std::move(output));
                     return outputs;
                   }});
  for (const Shape& shape : {kShapes[1], kShapes[3]}) {
    cases.push_back({"gated, silu, " + text(shape), [shape](Backend& backend) { return activate(backend, shape, Activation::silu); }});
    cases.push_back({"gated, gelu, " + text(shape), [shape](Backend& backend) { return activate(backend, shape, Activation::gelu_tanh); }});
  }
  for (int64_t cols : {3, 130})
    for (double probability : {0.1, 0.5})
      cases.push_back({"dropout, " + std::to_string(cols) + " columns, p = " + std::to_string(probability), [=](Backend& backend) { return drop(backend, cols, probability); }});
  cases.push_back({"adamw over several tensors", optimize_group});
  cases.push_back({"adamw", [](Backend& backend) { return optimize(backend, 19, 33); }});
}

}  // namespace sdft::checking
