// Integer products and the weight formats made of integers: the cpu backend against the reference, on odd shapes, for every stored type.
#include <cmath>

#include "base/quants.h"
#include "cpu_fixture.h"

namespace sdft::test {
namespace {

constexpr DType kQuantized[] = {DType::q4_0, DType::q4_1, DType::q5_0, DType::q5_1, DType::q8_0, DType::q4_k, DType::q5_k, DType::q6_k};

/// With and without bias, on strided views.
std::vector<Output> products(Backend& backend, const Stored& stored, WeightFormat format, int64_t rows) {
  const int64_t in = stored.source.cols, out = stored.source.rows;
  const Weight weight = backend.prepare_weight(stored.source, format);
  const Guarded x(backend, rows, in, random_floats(rows * in, 3), 5), bias(backend, 1, out, random_floats(out, 5));
  const Guarded plain(backend, rows, out), biased(backend, rows, out, {}, 7);
  backend.linear_integer(plain, x, weight, Tensor{});
  backend.linear_integer(biased, x, weight, bias);
  return {{"out", plain.values("out"), out, of_sum(in)}, {"out with bias", biased.values("biased"), out, of_sum(in)}};
}

void compare(DType type, WeightFormat format, int64_t rows, int64_t in, int64_t out) {
  const auto stored = random_stored(type, out, in, 1);
  compare_with_reference(std::string(dtype_name(type)) + " " + std::to_string(rows) + " rows, " + std::to_string(in) + " to " + std::to_string(out),
                         [&](Backend& backend) { return products(backend, *stored, format, rows); });
}

CASE("cpu.linear_integer equals reference for 1 to 20 rows") {
  for (int64_t rows = 1; rows <= 20; ++rows) {
    compare(DType::q4_1, WeightFormat::native, rows, 96, 83);
    compare(DType::q8_0, WeightFormat::native, rows, 64, 131);
  }
}

CASE("cpu.linear_integer equals reference for every stored type") {
  for (DType type : kQuantized)
    for (int64_t rows : {1, 3, 7, 70}) compare(type, WeightFormat::native, rows, block_elements(type) == 256 ? 512 : 160, 97);
}

CASE("cpu.linear_integer equals reference for odd shapes") {
  for (WeightFormat format : {WeightFormat::q4, WeightFormat::q8}) {
    compare(DType::f32, format, 1, 32, 1);
    compare(DType::bf16, format, 5, 576, 200);
    compare(DType::f16, format, 130, 64, 33);
    compare(DType::q6_k, format, 4, 256, 31);
    compare(DType::f32, format, 2, 4128, 40);
    compare(DType::f32, format, 300, 2080, 40);
  }
}

CASE("cpu.linear_integer bits of a row do not depend on the other rows") {
  for (DType type : {DType::q4_1, DType::q8_0, DType::q5_1, DType::q6_k}) {
    const int64_t rows = 61, in = 256, out = 200;
    const auto stored = random_stored(type, out, in, 7);
    for_each_level([&](Backend& backend, const std::string& level) {
      const Weight weight = backend.prepare_weight(stored->source, WeightFormat::native);
      const Guarded x(backend, rows, in, random_floats(rows * in, 8)), all(backend, rows, out);
      backend.linear_integer(all, x, weight, Tensor{});
      for (int64_t height : {1, 2, 3, 4, 5, 6, 7, 13, 29}) {
        const Guarded part(backend, rows, out, {}, 9);
        for (int64_t row = 0; row < rows; row += height) {
          const int64_t count = std::min(height, rows - row);
          auto cut = [&](Tensor t) { return Tensor{static_cast<float*>(t.data) + row * t.stride, count, t.cols, t.stride}; };
          backend.linear_integer(cut(part), cut(x), weight, Tensor{});
        }
        check_same_bits(level + " " + dtype_name(type) + " in blocks of " + std::to_string(height), all.values(), part.values(), out);
      }
    });
  }
}

CASE("cpu.linear_integer is near the float product") {
  const auto stored = random_stored(DType::q4_1, 64, 576, 1);
  Backend& backend = cpu_backend(levels().back(), 1);
  const Weight weight = backend.prepare_weight(stored->source, WeightFormat::native);
  const Guarded x(backend, 9, 576, random_floats(9 * 576, 3)), exact(backend, 9, 64), rounded(backend, 9, 64);
  backend.linear(exact, x, weight, Tensor{});
  backend.linear_integer(rounded, x, weight, Tensor{});
  double error = 0, size = 0;
  const std::vector<float> a = exact.values(), b = rounded.values();
  for (size_t i = 0; i < a.size(); ++i) error += std::pow(a[i] - b[i], 2), size += std::pow(a[i], 2);
  // A uniform error of 1 / 254 of the largest of 32 uniform numbers: 1 / 254 / √3 over 1 / √3 of their size.
  CHECK(std::sqrt(error / size) < 1.0 / 254);
  CHECK(error > 0);
}

CASE("cpu.linear_integer gives zeros and NaN their due") {
  const auto stored = random_stored(DType::q8_0, 40, 64, 1);
  // From seven rows on a matrix unit takes them.
  for (int64_t count : {4, 9}) {
    std::vector<float> values = random_floats(count * 64, 3);
    std::fill(values.begin(), values.begin() + 64, 0.0f);         // row 0
    std::fill(values.begin() + 64, values.begin() + 96, 1e-32f);  // half of row 1
    values[3 * 64 + 5] = std::nanf("");                           // row 3
    compare_with_reference("special rows of " + std::to_string(count), [&](Backend& backend) {
      const Weight weight = backend.prepare_weight(stored->source, WeightFormat::native);
      const Guarded x(backend, count, 64, values), out(backend, count, 40);
      backend.linear_integer(out, x, weight, Tensor{});
      std::vector<float> rows = out.values();
      for (int i = 0; i < 40; ++i) CHECK(rows[static_cast<size_t>(i)] == 0 && std::isnan(rows[static_cast<size_t>(3 * 40 + i)]));
      rows.erase(rows.begin() + 3 * 40, rows.begin() + 4 * 40);
      return std::vector<Output>{{"rows", rows, 40, of_sum(64)}};
    });
  }
}

CASE("cpu.linear_integer refuses weights without integers") {
  for (DType type : {DType::f32, DType::bf16, DType::f16}) {
    const auto stored = random_stored(type, 8, 32, 1);
    for (Backend* backend : {&cpu_backend(levels().back(), 1), &reference_backend()}) {
      const Weight weight = backend->prepare_weight(stored->source, WeightFormat::native);
      const Guarded x(*backend, 2, 32), out(*backend, 2, 8), loss(*backend, 2, 1);
      CHECK(!backend->has_integer_form(weight));
      check_throws("weights", [&] { backend->linear_integer(out, x, weight, Tensor{}); });
      check_throws("weights", [&] { backend->linear_cross_entropy_integer(loss, x, weight, Integers(*backend, {1, 2})); });
      CHECK(backend->has_integer_form(backend->prepare_weight(stored->source, WeightFormat::q8)));
    }
  }
}

CASE("cpu.linear_cross_entropy_integer equals reference") {
  for (DType type : {DType::q4_1, DType::q8_0, DType::q6_k}) {
    const auto stored = random_stored(type, 1601, 256, 1);
    for (int64_t rows : {1, 50}) {
      compare_with_reference(dtype_name(type), [&](Backend& backend) {
        const Weight head = backend.prepare_weight(stored->source, WeightFormat::native);
        const Guarded x(backend, rows, 256, random_floats(rows * 256, 3), 4), loss(backend, rows, 1, {}, 2);
        backend.linear_cross_entropy_integer(loss, x, head, Integers(backend, random_integers(rows, 4, 1601)));
        return std::vector<Output>{{"loss", loss.values("loss"), 1, of_sum(256)}};
      });
    }
  }
}

/// The matrix that a weight stands for, row by row of the identity.
std::vector<float> values_of(Backend& backend, const Weight& weight) {
  const int64_t outputs = weight.rows, inputs = weight.cols;
  std::vector<float> identity(static_cast<size_t>(outputs * outputs), 0.0f), values(static_cast<size_t>(inputs * outputs));
  for (int64_t o = 0; o < outputs; ++o) identity[static_cast<size_t>(o * outputs + o)] = 1;
  const Guarded dout(backend, outputs, outputs, identity), dx(backend, outputs, inputs);
  backend.linear_backward(dx, dout, weight, Write::overwrite);  // backwards every weight is a float for itself
  const std::vector<float> rows = dx.values();
  for (int64_t o = 0; o < outputs; ++o)
    for (int64_t i = 0; i < inputs; ++i) values[static_cast<size_t>(i * outputs + o)] = rows[static_cast<size_t>(o * inputs + i)];
  return values;  // (I, O)
}

CASE("weights.q8 and q4 are what a plain quantiser says") {
  const int64_t rows = 37, cols = 96;
  for (WeightFormat format : {WeightFormat::q8, WeightFormat::q4}) {
    const auto stored = random_stored(DType::f32, rows, cols, 4);
    const float* x = reinterpret_cast<const float*>(stored->bytes.data());
    std::vector<float> expected(static_cast<size_t>(rows * cols));  // (I, O)
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t first = 0; first < cols; first += 32) {
        float least = x[r * cols + first], most = least;
        for (int i = 0; i < 32; ++i) least = std::min(least, x[r * cols + first + i]), most = std::max(most, x[r * cols + first + i]);
        const bool q4 = format == WeightFormat::q4;
        const double step = q4 ? (static_cast<double>(most) - least) / 15 : std::max(std::abs(least), std::abs(most)) / 127.0;
        int exponent;
        const double fraction = std::frexp(static_cast<double>(static_cast<float>(step)), &exponent);
        const double scale = std::ldexp(std::nearbyint(std::ldexp(fraction, 11)), exponent - 11);
        for (int i = 0; i < 32; ++i) {
          const double value = x[r * cols + first + i], base = q4 ? least : 0.0;
          const double quant = std::min(q4 ? 15.0 : 127.0, std::max(q4 ? 0.0 : -127.0, std::nearbyint((value - base) / scale)));
          expected[static_cast<size_t>((first + i) * rows + r)] = static_cast<float>(scale * quant + base);
          CHECK(std::abs(scale * quant + base - value) <= scale * 0.51);
        }
      }
    }
    check_same_bits("reference", expected, values_of(reference_backend(), reference_backend().prepare_weight(stored->source, format)), rows);
    for_each_level([&](Backend& backend, const std::string& level) {
      check_same_bits(level, expected, values_of(backend, backend.prepare_weight(stored->source, format)), rows);
      // Rows of the table are the same values.
      const Integers tokens(backend, {5, 36});
      const Guarded embedded(backend, 2, cols);
      backend.embed(embedded, backend.prepare_table(stored->source, format), tokens, 1);
      const std::vector<float> table = embedded.values();
      for (int64_t i = 0; i < cols; ++i) CHECK(table[static_cast<size_t>(cols + i)] == expected[static_cast<size_t>(i * rows + 36)]);
    });
  }
}

