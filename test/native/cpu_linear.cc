// Products of the cpu backend: every way weights are stored, odd shapes, strided views, the same bits for every number of rows.
#include "cpu_fixture.h"

namespace sdft::test {
namespace {

struct Shape {
  int64_t rows, in, out;
};

std::string text(const Shape& s) { return "(" + std::to_string(s.rows) + ", " + std::to_string(s.in) + ") x " + std::to_string(s.out); }

/// Forward with and without bias, backward overwriting and adding, on strided views.
std::vector<Output> products(Backend& backend, const Stored& stored, WeightFormat format, int64_t rows) {
  const int64_t in = stored.source.cols, out = stored.source.rows;
  const Weight weight = backend.prepare_weight(stored.source, format);
  const Guarded x(backend, rows, in, random_floats(rows * in, 3), 5), dout(backend, rows, out, random_floats(rows * out, 4), 3);
  const Guarded bias(backend, 1, out, random_floats(out, 5));
  const Guarded plain(backend, rows, out), biased(backend, rows, out, {}, 7), tall(backend, rows, out, {}, 2), tall_biased(backend, rows, out), dx(backend, rows, in), added(backend, rows, in, random_floats(rows * in, 6), 1);
  backend.linear(plain, x, weight, Tensor{});
  backend.linear(biased, x, weight, bias);
  backend.linear_group({{tall, &weight, Tensor{}}, {tall_biased, &weight, bias}}, x, Compute::f32_tall);
  backend.linear_backward(dx, dout, weight, Write::overwrite);
  backend.linear_backward(added, dout, weight, Write::add);
  return {{"out", plain.values("out"), out, of_sum(in)},
          {"out with bias", biased.values("biased"), out, of_sum(in)},
          {"out, tall", tall.values("tall"), out, of_sum(in)},
          {"out with bias, tall", tall_biased.values("tall, biased"), out, of_sum(in)},
          {"dx", dx.values("dx"), in, of_sum(out)},
          {"dx added", added.values("added"), in, of_sum(out)}};
}

void compare_products(DType type, WeightFormat format, const std::vector<Shape>& shapes) {
  for (const Shape& shape : shapes) {
    const auto stored = random_stored(type, shape.out, shape.in, 1);
    compare_with_reference(std::string(dtype_name(type)) + " " + text(shape), [&](Backend& backend) { return products(backend, *stored, format, shape.rows); });
  }
}

CASE("cpu.linear equals reference for 1 to 40 rows") {
  const auto stored = random_stored(DType::f32, 83, 45, 1);
  for (int64_t rows = 1; rows <= 40; ++rows)
    compare_with_reference(std::to_string(rows) + " rows", [&](Backend& backend) { return products(backend, *stored, WeightFormat::native, rows); });
}

CASE("cpu.linear equals reference for odd shapes") {
  compare_products(DType::f32, WeightFormat::f32, {{1, 1, 1}, {3, 7, 2}, {17, 16, 33}, {5, 100, 31}, {2, 576, 576}, {130, 192, 70}, {300, 33, 129}});
}

CASE("cpu.linear equals reference where k is long") {
  // Longer than a chunk, of inputs forwards and of outputs backwards.
  compare_products(DType::f32, WeightFormat::f32, {{1, 4100, 20}, {9, 2049, 35}, {16, 40, 2500}, {31, 70, 1025}});
  compare_products(DType::q4_1, WeightFormat::native, {{15, 4128, 35}, {40, 64, 2500}, {37, 64, 8230}});
}

CASE("cpu.linear equals reference where rows are many") {
  // More of them than a second-level cache holds: the matrix unit takes some rows and some inputs after others.
  compare_products(DType::f32, WeightFormat::f32, {{700, 600, 40}, {530, 1300, 70}, {300, 40, 700}});
  compare_products(DType::q4_1, WeightFormat::native, {{449, 576, 97}});
}

CASE("cpu.linear equals reference where each thread lays out rows for itself") {
  // Few rows: all of them where there are many panels, a block of its own where there are not; and outputs that a gradient takes some at a time.
  compare_products(DType::f32, WeightFormat::f32, {{33, 600, 4200}, {100, 70, 150}, {50, 70, 30}});
  // More inputs, or outputs, than each thread splits at a time on the matrix unit.
  compare_products(DType::f32, WeightFormat::f32, {{100, 1700, 40}, {100, 40, 1700}, {180, 1100, 33}});
  compare_products(DType::q4_1, WeightFormat::native, {{100, 64, 1700}});
  // Strides of 1,024, which no processor reads in place.
  compare_products(DType::f32, WeightFormat::f32, {{61, 1019, 1021}, {70, 1019, 61}});
  compare_products(DType::q4_1, WeightFormat::native, {{29, 800, 4130}});
}

CASE("cpu.linear equals reference for bf16 panels") {
  compare_products(DType::bf16, WeightFormat::native, {{1, 45, 83}, {6, 64, 40}, {15, 33, 16}, {70, 129, 65}});
  compare_products(DType::f32, WeightFormat::bf16, {{4, 50, 34}, {33, 64, 64}});
  compare_products(DType::q8_0, WeightFormat::bf16, {{4, 64, 34}});
}

CASE("cpu.linear equals reference for every stored type") {
  for (DType type : {DType::f16, DType::q4_0, DType::q4_1, DType::q5_0, DType::q5_1, DType::q8_0})
    compare_products(type, WeightFormat::native, {{1, 64, 70}, {2, 96, 33}, {7, 160, 16}, {14, 32, 90}, {15, 64, 70}, {70, 96, 130}});
  for (DType type : {DType::q4_k, DType::q5_k, DType::q6_k}) compare_products(type, WeightFormat::native, {{1, 256, 40}, {3, 512, 33}, {40, 256, 70}});
}

CASE("cpu.linear undoes interleaved rows") {
  for (DType type : {DType::f32, DType::bf16, DType::q4_1, DType::q8_0}) {
    const auto stored = random_stored(type, 96, 64, 2, RowOrder::interleaved, 24);
    compare_with_reference(dtype_name(type), [&](Backend& backend) { return products(backend, *stored, WeightFormat::native, 5); });
  }
}

CASE("cpu.linear bits of a row do not depend on the other rows") {
  for (DType type : {DType::f32, DType::bf16, DType::q4_0, DType::q4_1, DType::q8_0}) {
    const int64_t rows = 61, in = 160, out = 200;
    const auto stored = random_stored(type, out, in, 7);
    for_each_level([&](Backend& backend, const std::string& level) {
      const Weight weight = backend.prepare_weight(stored->source, WeightFormat::native);
      const Guarded x(backend, rows, in, random_floats(rows * in, 8)), dout(backend, rows, out, random_floats(rows * out, 9));
      const Guarded all(backend, rows, out), tall_all(backend, rows, out), dx_all(backend, rows, in);
      backend.linear(all, x, weight, Tensor{});
      backend.linear_group({{tall_all, &weight, Tensor{}}}, x, Compute::f32_tall);
      backend.linear_backward(dx_all, dout, weight, Write::overwrite);
      for (int64_t height : {1, 2, 3, 5, 7, 13, 14, 15, 29}) {
        const Guarded part(backend, rows, out, {}, 9), tall_part(backend, rows, out, {}, 4), dx_part(backend, rows, in, {}, 2);
        for (int64_t row = 0; row < rows; row += height) {
          const int64_t count = std::min(height, rows - row);
          auto cut = [&](Tensor t) { return Tensor{static_cast<float*>(t.data) + row * t.stride, count, t.cols, t.stride}; };
          backend.linear(cut(part), cut(x), weight, Tensor{});
          backend.linear_group({{cut(tall_part), &weight, Tensor{}}}, cut(x), Compute::f32_tall);
          backend.linear_backward(cut(dx_part), cut(dout), weight, Write::overwrite);
        }
        const std::string what = level + " " + dtype_name(type) + " in blocks of " + std::to_string(height);
        check_same_bits(what + ": out", all.values(), part.values(), out);
        check_same_bits(what + ": out, tall", tall_all.values(), tall_part.values(), out);
        check_same_bits(what + ": dx", dx_all.values(), dx_part.values(), in);
      }
    });
  }
}

CASE("cpu.linear bits of a row do not depend on where its sums pause") {
  // All rows at once: the matrix unit takes their inputs in parts. Few: in one.
  const int64_t rows = 530, in = 1300, out = 70, height = 29;
  const auto stored = random_stored(DType::f32, out, in, 7);
  for_each_level([&](Backend& backend, const std::string& level) {
    const Weight weight = backend.prepare_weight(stored->source, WeightFormat::native);
    const Guarded x(backend, rows, in, random_floats(rows * in, 8)), all(backend, rows, out), part(backend, rows, out);
    backend.linear_group({{all, &weight, Tensor{}}}, x, Compute::f32_tall);
    for (int64_t row = 0; row < rows; row += height) {
      const int64_t count = std::min(height, rows - row);
      auto cut = [&](Tensor t) { return Tensor{static_cast<float*>(t.data) + row * t.stride, count, t.cols, t.stride}; };
      backend.linear_group({{cut(part), &weight, Tensor{}}}, cut(x), Compute::f32_tall);
    }
    check_same_bits(level, all.values(), part.values(), out);
  });
}

CASE("cpu.linear bits do not depend on how the same values are stored") {
  const auto stored = random_stored(DType::q4_1, 70, 96, 7);
  for_each_level([&](Backend& backend, const std::string& level) {
    if (takes_digits(level)) return;  // there integers are multiplied as such
    for (int64_t rows : {1, 9, 40}) {
      const Guarded x(backend, rows, 96, random_floats(rows * 96, 8));
      std::vector<std::vector<float>> results;
      for (WeightFormat format : {WeightFormat::native, WeightFormat::f32}) {
        const Guarded out(backend, rows, 70), tall(backend, rows, 70);
        const Weight weight = backend.prepare_weight(stored->source, format);
        backend.linear(out, x, weight, Tensor{});
        backend.linear_group({{tall, &weight, Tensor{}}}, x, Compute::f32_tall);
        results.push_back(out.values());
        for (float value : tall.values()) results.back().push_back(value);
      }
      check_same_bits(level + " native against f32", results[1], results[0], 70);
    }
  });
}

CASE("cpu.linear_group gives the bits of its products one by one") {
  // Alike and mixed kinds of panel, which differ in the form of x that integer products take; and more parts than go into one task list.
  const std::vector<std::vector<DType>> groups = {
      {DType::q4_1},
      {DType::q4_1, DType::q4_1, DType::q4_1},
      {DType::q8_0, DType::q8_0},
      {DType::q4_1, DType::q8_0},
      {DType::q8_0, DType::q6_k, DType::q4_0},
      {DType::q4_1, DType::q8_0, DType::q4_1, DType::q6_k},
      {DType::q4_1, DType::q8_0, DType::q4_1, DType::q6_k, DType::q4_0},
      {DType::q4_0, DType::q4_0, DType::q4_0, DType::q4_0, DType::q4_0, DType::q4_0},
      {DType::q8_0, DType::q5_1, DType::q4_k, DType::q6_k, DType::q4_1, DType::q5_0, DType::q8_0}};
  const int64_t outputs[] = {70, 33, 130, 1, 64, 97, 16}, in = 512;
  for (const std::vector<DType>& types : groups) {
    std::vector<std::unique_ptr<Stored>> stored;
    std::string kinds;
    for (size_t i = 0; i < types.size(); ++i) {
      stored.push_back(random_stored(types[i], outputs[i], in, 7 + i));
      kinds += std::string(" ") + dtype_name(types[i]);
    }
    for_each_level([&](Backend& backend, const std::string& level) {
      std::vector<Weight> weights;
      for (const auto& one : stored) weights.push_back(backend.prepare_weight(one->source, WeightFormat::native));
      for (Compute compute : {Compute::f32, Compute::f32_tall, Compute::integer}) {
        for (int64_t rows : {1, 3, 14, 20, 61}) {
          const Guarded x(backend, rows, in, random_floats(rows * in, 8), 5);
          std::vector<std::unique_ptr<Guarded>> together, apart, biases;
          std::vector<LinearPart> parts;
          for (size_t i = 0; i < weights.size(); ++i) {
            const int64_t out = outputs[i];
            biases.push_back(std::make_unique<Guarded>(backend, 1, out, random_floats(out, 20 + i)));
            together.push_back(std::make_unique<Guarded>(backend, rows, out, std::vector<float>{}, static_cast<int64_t>(i)));
            apart.push_back(std::make_unique<Guarded>(backend, rows, out));
            const Tensor bias = i % 2 == 1 ? static_cast<Tensor>(*biases[i]) : Tensor{};
            parts.push_back({*together[i], &weights[i], bias});
            if (compute == Compute::integer) backend.linear_integer(*apart[i], x, weights[i], bias);
            else if (compute == Compute::f32_tall) backend.linear_group({{*apart[i], &weights[i], bias}}, x, compute);
            else backend.linear(*apart[i], x, weights[i], bias);
          }
          backend.linear_group(parts, x, compute);
          for (size_t i = 0; i < parts.size(); ++i)
            check_same_bits(level + kinds + (compute == Compute::integer ? " integer, " : compute == Compute::f32_tall ? " tall f32, " : " f32, ") + std::to_string(rows) + " rows: part " + std::to_string(i),
                            apart[i]->values("apart"), together[i]->values("together"), outputs[i]);
        }
      }
    });
  }
}

CASE("cpu.linear_group refuses what does not fit") {
  Backend& backend = cpu_backend(levels().back(), 1);
  const auto quantized = random_stored(DType::q8_0, 8, 32, 1), plain = random_stored(DType::f32, 8, 32, 1), longer = random_stored(DType::q8_0, 8, 64, 1);
  const Weight weight = backend.prepare_weight(quantized->source, WeightFormat::native), floats = backend.prepare_weight(plain->source, WeightFormat::native);
  const Weight other = backend.prepare_weight(longer->source, WeightFormat::native);
  const Guarded x(backend, 2, 32), out(backend, 2, 8), second(backend, 2, 8), narrow(backend, 2, 7);
  check_throws("weights", [&] { backend.linear_group({{out, &weight, {}}, {second, &floats, {}}}, x, Compute::integer); });
  check_throws("shape", [&] { backend.linear_group({{out, &weight, {}}, {narrow, &weight, {}}}, x, Compute::f32); });
  check_throws("shape", [&] { backend.linear_group({{out, &weight, {}}, {second, &other, {}}}, x, Compute::f32); });
  check_throws("shape", [&] { backend.linear_group({{out, &weight, narrow}}, x, Compute::f32); });
}

/// An MLP from its gate and up to its output, and back to its input.
std::vector<Output> gated_products(Backend& backend, DType type, Activation activation, int64_t rows, int64_t inner, int64_t width) {
  const auto down = random_stored(type, width, inner, 1), first = random_stored(type, inner, width, 2), second = random_stored(type, inner, width, 3);
  const Weight down_weight = backend.prepare_weight(down->source, WeightFormat::native), gate_weight = backend.prepare_weight(first->source, WeightFormat::native),
               up_weight = backend.prepare_weight(second->source, WeightFormat::native);
  const Guarded gate(backend, rows, inner, random_floats(rows * inner, 4, 3), 3), up(backend, rows, inner, random_floats(rows * inner, 5)), dproduct(backend, rows, inner, random_floats(rows * inner, 6), 2);
  const Guarded bias(backend, 1, width, random_floats(width, 7)), product(backend, rows, inner), out(backend, rows, width, {}, 4), biased(backend, rows, width), dx(backend, rows, width, {}, 5);
  backend.gated_linear(out, product, gate, up, activation, down_weight, Tensor{});
  backend.gated_linear(biased, product, gate, up, activation, down_weight, bias);
  backend.gated_linear_backward(dx, dproduct, gate, up, activation, gate_weight, up_weight);
  for (const Guarded* beside : {&product, &gate, &up, &dproduct}) beside->values();  // nothing around them is touched
  return {{"out", out.values("out"), width, of_sum(3 * inner)}, {"out with bias", biased.values("biased"), width, of_sum(3 * inner)}, {"dx", dx.values("dx"), width, of_sum(6 * inner)}};
}

CASE("cpu.gated_linear equals reference, forward and back") {
  struct Sizes {
    DType type;
    int64_t rows, inner, width;
  };
  // Fewer rows than a tile, more, and so many that they are shared out too; columns that end within what is made at once, and more of them than a chunk (2048).
  for (const Sizes& s : std::vector<Sizes>{{DType::f32, 1, 33, 20}, {DType::f32, 14, 128, 45}, {DType::f32, 61, 300, 70}, {DType::q8_0, 40, 160, 96}, {DType::q4_1, 33, 2208, 64}, {DType::bf16, 20, 130, 34}, {DType::f32, 250, 96, 40}})
    for (Activation activation : {Activation::silu, Activation::gelu_tanh})
      compare_with_reference(std::string(dtype_name(s.type)) + ", " + std::to_string(s.rows) + " rows of " + std::to_string(s.inner),
                             [&](Backend& backend) { return gated_products(backend, s.type, activation, s.rows, s.inner, s.width); });
}

CASE("cpu.gated_linear bits of a row do not depend on the other rows, and are those of its two steps") {
  const int64_t rows = 61, inner = 160, width = 96;
  const auto down = random_stored(DType::q4_1, width, inner, 1), first = random_stored(DType::q4_1, inner, width, 2), second = random_stored(DType::q8_0, inner, width, 3);
  for_each_level([&](Backend& backend, const std::string& level) {
    const Weight down_weight = backend.prepare_weight(down->source, WeightFormat::native), gate_weight = backend.prepare_weight(first->source, WeightFormat::native),
                 up_weight = backend.prepare_weight(second->source, WeightFormat::native);
    const Guarded up(backend, rows, inner, random_floats(rows * inner, 5)), dproduct(backend, rows, inner, random_floats(rows * inner, 6)), product(backend, rows, inner);
    const Guarded all(backend, rows, width), stepwise(backend, rows, width), dx_all(backend, rows, width);
    const std::vector<float> gates = random_floats(rows * inner, 4);
    const Guarded gate(backend, rows, inner, gates);
    backend.gated(product, gate, up, Activation::silu);
    backend.linear_group({{stepwise, &down_weight, Tensor{}}}, product, Compute::f32_tall);
    backend.gated_linear(all, product, gate, up, Activation::silu, down_weight, Tensor{});
    check_same_bits(level + ": gated, then linear", stepwise.values(), all.values(), width);
    // The gradient may use gate and up up.
    const Guarded spent_gate(backend, rows, inner, gates), spent_up(backend, rows, inner, random_floats(rows * inner, 5));
    backend.gated_linear_backward(dx_all, dproduct, spent_gate, spent_up, Activation::silu, gate_weight, up_weight);
    for (int64_t height : {1, 5, 14, 29}) {
      const Guarded part(backend, rows, width, {}, 9), dx_part(backend, rows, width, {}, 2), part_gate(backend, rows, inner, gates), part_up(backend, rows, inner, random_floats(rows * inner, 5));
      for (int64_t row = 0; row < rows; row += height) {
        const int64_t count = std::min(height, rows - row);
        auto cut = [&](Tensor t) { return Tensor{static_cast<float*>(t.data) + row * t.stride, count, t.cols, t.stride}; };
        backend.gated_linear(cut(part), cut(product), cut(part_gate), cut(part_up), Activation::silu, down_weight, Tensor{});
        backend.gated_linear_backward(cut(dx_part), cut(dproduct), cut(part_gate), cut(part_up), Activation::silu, gate_weight, up_weight);
      }
      const std::string what = level + " in blocks of " + std::to_string(height);
      check_same_bits(what + ": out", all.values(), part.values(), width);
      check_same_bits(what + ": dx", dx_all.values(), dx_part.values(), width);
    }
  });
}

CASE("cpu.embed reads rows of the file") {
  for (DType type : {DType::f32, DType::bf16, DType::f16, DType::q8_0, DType::q4_1}) {
    const auto stored = random_stored(type, 50, 64, 3);
    for (WeightFormat format : {WeightFormat::native, WeightFormat::bf16}) {
      compare_with_reference(dtype_name(type), [&](Backend& backend) {
        const Weight table = backend.prepare_weight(stored->source, format);
        const Integers tokens(backend, random_integers(37, 4, 50));
        const Guarded plain(backend, 37, 64, {}, 3), scaled(backend, 37, 64);
        backend.embed(plain, table, tokens, 1.0);
        backend.embed(scaled, table, tokens, 8.25);
        return std::vector<Output>{{"rows", plain.values(), 64, kExact}, {"scaled", scaled.values(), 64, kElementwise}};
      });
    }
  }
}

CASE("cpu refuses what does not fit") {
  Backend& backend = cpu_backend(levels().back(), 1);
  const auto stored = random_stored(DType::f32, 8, 4, 1);
  const Weight weight = backend.prepare_weight(stored->source, WeightFormat::f32);
  const Guarded x(backend, 2, 4), out(backend, 2, 8), narrow(backend, 2, 7);
  check_throws("shape", [&] { backend.linear(narrow, x, weight, Tensor{}); });
  check_throws("shape", [&] { backend.linear(out, narrow, weight, Tensor{}); });
  const Guarded wide(backend, 2, 5);
  check_throws("shape", [&] { backend.gated_linear(out, x, x, wide, Activation::silu, weight, Tensor{}); });
  check_throws("shape", [&] { backend.gated_linear(out, wide, x, x, Activation::silu, weight, Tensor{}); });
  check_throws("shape", [&] { backend.gated_linear_backward(x, out, out, narrow, Activation::silu, weight, weight); });
  const Integers tokens(backend, {3, 8});
  check_throws("index", [&] { backend.embed(x, weight, tokens, 1); });
  check_throws("memory", [&] { backend.allocate(int64_t{1} << 60); });
  check_throws("memory", [&] { backend.allocate(-1); });
}

}  // namespace
}  // namespace sdft::test
