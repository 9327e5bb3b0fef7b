// --batch-invariant: a row has the same bits alone and in a batch. The default does not promise it: few rows take kernels of their own, a long k is cut up for
// them, and long attention of few rows is split, so each case here is one in which the default's bits differ.
#include <algorithm>
#include <numeric>

#include "checking/check.h"
#include "emulated.h"
#include "model/decoder.h"
#include "tiny_model.h"

namespace sdft::test {
namespace {

constexpr cuda::BackendOptions kInvariant{0, false, true};

std::vector<float> values_of(Backend& backend, Tensor tensor) {
  std::vector<float> values(static_cast<size_t>(tensor.rows * tensor.cols));
  backend.download(values.data(), tensor);
  return values;
}

void check_begins_with(const std::string& what, const std::vector<float>& whole, const std::vector<float>& part) {
  CHECK(part.size() < whole.size());
  const auto at = std::mismatch(part.begin(), part.end(), whole.begin());
  if (at.first != part.end()) fail(what + ": element " + std::to_string(at.first - part.begin()) + " is " + std::to_string(*at.first) + " alone and " + std::to_string(*at.second) + " in the batch");
}

std::vector<float> product(WeightFormat format, int64_t rows) {
  constexpr int64_t kIn = 1088, kOut = 24;
  emulator::settings = schedules()[2].settings;
  const std::unique_ptr<Backend> backend = emulated_backend(kInvariant);
  const std::vector<float> stored = random_floats(kOut * kIn, 1);
  const Weight weight = backend->prepare_weight({stored.data(), DType::f32, kOut, kIn, RowOrder::natural, 0}, format);
  const checking::Guarded x(*backend, rows, kIn, random_floats(rows * kIn, 2)), out(*backend, rows, kOut);
  backend->linear(out, x, weight, Tensor{});
  return values_of(*backend, out);
}

CASE("cuda batch-invariant.a row of a product alone and in a batch") {
  for (WeightFormat format : {WeightFormat::f32, WeightFormat::bf16, WeightFormat::q8, WeightFormat::q4}) {
    const std::vector<float> many = product(format, 70);
    for (int64_t rows : {1, 5, 40}) check_begins_with(std::to_string(rows) + " rows of 70", many, product(format, rows));
  }
}

std::vector<float> attention(int64_t head_size, int64_t others) {
  constexpr int64_t kLength = 290, kHeads = 8;
  emulator::settings = schedules()[2].settings;
  const std::unique_ptr<Backend> backend = emulated_backend(kInvariant);
  std::vector<Segment> segments = {{-1, 0, kLength, 0, nullptr}};
  for (int64_t i = 0; i < others; ++i) segments.push_back({-1, kLength + i, 1, 0, nullptr});
  const int64_t rows = kLength + others, wide = kHeads * head_size;
  const checking::Guarded q(*backend, rows, wide, random_floats(rows * wide, 1)), k(*backend, rows, wide, random_floats(rows * wide, 2)), v(*backend, rows, wide, random_floats(rows * wide, 3)),
      out(*backend, rows, wide), logsumexp(*backend, rows, kHeads);
  backend->attention(out, logsumexp, q, k, v, {segments.data(), static_cast<int64_t>(segments.size())}, {kHeads, kHeads, head_size, 0.125, 0});
  return values_of(*backend, out);
}

CASE("cuda batch-invariant.a long row's attention alone and in a batch") { check_begins_with("attention", attention(64, 23), attention(64, 0)); }

/// Of a sequence of 6 tokens, first in its step.
std::vector<float> logits(const std::vector<int64_t>& others) {
  emulator::settings = schedules()[1].settings;
  const std::unique_ptr<Model> model = make_tiny_model(emulated_backend(kInvariant), WeightFormat::bf16, 64);
  const std::unique_ptr<Adapter> adapter = make_tiny_adapter(*model);
  Decoder decoder(*model, 128);
  Step step;
  step.adapter = adapter.get();
  std::vector<int64_t> lengths = {6};
  lengths.insert(lengths.end(), others.begin(), others.end());
  for (int64_t length : lengths) {
    const auto start = static_cast<int64_t>(step.tokens.size());
    const std::vector<int32_t> tokens = random_integers(length, static_cast<uint64_t>(start), 83);
    step.tokens.insert(step.tokens.end(), tokens.begin(), tokens.end());
    step.segments.push_back({-1, start, length, 0, nullptr});
    step.sequence_lengths.push_back(length);
  }
  step.wanted.resize(step.tokens.size());
  std::iota(step.wanted.begin(), step.wanted.end(), 0);
  return values_of(model->backend(), decoder.logits(step));
}

CASE("cuda batch-invariant.a sequence's logits alone and in a batch") {
  const std::vector<float> alone = logits({});
  check_begins_with("with one", logits({1}), alone);
  check_begins_with("with three", logits({17, 3, 60}), alone);
}

}  // namespace
}  // namespace sdft::test