CASE("weights.q8 and q4 keep what is stored so already") {
  for (DType type : kQuantized) {
    const auto stored = random_stored(type, 33, 256, 4);
    for_each_level([&](Backend& backend, const std::string& level) {
      const std::vector<float> native = values_of(backend, backend.prepare_weight(stored->source, WeightFormat::native));
      check_same_bits(level + " " + dtype_name(type) + " native", values_of(backend, backend.prepare_weight(stored->source, WeightFormat::f32)), native, 33);
      if (quant_form(type) != QuantForm::q4 && quant_form(type) != QuantForm::q8) return;
      const WeightFormat same = quant_form(type) == QuantForm::q4 ? WeightFormat::q4 : WeightFormat::q8;
      check_same_bits(level + " " + dtype_name(type), native, values_of(backend, backend.prepare_weight(stored->source, same)), 33);
    });
  }
}

/// Sets the scale (and minimum) of each block to the next of `halves`.
void set_scales(Stored& stored, const std::vector<uint16_t>& halves) {
  const bool has_minimum = stored.source.type == DType::q4_1;
  const auto block = static_cast<size_t>(block_bytes(stored.source.type));
  for (size_t b = 0; b * block < stored.bytes.size(); ++b)
    for (size_t i = 0; i < (has_minimum ? 2 : 1); ++i) std::memcpy(stored.bytes.data() + b * block + 2 * i, &halves[(b + 5 * i) % halves.size()], 2);
}

