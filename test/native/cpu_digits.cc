// Products of floats with weights of 4 and 8 bits, which some processors make of digits: nothing may be lost that a sum of floats would have kept.
#include <cmath>
#include <limits>

#include "base/dtype.h"
#include "cpu_fixture.h"

namespace sdft::test {
namespace {

/// Root of Σ (out − exact)² / Σ exact², exact in double from the weights' own values.
double relative_error(Backend& backend, const Stored& stored, const std::vector<float>& x_values, int64_t rows) {
  const int64_t in = stored.source.cols, out_count = stored.source.rows;
  const Guarded x(backend, rows, in, x_values), out(backend, rows, out_count);
  backend.linear(out, x, backend.prepare_weight(stored.source, WeightFormat::native), Tensor{});
  Backend& reference = reference_backend();
  const Guarded exact_x(reference, rows, in, x_values), exact(reference, rows, out_count);
  reference.linear(exact, exact_x, reference.prepare_weight(stored.source, WeightFormat::native), Tensor{});
  const std::vector<float> values = out.values(), expected = exact.values();
  double error = 0, size = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    error += std::pow(static_cast<double>(values[i]) - expected[i], 2);
    size += std::pow(static_cast<double>(expected[i]), 2);
  }
  return std::sqrt(error / size);
}

/// Activations as models have them, even ones and very uneven ones.
std::vector<float> activations(const std::string& kind, int64_t count) {
  std::vector<float> values = random_floats(count, 9);
  for (size_t i = 0; i < values.size(); ++i) {
    if (kind == "positive") values[i] = std::abs(values[i]);
    if (kind == "one in 500 large" && i % 500 == 7) values[i] *= 300;
    if (kind == "of all magnitudes") values[i] *= std::exp2(static_cast<float>(i * 7919 % 23) - 11);
    if (kind == "just below a power of two") values[i] = std::copysign(1.99f, values[i]);
  }
  return values;
}

CASE("cpu.linear of few bits is as near to the exact product in digits as in floats") {
  for (const char* kind : {"even", "positive", "one in 500 large", "of all magnitudes", "just below a power of two"}) {
    for (DType type : {DType::q4_0, DType::q4_1, DType::q8_0}) {
      for (int64_t in : {64, 576, 1536}) {
        const auto stored = random_stored(type, 96, in, 5);
        const std::vector<float> x = activations(kind, 24 * in);
        std::map<std::string, double> errors;
        for_each_level([&](Backend& backend, const std::string& level) { errors[level] = relative_error(backend, *stored, x, 24); });
        for (const auto& [level, error] : errors) {
          // An input far below its group's largest keeps fewer bits, which shows where the sum is short.
          const double floats = errors.count("avx512") > 0 ? errors.at("avx512") : 4e-7;
          if (takes_digits(level)) CHECK(error < (in < 576 ? 2.5 : 1.5) * floats);
          else CHECK(error < 4e-7);
        }
      }
    }
  }
}

/// Blocks with scale 1, of q8_0 2⁻⁷ (and minimum 0), and the quants that `quant` says: 0 … 15 of q4_1, −128 … 127 of q8_0.
std::unique_ptr<Stored> plain_quants(DType type, int64_t rows, int64_t cols, const std::function<int(int64_t row, int64_t column)>& quant) {
  auto stored = random_stored(type, rows, cols, 1);
  for (int64_t block = 0; block < rows * cols / 32; ++block) {
    uint8_t* bytes = stored->bytes.data() + block * block_bytes(type);
    const int64_t row = block / (cols / 32), column = block % (cols / 32) * 32;
    const uint16_t scale = type == DType::q8_0 ? 0x2000 : 0x3C00, zero = 0;
    std::memcpy(bytes, &scale, 2);
    if (type == DType::q8_0) {
      for (int64_t i = 0; i < 32; ++i) bytes[2 + i] = static_cast<uint8_t>(quant(row, column + i));
    } else {
      std::memcpy(bytes + 2, &zero, 2);
      for (int64_t i = 0; i < 16; ++i) bytes[4 + i] = static_cast<uint8_t>(quant(row, column + i) | quant(row, column + i + 16) << 4);
    }
  }
  return stored;
}

struct Ends {
  DType type;
  int least, most;
  float scale;
};
constexpr Ends kEnds[] = {{DType::q4_1, 0, 15, 1}, {DType::q8_0, -128, 127, 0.0078125f}};

CASE("cpu.linear of few bits holds the largest sums") {
  // Every activation as large as a group's scale allows, every weight at one end; sums of 32 are then as far from zero as they go.
  const int64_t in = 64;
  for (const auto& [type, least, most, scale] : kEnds) {
    for (int end : {least, most}) {
      const auto stored = plain_quants(type, 40, in, [&, least = least, most = most](int64_t row, int64_t column) { return row % 2 == 0 || column % 2 == 0 ? end : least + most - end; });
      for (float size : {1.7578f, -1.7578f, 1.7579f, -1.9999999f, 1.0f}) {
        for (int64_t rows : {1, 3, 9, 70})
          compare_with_reference("quants of " + std::to_string(end) + " and " + std::to_string(size), [&](Backend& backend) {
            const Guarded x(backend, rows, in, std::vector<float>(static_cast<size_t>(rows * in), size)), out(backend, rows, 40);
            backend.linear(out, x, backend.prepare_weight(stored->source, WeightFormat::native), Tensor{});
            return std::vector<Output>{{"out", out.values(), 40, of_sum(in)}};
          });
      }
    }
  }
}

CASE("cpu.linear of few bits is exact where floats are") {
  // Small integers times small integers: every sum is a float, so that one input that met the wrong weight, or a bit that got lost, shows.
  const int64_t in = 160, out_count = 70;
  for (const auto& [type, least, most, scale] : kEnds) {
    const auto weight_of = [least = least, most = most](int64_t o, int64_t i) { return static_cast<int>((o * 31 + i * 17 + o * i) % (most - least + 1)) + least; };
    const auto stored = plain_quants(type, out_count, in, weight_of);
    for (int64_t rows : {1, 2, 3, 4, 5, 8, 9, 13, 64, 131}) {
      std::vector<float> values(static_cast<size_t>(rows * in)), expected(static_cast<size_t>(rows * out_count));
      for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(static_cast<int>(i * 7919 % 255) - 127);
      for (int64_t row = 0; row < rows; ++row)
        for (int64_t o = 0; o < out_count; ++o)
          for (int64_t i = 0; i < in; ++i) expected[static_cast<size_t>(row * out_count + o)] += values[static_cast<size_t>(row * in + i)] * static_cast<float>(weight_of(o, i)) * scale;
      for_each_level([&](Backend& backend, const std::string& level) {
        const Guarded x(backend, rows, in, values, 3), out(backend, rows, out_count, {}, 5);
        backend.linear(out, x, backend.prepare_weight(stored->source, WeightFormat::native), Tensor{});
        check_same_bits(level + ", " + std::to_string(rows) + " rows", expected, out.values(), out_count);
      });
    }
  }
}

CASE("cpu.linear of few bits gives the same bits in any company") {
  // On either side of every number of rows and inputs from which another way is taken.
  struct Size {
    DType type;
    int64_t rows, in;
    std::vector<int64_t> heights;
  };
  for (const Size& size : std::vector<Size>{{DType::q4_1, 300, 96, {1, 8, 9, 64, 127, 128, 200}}, {DType::q8_0, 300, 96, {1, 9, 127, 200}}, {DType::q4_0, 150, 2112, {4, 9, 64, 140}}, {DType::q8_0, 40, 2112, {3, 30}}, {DType::q4_1, 45, 11008, {1, 12, 30}}}) {
    const int64_t out_count = 70;
    const auto stored = random_stored(size.type, out_count, size.in, 5);
    const std::vector<float> values = random_floats(size.rows * size.in, 8);
    std::map<std::string, std::vector<float>> expected;
    for (int threads : {1, 2, 3}) {
      for (const std::string& level : levels()) {
        Backend& backend = cpu_backend(level, threads);
        const Weight weight = backend.prepare_weight(stored->source, WeightFormat::native);
        const Guarded x(backend, size.rows, size.in, values, 3), all(backend, size.rows, out_count);
        backend.linear(all, x, weight, Tensor{});
        const std::string what = level + ", " + dtype_name(size.type) + ", " + std::to_string(size.in) + " inputs, " + std::to_string(threads) + " threads";
        if (expected.count(level) == 0) expected[level] = all.values();
        check_same_bits(what, expected[level], all.values(), out_count);
        for (int64_t height : size.heights) {
          const Guarded part(backend, size.rows, out_count, {}, 5);
          for (int64_t row = 0; row < size.rows; row += height) {
            const int64_t count = std::min(height, size.rows - row);
            auto cut = [&](Tensor t) { return Tensor{static_cast<float*>(t.data) + row * t.stride, count, t.cols, t.stride}; };
            backend.linear(cut(part), cut(x), weight, Tensor{});
          }
          check_same_bits(what + ", by " + std::to_string(height), expected[level], part.values(), out_count);
        }
      }
    }
  }
}

/// The same bits of each instruction set that takes digits, with one thread and with three.
void compare_digits(const std::string& what, int64_t columns, const std::function<std::vector<float>(Backend&)>& operation) {
  std::vector<float> expected;
  for (const std::string& level : levels()) {
    if (!takes_digits(level)) continue;
    for (int threads : {1, 3}) {
      const std::vector<float> values = operation(cpu_backend(level, threads));
      if (expected.empty()) expected = values;
      check_same_bits(level + ", " + what + ", " + std::to_string(threads) + " threads", expected, values, columns);
    }
  }
}

CASE("cpu.linear of few bits gives the same bits, whoever multiplies the digits") {
  for (DType type : {DType::q4_0, DType::q4_1, DType::q8_0}) {
    // Many outputs and few: rows are then split by each thread for itself, or by all for all.
    for (const auto& [in, out_count] : std::vector<std::pair<int64_t, int64_t>>{{32, 70}, {576, 500}, {2112, 70}}) {
      const auto stored = random_stored(type, out_count, in, 5);
      for (int64_t rows : {6, 7, 8, 17, 33, 150}) {
        std::vector<float> x_values = activations("of all magnitudes", rows * in);
        for (int64_t i = 0; i < in; ++i) x_values[static_cast<size_t>(2 * in + i)] = 0;
        for (int64_t i = 0; i < in; ++i) x_values[static_cast<size_t>(3 * in + i)] *= std::exp2(-100.0f);  // a group below 1.76 · 2⁻¹⁰¹ is zero
        x_values[static_cast<size_t>(4 * in + 3)] = std::numeric_limits<float>::quiet_NaN();
        compare_digits(std::string(dtype_name(type)) + ", " + std::to_string(in) + " inputs, " + std::to_string(rows) + " rows", out_count, [&, in = in, out_count = out_count](Backend& backend) {
          const Guarded x(backend, rows, in, x_values, 3), out(backend, rows, out_count);
          backend.linear(out, x, backend.prepare_weight(stored->source, WeightFormat::native), Tensor{});
          std::vector<float> values = out.values();
          for (float& value : values) value = std::isnan(value) ? 0.0f : value;  // of many kinds
          return values;
        });
      }
    }
  }
}

CASE("cpu.gated_linear of few bits gives the same bits, whoever multiplies the digits") {
  const int64_t inner = 160, width = 300;
  for (DType type : {DType::q4_1, DType::q8_0}) {
    const auto stored = random_stored(type, width, inner, 5);
    for (int64_t rows : {5, 40, 150}) {
      compare_digits(std::string(dtype_name(type)) + ", " + std::to_string(rows) + " rows", width, [&](Backend& backend) {
        const Guarded gate(backend, rows, inner, random_floats(rows * inner, 8), 3), up(backend, rows, inner, random_floats(rows * inner, 9)), product(backend, rows, inner), out(backend, rows, width);
        backend.gated_linear(out, product, gate, up, Activation::silu, backend.prepare_weight(stored->source, WeightFormat::native), Tensor{});
        return out.values();
      });
    }
  }
}

CASE("cpu.linear of few bits is off by little where the largest activation meets a weight of zero") {
  // The worst that sharing a scale can do: of 31 others only what stands within 2⁻²³ of the largest is kept. Floats keep all.
  const int64_t in = 576, out_count = 64, rows = 12;
  for (const auto& [type, least, most, scale] : kEnds) {
    const int zero = 0;
    const auto stored = plain_quants(type, out_count, in, [&, least = least, most = most](int64_t row, int64_t column) { return column % 32 == 5 ? zero : static_cast<int>((row * 31 + column * 17 + row * column) % (most - least + 1)) + least; });
    for (float outlier : {1.0f, 100.0f, 10000.0f}) {
      std::vector<float> values = random_floats(rows * in, 8);
      for (int64_t i = 5; i < rows * in; i += 32) values[static_cast<size_t>(i)] = outlier;
      const Guarded exact_x(reference_backend(), rows, in, values), exact(reference_backend(), rows, out_count);
      reference_backend().linear(exact, exact_x, reference_backend().prepare_weight(stored->source, WeightFormat::native), Tensor{});
      const std::vector<float> expected = exact.values();
      // Σ w² of a column is at most that of quants spread evenly; errors of single numbers are at most half a step of 2⁻²² · outlier, evenly spread again.
      const double spread = scale * (most - least) / std::sqrt(3.0), bound = 4 * std::exp2(-23) / std::sqrt(3.0) * outlier * std::sqrt(static_cast<double>(in)) * spread;
      for_each_level([&](Backend& backend, const std::string& level) {
        const Guarded x(backend, rows, in, values), out(backend, rows, out_count);
        backend.linear(out, x, backend.prepare_weight(stored->source, WeightFormat::native), Tensor{});
        const std::vector<float> came = out.values();
        double worst = 0;
        for (size_t i = 0; i < came.size(); ++i) worst = std::max(worst, std::abs(static_cast<double>(came[i]) - expected[i]));
        if (takes_digits(level)) CHECK(worst < bound + 1e-4 * spread);
        else CHECK(worst < 1e-4 * spread);
      });
    }
  }
}

CASE("cpu.linear of few bits gives zeros and NaN their due") {
  const int64_t in = 96, out_count = 40;
  for (const auto& [type, rows] : std::vector<std::pair<DType, int64_t>>{{DType::q4_1, 5}, {DType::q4_1, 20}, {DType::q4_1, 140}, {DType::q8_0, 5}, {DType::q8_0, 140}}) {
    const auto stored = random_stored(type, out_count, in, 5);
    for_each_level([&, rows = rows](Backend& backend, const std::string&) {
      std::vector<float> values = random_floats(rows * in, 8);
      const auto at = [&](int64_t row, int64_t column) -> float& { return values[static_cast<size_t>(row * in + column)]; };
      const Weight weight = backend.prepare_weight(stored->source, WeightFormat::native);
      const Guarded clean_x(backend, rows, in, values), clean(backend, rows, out_count);
      backend.linear(clean, clean_x, weight, Tensor{});
      at(1, 40) = std::numeric_limits<float>::quiet_NaN();
      at(2, 3) = -std::numeric_limits<float>::infinity();
      for (int64_t column = 0; column < in; ++column) at(3, column) = column % 2 == 0 ? 0.0f : -0.0f;
      const Guarded x(backend, rows, in, values), out(backend, rows, out_count);
      backend.linear(out, x, weight, Tensor{});
      const std::vector<float> before = clean.values(), after = out.values();
      for (int64_t row = 0; row < rows; ++row) {
        for (int64_t o = 0; o < out_count; ++o) {
          const float value = after[static_cast<size_t>(row * out_count + o)];
          if (row == 1) CHECK(std::isnan(value));
          else if (row == 2) CHECK(!std::isfinite(value));
          else if (row == 3) CHECK(value == 0);
          else CHECK(value == before[static_cast<size_t>(row * out_count + o)]);
        }
      }
    });
  }
}

}  // namespace
}  // namespace sdft::test
