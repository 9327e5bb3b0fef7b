// Row-wise kernels of the cpu backend.
#include <cmath>

#include "cpu_fixture.h"

namespace sdft::test {
namespace {

const std::vector<std::pair<int64_t, int64_t>> kShapes = {{1, 1}, {2, 3}, {5, 16}, {3, 31}, {40, 100}, {7, 576}, {300, 129}};

std::string text(const std::pair<int64_t, int64_t>& shape) { return "(" + std::to_string(shape.first) + ", " + std::to_string(shape.second) + ")"; }

CASE("cpu.copies, sums and picks rows") {
  for (const auto& shape : kShapes) {
    compare_with_reference(text(shape), [&](Backend& backend) {
      const auto [rows, cols] = shape;
      const Guarded x(backend, rows, cols, random_floats(rows * cols, 1), 3), copied(backend, rows, cols, {}, 1), added(backend, rows, cols, random_floats(rows * cols, 2), 2);
      const Guarded zeroed(backend, rows, cols, random_floats(rows * cols, 3), 5), gathered(backend, 2 * rows, cols, {}, 1), scattered(backend, 2 * rows, cols, random_floats(2 * rows * cols, 4), 1);
      backend.copy(copied, x);
      backend.add(added, added, x);
      backend.zero(zeroed);
      const Integers picks(backend, random_integers(2 * rows, 5, static_cast<int32_t>(rows)));
      backend.gather_rows(gathered, x, picks);
      std::vector<int32_t> places;
      for (int64_t i = 0; i < rows; ++i) places.push_back(static_cast<int32_t>(2 * rows - 1 - 2 * i));
      const Integers targets(backend, places);
      backend.scatter_rows(scattered, x, targets);
      return std::vector<Output>{{"copy", copied.values(), cols, kExact},
                                 {"add", added.values(), cols, kExact},
                                 {"zero", zeroed.values(), cols, kExact},
                                 {"gather", gathered.values(), cols, kExact},
                                 {"scatter", scattered.values(), cols, kExact}};
    });
  }
}

CASE("cpu.rms_norm and its gradient equal reference") {
  for (const auto& shape : kShapes) {
    compare_with_reference(text(shape), [&](Backend& backend) {
      const auto [rows, cols] = shape;
      const std::vector<float> values = random_floats(rows * cols, 1, 3.0f);
      const Guarded x(backend, rows, cols, values, 3), weight(backend, 1, cols, random_floats(cols, 2)), out(backend, rows, cols, {}, 2), in_place(backend, rows, cols, values);
      const Guarded dout(backend, rows, cols, random_floats(rows * cols, 3), 1), dx(backend, rows, cols, {}, 2), added(backend, rows, cols, random_floats(rows * cols, 4));
      const Guarded over(backend, rows, cols, random_floats(rows * cols, 3));
      backend.rms_norm(out, x, weight, 1e-5);
      backend.rms_norm(in_place, in_place, weight, 1e-5);
      backend.rms_norm_backward(dx, dout, x, weight, 1e-5, Write::overwrite);
      backend.rms_norm_backward(added, dout, x, weight, 1e-5, Write::add);
      backend.rms_norm_backward(over, over, x, weight, 1e-5, Write::overwrite);
      // One column: x / |x| has no gradient but for epsilon, so the two terms cancel almost wholly; their size is 1 / |x|.
      const Tolerance gradient = cols < 4 ? Tolerance{2e-4, 1e-4} : kElementwise;
      return std::vector<Output>{{"out", out.values(), cols, kElementwise},
                                 {"in place", in_place.values(), cols, kElementwise},
                                 {"dx", dx.values(), cols, gradient},
                                 {"dx added", added.values(), cols, gradient},
                                 {"dx over dout", over.values(), cols, gradient}};
    });
  }
}

CASE("cpu.rope equals reference, and its transpose brings back") {
  for (int64_t size : {2, 6, 16, 64, 80, 128}) {
    compare_with_reference("head size " + std::to_string(size), [&](Backend& backend) {
      const int64_t rows = 23, heads = 3;
      std::vector<double> frequencies;
      for (int64_t i = 0; i < size / 2; ++i) frequencies.push_back(std::pow(10000.0, -2.0 * static_cast<double>(i) / static_cast<double>(size)));
      const Integers positions(backend, random_integers(rows, 1, 8192));
      const Guarded cosines(backend, rows, size / 2, {}, 1), sines(backend, rows, size / 2, {}, 1), x(backend, rows, heads * size, random_floats(rows * heads * size, 2), 3);
      const Guarded back(backend, rows, heads * size, random_floats(rows * heads * size, 2), 3);
      backend.rope_table(cosines, sines, positions, frequencies.data(), 1.5);
      backend.rope(x, cosines, sines, size, Rotation::forward);
      backend.rope(back, cosines, sines, size, Rotation::backward);
      return std::vector<Output>{{"cosines", cosines.values(), size / 2, kElementwise},
                                 {"sines", sines.values(), size / 2, kElementwise},
                                 {"x", x.values(), heads * size, kElementwise},
                                 {"backward", back.values(), heads * size, kElementwise}};
    });
  }
}

CASE("cpu.gated and its gradient equal reference") {
  for (Activation activation : {Activation::silu, Activation::gelu_tanh}) {
    for (const auto& shape : kShapes) {
      compare_with_reference(text(shape), [&](Backend& backend) {
        const auto [rows, cols] = shape;
        const std::vector<float> gate_values = random_floats(rows * cols, 1, 12.0f), up_values = random_floats(rows * cols, 2);
        const Guarded gate(backend, rows, cols, gate_values, 3), up(backend, rows, cols, up_values, 1), out(backend, rows, cols), over(backend, rows, cols, gate_values);
        const Guarded dout(backend, rows, cols, random_floats(rows * cols, 3)), dgate(backend, rows, cols, {}, 1), dup(backend, rows, cols, {}, 2);
        const Guarded gate_in_place(backend, rows, cols, gate_values), up_in_place(backend, rows, cols, up_values);
        backend.gated(out, gate, up, activation);
        backend.gated(over, over, up, activation);
        backend.gated_backward(dgate, dup, dout, gate, up, activation);
        backend.gated_backward(gate_in_place, up_in_place, dout, gate_in_place, up_in_place, activation);
        return std::vector<Output>{{"out", out.values(), cols, kExponential},   {"out over gate", over.values(), cols, kExponential},
                                   {"dgate", dgate.values(), cols, {6e-6, 6e-6}}, {"dup", dup.values(), cols, kExponential},
                                   {"dgate in place", gate_in_place.values(), cols, {6e-6, 6e-6}}, {"dup in place", up_in_place.values(), cols, kExponential}};
      });
    }
  }
}

CASE("cpu.gated stays finite far out") {
  for_each_level([&](Backend& backend, const std::string& level) {
    const std::vector<float> far = {-1e30f, -1000, -100, -89, -88, -87.4f, -87.2f, 87.2f, 88, 89, 100, 1000, 1e18f};
    const int64_t count = static_cast<int64_t>(far.size());
    const Guarded gate(backend, 1, count, far), up(backend, 1, count, std::vector<float>(far.size(), 1.0f)), out(backend, 1, count);
    backend.gated(out, gate, up, Activation::silu);
    std::vector<float> expected;
    for (float x : far) expected.push_back(static_cast<float>(x / (1 + std::exp(-static_cast<double>(x)))));
    // e^x is cut off at 88.7, so silu of very negative numbers is −|x| e⁻⁸⁸ at most: under 1e-5 for all that occurs.
    check_close(level, expected, out.values(), {1e-8, 2e-6});
  });
}

CASE("cpu.sum_of_squares and adamw equal reference") {
  for (const auto& shape : kShapes) {
    const auto [rows, cols] = shape;
    const double expected = reference_backend().sum_of_squares({Guarded(reference_backend(), rows, cols, random_floats(rows * cols, 1), 3)});
    for_each_level([&, rows = rows, cols = cols](Backend& backend, const std::string& level) {
      const Guarded x(backend, rows, cols, random_floats(rows * cols, 1), 3);
      const double came = backend.sum_of_squares({x});
      if (std::fabs(came - expected) > 1e-12 * expected) fail(level + ": expected " + std::to_string(expected) + ", came " + std::to_string(came));
    });
    compare_with_reference(text(shape), [&, rows = rows, cols = cols](Backend& backend) {
      std::vector<float> squares = random_floats(rows * cols, 4);
      for (float& value : squares) value *= value;
      const Guarded p(backend, rows, cols, random_floats(rows * cols, 1), 1), g(backend, rows, cols, random_floats(rows * cols, 2)), m(backend, rows, cols, random_floats(rows * cols, 3)), v(backend, rows, cols, squares);
      for (int64_t step : {1, 2, 7}) backend.adamw(p, g, m, v, {0.01, 0.9, 0.999, 1e-8, 0.1, 0.5, step});
      return std::vector<Output>{{"parameter", p.values(), cols, kElementwise}, {"m", m.values(), cols, kElementwise}, {"v", v.values(), cols, kElementwise}};
    });
  }
}

}  // namespace
}  // namespace sdft::test