CASE("weights.native keeps half-precision scales from the least subnormal to the largest") {
  std::vector<uint16_t> halves;
  for (uint16_t exponent = 0; exponent < 31; ++exponent)
    for (uint16_t mantissa : {0x000, 0x001, 0x155, 0x3FF})
      for (uint16_t sign : {0x0000, 0x8000}) halves.push_back(static_cast<uint16_t>(sign | exponent << 10 | mantissa));
  for (DType type : {DType::q4_0, DType::q4_1, DType::q5_0, DType::q8_0}) {
    const auto stored = random_stored(type, 33, 256, 4);
    std::vector<uint16_t> kept = halves;
    if (type == DType::q4_0) kept.resize(28 * 8);  // its minimum is eight times the scale
    set_scales(*stored, kept);
    for_each_level([&](Backend& backend, const std::string& level) {
      check_same_bits(level + " " + dtype_name(type), values_of(backend, backend.prepare_weight(stored->source, WeightFormat::f32)),
                      values_of(backend, backend.prepare_weight(stored->source, WeightFormat::native)), 33);
    });
  }
}

CASE("weights.native refuses scales beyond half precision") {
  Backend& backend = cpu_backend(levels().back(), 1);
  for (const auto& [type, half] : {std::make_pair(DType::q4_0, uint16_t{0x7000}), std::make_pair(DType::q8_0, uint16_t{0x7C00})}) {
    const auto stored = random_stored(type, 33, 256, 4);
    set_scales(*stored, {half});
    check_throws("weights", [&] { backend.prepare_weight(stored->source, WeightFormat::native); });
  }
}

