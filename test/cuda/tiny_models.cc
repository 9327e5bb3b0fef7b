// The whole backend on the emulator: a tiny decoder's logits, adapter gradients, twenty training steps and generation, against the reference on the same weights.
// In float32 throughout they agree to the errors of float sums; with bf16 products every product's operands are off by up to 2⁻⁸ of themselves (0.2% at random),
// which a few layers add up to some 1% of a logit's spread or of a gradient.
#include "tiny_model.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numeric>

#include "emulated.h"
#include "kernels/reference/reference.h"
#include "model/decoder.h"
#include "sampling/scheduler.h"
#include "training/trainer.h"

namespace sdft::test {
namespace {

struct Way {
  const char* name;
  cuda::BackendOptions options;
  WeightFormat format;
  int64_t head_size;
  double error;  // root mean square, of the reference's
  bool cublaslt = false;  // its stand-in takes the large products
};
// Heads of 16 take the plain attention kernels, heads of 64 those of the tensor cores.
const Way kExactWay{"exact", {0, true, false}, WeightFormat::native, 16, 2e-5}, kRounded{"bf16", {0, false, false}, WeightFormat::bf16, 64, 0.015},
    kInvariant{"bf16, batch-invariant", {0, false, true}, WeightFormat::bf16, 64, 0.015}, kCublasLt{"bf16, cuBLASLt", {0, false, false}, WeightFormat::bf16, 64, 0.015, true};

std::unique_ptr<Backend> backend_of(const Way& way) {
  setenv("SDFT_CUBLASLT", way.cublaslt ? SDFT_STAND_IN_CUBLASLT : "off", 1);
  std::unique_ptr<Backend> backend = emulated_backend(way.options);
  unsetenv("SDFT_CUBLASLT");
  return backend;
}

struct Pair {
  std::unique_ptr<Model> expected, actual;
  std::unique_ptr<Adapter> expected_adapter, actual_adapter;
  explicit Pair(const Way& way)
      : expected(make_tiny_model(make_reference_float(), way.format, way.head_size)),
        actual(make_tiny_model(backend_of(way), way.format, way.head_size)),
        expected_adapter(make_tiny_adapter(*expected)),
        actual_adapter(make_tiny_adapter(*actual)) {}
};

std::vector<float> values_of(const Model& model, Tensor tensor) {
  std::vector<float> values(static_cast<size_t>(tensor.rows * tensor.cols));
  model.backend().download(values.data(), tensor);
  return values;
}

double relative_error(const std::vector<float>& expected, const std::vector<float>& actual) {
  double difference = 0, size = 0;
  for (size_t i = 0; i < expected.size(); ++i) difference += std::pow(static_cast<double>(actual[i]) - expected[i], 2), size += std::pow(expected[i], 2);
  return std::sqrt(difference / size);
}

void check_near(const std::string& what, const std::vector<float>& expected, const std::vector<float>& actual, double limit) {
  const double error = relative_error(expected, actual);
  if (!(error <= limit)) fail(what + ": off by " + std::to_string(error) + " of its size, allowed " + std::to_string(limit));
}

TrainingBatch make_batch(uint64_t seed) {
  TrainingBatch batch;
  batch.tokens = random_integers(64, seed, 83);
  batch.targets = random_integers(64, seed + 1, 83);
  for (size_t i = 0; i < batch.targets.size(); i += 3) batch.targets[i] = -1;
  batch.segments = {{-1, 0, 21, 0, nullptr}, {0, 21, 9, 21, nullptr}, {0, 30, 14, 21, nullptr}, {-1, 44, 20, 0, nullptr}};
  batch.ids = {"a", "b", "c", "d"};
  batch.loss_scale = 1.0 / 42;
  return batch;
}

std::vector<float> logits(const Model& model, const Adapter& adapter) {
  Decoder decoder(model, 64);
  Step step;
  const TrainingBatch batch = make_batch(5);
  step.tokens = batch.tokens;
  step.segments = batch.segments;
  step.sequence_lengths = {35, 30, 35, 20};
  step.wanted.resize(step.tokens.size());
  std::iota(step.wanted.begin(), step.wanted.end(), 0);
  step.adapter = &adapter;
  return values_of(model, decoder.logits(step));
}

void compare_logits(const Way& way) {
  const Pair pair(way);
  const std::vector<float> expected = logits(*pair.expected, *pair.expected_adapter);
  for (const Schedule& schedule : schedules()) {
    emulator::settings = schedule.settings;
    check_near(std::string(way.name) + ", " + schedule.name + ", logits", expected, logits(*pair.actual, *pair.actual_adapter), way.error);
  }
}

CASE("cuda model.logits, exact") { compare_logits(kExactWay); }
CASE("cuda model.logits, bf16") { compare_logits(kRounded); }
CASE("cuda model.logits, batch-invariant") { compare_logits(kInvariant); }
CASE("cuda model.logits, cuBLASLt") {
  const auto own_products = [](const Way& way) {
    const Pair pair(way);
    emulator::settings = schedules()[1].settings;
    emulator::counts = {};
    logits(*pair.actual, *pair.actual_adapter);
    return emulator::counts.products;
  };
  CHECK(own_products(kCublasLt) < own_products(kRounded));
  compare_logits(kCublasLt);
}
CASE("cuda model.logits, f32 weights with bf16 attention") { compare_logits({"f32 weights", {0, false, false}, WeightFormat::native, 64, 0.01}); }

void compare_gradients(const Way& way, double dropout) {
  const Pair pair(way);
  Trainer expected(*pair.expected, *pair.expected_adapter, dropout, 7, 64), actual(*pair.actual, *pair.actual_adapter, dropout, 7, 64);
  emulator::settings = schedules()[2].settings;
  const double expected_loss = expected.accumulate(make_batch(5)), actual_loss = actual.accumulate(make_batch(5));
  CHECK(std::fabs(actual_loss - expected_loss) <= way.error * expected_loss);
  for (size_t i = 0; i < expected.gradients().all().size(); ++i) {
    const AdapterTensors::Named &e = expected.gradients().all()[i], &a = actual.gradients().all()[i];
    // The smallest gradients are differences of larger numbers: twice the error of a logit.
    check_near(std::string(way.name) + ", " + e.name, values_of(*pair.expected, e.tensor), values_of(*pair.actual, a.tensor), 2 * way.error);
  }
}

CASE("cuda model.adapter gradients, exact") { compare_gradients(kExactWay, 0); }
CASE("cuda model.adapter gradients, exact, with dropout") { compare_gradients(kExactWay, 0.2); }
CASE("cuda model.adapter gradients, bf16") { compare_gradients(kRounded, 0); }
CASE("cuda model.adapter gradients, cuBLASLt") { compare_gradients(kCublasLt, 0); }

void compare_training(const Way& way) {
  const Pair pair(way);
  Trainer expected(*pair.expected, *pair.expected_adapter, 0, 7, 64), actual(*pair.actual, *pair.actual_adapter, 0, 7, 64);
  emulator::settings = schedules()[1].settings;
  const UpdateOptions options{0.01, 0.9, 0.999, 1e-8, 0.01, 1.0};
  double first = 0, last = 0;
  for (int step = 0; step < 20; ++step) {
    const double e = expected.accumulate(make_batch(5)), a = actual.accumulate(make_batch(5));
    if (!(std::fabs(a - e) <= 2 * way.error * e)) fail(std::string(way.name) + ", step " + std::to_string(step) + ": loss " + std::to_string(a) + ", expected " + std::to_string(e));
    if (step == 0) first = a;
    last = a;
    expected.update(options);
    actual.update(options);
  }
  CHECK(last < 0.9 * first);
}

CASE("cuda model.twenty training steps, exact") { compare_training(kExactWay); }
CASE("cuda model.twenty training steps, bf16") { compare_training(kRounded); }
CASE("cuda model.twenty training steps, cuBLASLt") { compare_training(kCublasLt); }

std::vector<std::vector<int32_t>> answers(const Model& model, const Adapter& adapter, const SamplingOptions& sampling = {}) {
  Decoder decoder(model, 64);
  std::vector<GenerateRequest> requests;
  const std::vector<int32_t> trunk = random_integers(40, 3, 83);
  for (int64_t i = 0; i < 4; ++i) {
    std::vector<int32_t> tokens(trunk.begin(), trunk.begin() + 10 * (i + 1));
    tokens.push_back(static_cast<int32_t>(i));
    requests.push_back({std::to_string(i), tokens, 0, 8, 0});
  }
  GenerateOptions options{&adapter, 1, sampling, {}, {}, 3, 64};
  const std::atomic<bool> cancelled{false};
  std::vector<std::vector<int32_t>> result;
  for (const GenerateResult& one : generate(decoder, model, requests, options, nullptr, {[](GenerateProgress) {}, cancelled})) result.push_back(one.tokens);
  return result;
}

CASE("cuda model.generation, exact, says what the reference says") {
  const Pair pair(kExactWay);
  const auto expected = answers(*pair.expected, *pair.expected_adapter);
  for (size_t i : {size_t{0}, size_t{2}}) {
    emulator::settings = schedules()[i].settings;
    CHECK(answers(*pair.actual, *pair.actual_adapter) == expected);
  }
}

CASE("cuda model.generation, exact, draws what the reference draws") {
  const Pair pair(kExactWay);
  const SamplingOptions sampling{0.9, 40, 0.9, 0.01, 1.2};
  const auto expected = answers(*pair.expected, *pair.expected_adapter, sampling);
  CHECK(expected != answers(*pair.expected, *pair.expected_adapter));
  emulator::settings = schedules()[1].settings;
  CHECK(answers(*pair.actual, *pair.actual_adapter, sampling) == expected);
}

CASE("cuda model.generation, replayed or not, gives the same tokens") {
  for (const Way& way : {kExactWay, kRounded, kCublasLt}) {
    emulator::settings = schedules()[1].settings;
    const Pair pair(way);
    emulator::counts = {};
    const auto replayed = answers(*pair.actual, *pair.actual_adapter);
    CHECK(emulator::counts.captures > 0 && emulator::counts.replays > emulator::counts.captures);
    emulator::device.refuses_capture = true;
    const Pair plain(way);
    emulator::counts = {};
    const auto run = answers(*plain.actual, *plain.actual_adapter);
    emulator::device.refuses_capture = false;
    CHECK(emulator::counts.replays == 0 && run == replayed);
  }
}

CASE("cuda model.generation, bf16, never falls for a much less likely token") {
  const Pair pair(kRounded);
  emulator::settings = schedules()[1].settings;
  const auto said = answers(*pair.actual, *pair.actual_adapter);
  Decoder decoder(*pair.expected, 64);
  const std::vector<int32_t> trunk = random_integers(40, 3, 83);
  for (size_t i = 0; i < said.size(); ++i) {
    Step step;
    step.tokens.assign(trunk.begin(), trunk.begin() + 10 * (static_cast<int64_t>(i) + 1));
    step.tokens.push_back(static_cast<int32_t>(i));
    const size_t prompt = step.tokens.size();
    step.tokens.insert(step.tokens.end(), said[i].begin(), said[i].end());
    step.segments = {{-1, 0, static_cast<int64_t>(step.tokens.size()), 0, nullptr}};
    step.sequence_lengths = {static_cast<int64_t>(step.tokens.size())};
    for (size_t at = prompt - 1; at + 1 < step.tokens.size(); ++at) step.wanted.push_back(static_cast<int32_t>(at));
    step.adapter = pair.expected_adapter.get();
    const std::vector<float> rows = values_of(*pair.expected, decoder.logits(step));
    for (size_t t = 0; t < said[i].size(); ++t) {
      const auto row = rows.begin() + static_cast<int64_t>(t) * 83;
      const float best = *std::max_element(row, row + 83), chosen = row[said[i][t]];
      double size = 0;
      for (auto value = row; value != row + 83; ++value) size += double{*value} * *value;
      if (!(best - chosen <= 6 * 0.015 * std::sqrt(size / 83))) fail("answer " + std::to_string(i) + ", token " + std::to_string(t) + ": " + std::to_string(best - chosen) + " below the best");
    }
  }
}

CASE("cuda model.a lost device is reported") {
  emulator::settings = {};
  const std::unique_ptr<Backend> backend = emulated_backend();
  void* memory = backend->allocate(64);
  emulator::device.lost = true;
  check_throws("device", [&] { backend->synchronize(); });
  check_throws("device", [&] { backend->zero({memory, 1, 16, 16}); });
  emulator::device.lost = false;
  backend->release(memory);
}

CASE("cuda model.too little memory is reported with numbers") {
  emulator::settings = {};
  const std::unique_ptr<Backend> backend = emulated_backend();
  emulator::device.used_bytes += size_t{7} << 30;  // another program's
  std::string message;
  try {
    backend->allocate(int64_t{3} << 30);
  } catch (const std::exception& error) {
    message = error.what();
  }
  emulator::device.used_bytes -= size_t{7} << 30;
  CHECK(message.find("3221 MB") != std::string::npos && message.find("of 8589 MB are free") != std::string::npos);
}

}  // namespace
}  // namespace sdft::test
