// Products with frozen weights, in every form they are kept in, LoRA, and products in integers.
#include <deque>

#include "checking/check.h"

namespace sdft::checking {
namespace {

const char* name_of(WeightFormat format) {
  switch (format) {
    case WeightFormat::native: return "native";
    case WeightFormat::f32: return "f32";
    case WeightFormat::bf16: return "bf16";
    case WeightFormat::q8: return "q8";
    case WeightFormat::q4: break;
  }
  return "q4";
}

struct Shape {
  int64_t rows, in, out;
};

/// Forward with and without bias, backward overwriting and adding, on strided views; several products with one x.
std::vector<Output> multiply(Backend& backend, WeightFormat format, const Shape& s) {
  const std::vector<float> stored = random_floats(s.out * s.in, 1);
  const Weight weight = backend.prepare_weight({stored.data(), DType::f32, s.out, s.in, RowOrder::natural, 0}, format);
  const Guarded x(backend, s.rows, s.in, random_floats(s.rows * s.in, 3), 4), dout(backend, s.rows, s.out, random_floats(s.rows * s.out, 4), 3);
  const Guarded bias(backend, 1, s.out, random_floats(s.out, 5)), plain(backend, s.rows, s.out), biased(backend, s.rows, s.out, {}, 7);
  const Guarded first(backend, s.rows, s.out), second(backend, s.rows, s.out), dx(backend, s.rows, s.in), added(backend, s.rows, s.in, random_floats(s.rows * s.in, 6), 1);
  backend.linear(plain, x, weight, Tensor{});
  backend.linear(biased, x, weight, bias);
  backend.linear_group({{first, &weight, bias}, {second, &weight, Tensor{}}}, x, Compute::f32);
  backend.linear_backward(dx, dout, weight, Write::overwrite);
  backend.linear_backward(added, dout, weight, Write::add);
  return {plain.output("linear", of_sum(s.in)),          biased.output("linear with bias", of_sum(s.in)), first.output("linear_group, first", of_sum(s.in)),
          second.output("linear_group, second", of_sum(s.in)), dx.output("linear_backward", of_sum(s.out)),     added.output("linear_backward added", of_sum(s.out))};
}

/// The products around a gated activation, forward and back.
std::vector<Output> gated_products(Backend& backend, WeightFormat format, Activation activation, int64_t rows, int64_t inner, int64_t width) {
  const std::vector<float> down = random_floats(width * inner, 1), first = random_floats(inner * width, 2), second = random_floats(inner * width, 3);
  const auto prepare = [&](const std::vector<float>& values, int64_t out, int64_t in) { return backend.prepare_weight({values.data(), DType::f32, out, in, RowOrder::natural, 0}, format); };
  const Weight down_weight = prepare(down, width, inner), gate_weight = prepare(first, inner, width), up_weight = prepare(second, inner, width);
  const Guarded gate(backend, rows, inner, random_floats(rows * inner, 4), 3), up(backend, rows, inner, random_floats(rows * inner, 5)), dproduct(backend, rows, inner, random_floats(rows * inner, 6), 2);
  const Guarded bias(backend, 1, width, random_floats(width, 7)), product(backend, rows, inner), out(backend, rows, width, {}, 4), biased(backend, rows, width), dx(backend, rows, width, {}, 5);
  backend.gated_linear(out, product, gate, up, activation, down_weight, Tensor{});
  backend.gated_linear(biased, product, gate, up, activation, down_weight, bias);
  backend.gated_linear_backward(dx, dproduct, gate, up, activation, gate_weight, up_weight);
  for (const Guarded* beside : {&product, &gate, &up, &dproduct}) beside->values("beside gated_linear");  // whatever they hold: nothing around them is touched
  return {out.output("gated_linear", of_sum(inner)), biased.output("gated_linear with bias", of_sum(inner)), dx.output("gated_linear_backward", of_sum(2 * inner))};
}

std::vector<Output> embed(Backend& backend, WeightFormat format) {
  const std::vector<float> stored = random_floats(20 * 96, 1);
  const Weight table = backend.prepare_table({stored.data(), DType::f32, 20, 96, RowOrder::natural, 0}, format);
  const Integers tokens(backend, {0, 19, 7, 7, 3});
  const Guarded out(backend, 5, 96, {}, 5);
  backend.embed(out, table, tokens, 1.5);
  return {out.output("embed", kElementwise)};
}

std::vector<Output> interleaved(Backend& backend) {
  const std::vector<float> stored = random_floats(96 * 64, 1);
  const Weight weight = backend.prepare_weight({stored.data(), DType::f32, 96, 64, RowOrder::interleaved, 24}, WeightFormat::bf16);
  const Guarded x(backend, 3, 64, random_floats(3 * 64, 2)), out(backend, 3, 96);
  backend.linear(out, x, weight, Tensor{});
  return {out.output("linear", of_sum(64))};
}

std::vector<Output> lora(Backend& backend, int64_t rows, int64_t in, int64_t out, int64_t rank, Write write) {
  const double scale = 1.75;
  const Guarded x(backend, rows, in, random_floats(rows * in, 1), 3), a(backend, rank, in, random_floats(rank * in, 2)), b(backend, out, rank, random_floats(out * rank, 3));
  const Guarded y(backend, rows, out, random_floats(rows * out, 4), 2), t(backend, rows, rank, {}, 1);
  backend.lora_forward(y, t, x, a, b, scale);
  const Guarded dout(backend, rows, out, random_floats(rows * out, 5), 4), dt(backend, rows, rank), dx(backend, rows, in, random_floats(rows * in, 6), 5);
  const Guarded da(backend, rank, in, random_floats(rank * in, 7)), db(backend, out, rank, random_floats(out * rank, 8)), da_alone(backend, rank, in), db_alone(backend, out, rank);
  backend.lora_backward(dx, da, db, dt, dout, x, t, a, b, scale, write);
  backend.lora_backward(Tensor{}, da_alone, db_alone, dt, dout, x, t, a, b, scale, write);
  // dt sums O products scaled by 1.75; what is made of it inherits its errors times the length of the next sum. Adapters are never rounded to bf16.
  const Tolerance first{6e-8 * static_cast<double>(in) + 1e-6, 2e-6, 0}, between{1.2e-7 * static_cast<double>(out) + 1e-6, 2e-6, 0},
      second{6e-8 * static_cast<double>(in + out + rows) * static_cast<double>(rank + 40) + 1e-5, 1e-5, 0};
  return {t.output("t", first),   y.output("out", second), dt.output("dt", between), db.output("db", second), da.output("da", second),
          dx.output("dx", second), da_alone.output("da without dx", second), db_alone.output("db without dx", second)};
}

/// Adapters of several ranks and widths, more than go in one launch.
std::vector<Output> lora_group(Backend& backend, int64_t rows) {
  struct Width {
    int64_t out, rank;
  };
  constexpr int64_t kIn = 45;
  const Guarded x(backend, rows, kIn, random_floats(rows * kIn, 1), 3);
  std::deque<Guarded> a, b, t, out;
  std::vector<LoraPart> parts;
  uint64_t seed = 2;
  for (const Width& width : {Width{70, 8}, Width{24, 8}, Width{9, 4}, Width{130, 33}, Width{64, 1}}) {
    a.emplace_back(backend, width.rank, kIn, random_floats(width.rank * kIn, seed++));
    b.emplace_back(backend, width.out, width.rank, random_floats(width.out * width.rank, seed++));
    t.emplace_back(backend, rows, width.rank, std::vector<float>{}, 1);
    out.emplace_back(backend, rows, width.out, random_floats(rows * width.out, seed++), 2);
    parts.push_back({out.back(), t.back(), a.back(), b.back()});
  }
  backend.lora_forward_group(parts, x, 1.75);
  std::vector<Output> outputs;
  const Tolerance first{6e-8 * kIn + 1e-6, 2e-6, 0}, second{6e-8 * (kIn + 33.0) * 40 + 1e-5, 1e-5, 0};
  for (size_t i = 0; i < parts.size(); ++i) {
    outputs.push_back(t[i].output("t " + std::to_string(i), first));
    outputs.push_back(out[i].output("out " + std::to_string(i), second));
  }
  return outputs;
}

std::vector<Output> zero_lora(Backend& backend) {
  const Guarded x(backend, 9, 40, random_floats(360, 1)), a(backend, 4, 40, random_floats(160, 2)), b(backend, 30, 4), t(backend, 9, 4), out(backend, 9, 30, random_floats(270, 3));
  backend.lora_forward(out, t, x, a, b, 2.0);
  return {out.output("out", kExact)};
}

std::vector<Output> integers(Backend& backend, WeightFormat format, const Shape& s) {
  const std::vector<float> stored = random_floats(s.out * s.in, 1);
  const Weight weight = backend.prepare_weight({stored.data(), DType::f32, s.out, s.in, RowOrder::natural, 0}, format);
  const Guarded x(backend, s.rows, s.in, random_floats(s.rows * s.in, 3), 5), bias(backend, 1, s.out, random_floats(s.out, 5)), plain(backend, s.rows, s.out), biased(backend, s.rows, s.out, {}, 7);
  backend.linear_integer(plain, x, weight, Tensor{});
  backend.linear_integer(biased, x, weight, bias);
  const Tolerance exact{6e-8 * static_cast<double>(s.in) + 1e-6, 2e-6, 0};
  return {plain.output("linear_integer", exact), biased.output("linear_integer with bias", exact)};
}

}  // namespace

void add_product_cases(std::vector<Case>& cases) {
  for (WeightFormat format : {WeightFormat::f32, WeightFormat::bf16, WeightFormat::q8, WeightFormat::q4})
    cases.push_back({std::string("embed, ") + name_of(format), [format](Backend& backend) { return embed(backend, format); }});
  // Few rows, and more than a pass of them; tiles that are not full in any direction; both tile sizes; a k that is cut in stretches.
  const std::vector<Shape> odd = {{1, 45, 83}, {9, 33, 31}, {70, 100, 90}}, grouped = {{1, 64, 70}, {5, 96, 33}, {12, 320, 40}, {40, 64, 72}, {130, 96, 150}};
  const auto add = [&](WeightFormat format, const Shape& s) {
    cases.push_back({std::string("linear, ") + name_of(format) + ", (" + std::to_string(s.rows) + ", " + std::to_string(s.in) + ") x " + std::to_string(s.out),
                     [=](Backend& backend) { return multiply(backend, format, s); }});
  };
  for (WeightFormat format : {WeightFormat::f32, WeightFormat::bf16})
    for (const Shape& shape : odd) add(format, shape);
  for (WeightFormat format : {WeightFormat::bf16, WeightFormat::q8, WeightFormat::q4})
    for (const Shape& shape : grouped) add(format, shape);
  add(WeightFormat::bf16, {17, 1056, 24});
  cases.push_back({"linear, interleaved rows", interleaved});
  for (WeightFormat format : {WeightFormat::f32, WeightFormat::bf16, WeightFormat::q8})
    for (Activation activation : {Activation::silu, Activation::gelu_tanh})
      cases.push_back({std::string("linear, gated, ") + name_of(format) + (activation == Activation::silu ? ", silu" : ", gelu"),
                       [=](Backend& backend) { return gated_products(backend, format, activation, activation == Activation::silu ? 21 : 5, 96, 64); }});
  for (int64_t rank : {1, 3, 8, 20, 64})
    cases.push_back({"lora, rank " + std::to_string(rank), [rank](Backend& backend) { return lora(backend, rank == 8 ? 70 : 5, 45, 70, rank, rank % 2 == 0 ? Write::add : Write::overwrite); }});
  cases.push_back({"lora, sums over many rows", [](Backend& backend) { return lora(backend, 530, 20, 24, 8, Write::add); }});
  for (int64_t rows : {3, 70})
    cases.push_back({"lora, several of " + std::to_string(rows) + " rows", [rows](Backend& backend) { return lora_group(backend, rows); }});
  cases.push_back({"lora, b = 0", zero_lora});
  for (WeightFormat format : {WeightFormat::q8, WeightFormat::q4})
    for (const Shape& s : {Shape{1, 96, 83}, Shape{11, 1056, 21}})
      cases.push_back({std::string("linear_integer, ") + name_of(format) + ", " + std::to_string(s.rows) + " rows", [=](Backend& backend) { return integers(backend, format, s); }});
}

}  // namespace sdft::checking