CASE("weights.native takes less memory than f32 for every file type") {
  Backend& backend = cpu_backend(levels().back(), 1);
  for (DType type : {DType::bf16, DType::f16, DType::q4_0, DType::q4_1, DType::q5_0, DType::q5_1, DType::q8_0, DType::q4_k, DType::q5_k, DType::q6_k}) {
    const auto stored = random_stored(type, 64, 256, 4);
    const int64_t native = backend.prepare_weight(stored->source, WeightFormat::native).bytes;
    CHECK(native * 2 <= backend.prepare_weight(stored->source, WeightFormat::f32).bytes);
    CHECK(backend.prepare_table(stored->source, WeightFormat::native).bytes == 0);
  }
}

CASE("weights.q8 and q4 refuse what cannot be quantised") {
  for (Backend* backend : {&cpu_backend(levels().back(), 1), &reference_backend()}) {
    const auto narrow = random_stored(DType::f32, 8, 45, 1);
    const auto broken = random_stored(DType::f32, 8, 64, 1);
    const float infinity = INFINITY;
    std::memcpy(broken->bytes.data() + 4 * 70, &infinity, 4);
    for (WeightFormat format : {WeightFormat::q8, WeightFormat::q4}) {
      check_throws("weights", [&] { backend->prepare_weight(narrow->source, format); });
      check_throws("weights", [&] { backend->prepare_weight(broken->source, format); });
    }
  }
}

}  // namespace
}  // namespace sdft::test
