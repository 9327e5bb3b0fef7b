// The divergence between adapters of one model: its definition from whole logits, 0 for equals, and the same bits in any company.
#include "sampling/divergence.h"

#include <cmath>
#include <numeric>

#include "harness.h"
#include "tiny_model.h"

namespace sdft::test {

namespace {

std::vector<ScoreRequest> make_requests() {
  const std::vector<int32_t> trunk = random_integers(60, 7, 83);
  std::vector<ScoreRequest> requests;
  for (int64_t common : {50, 0, 32, 33, 1, 50, 2}) {
    std::vector<int32_t> tokens(trunk.begin(), trunk.begin() + common);
    for (int32_t token : random_integers(3 + common % 5, static_cast<uint64_t>(requests.size()), 83)) tokens.push_back(token);
    requests.push_back({tokens, 1 + common / 2});
  }
  requests.push_back({{5}, 1});
  return requests;
}

std::vector<std::vector<double>> run(const Model& model, const Adapter* from, const Adapter* to, const std::vector<ScoreRequest>& requests, int64_t rows) {
  const std::atomic<bool> cancelled{false};
  std::unique_ptr<Decoder> decoder;
  int64_t done = 0;
  const auto results = divergence(
      model,
      [&](int64_t needed) -> Decoder& {
        decoder = std::make_unique<Decoder>(model, needed);
        return *decoder;
      },
      requests, {from, to, Compute::f32, rows}, {[&](int64_t count) { done = count; }, cancelled});
  CHECK(done == static_cast<int64_t>(requests.size()));
  return results;
}

/// Log-probabilities (T, V) of all positions.
std::vector<std::vector<double>> log_probabilities(const Model& model, const Adapter* adapter, const std::vector<int32_t>& tokens) {
  const auto rows = static_cast<int64_t>(tokens.size()), vocabulary = model.spec().vocab_size;
  Decoder decoder(model, rows);
  Step step;
  step.tokens = tokens;
  step.segments = {{-1, 0, rows, 0, nullptr}};
  step.sequence_lengths = {rows};
  step.wanted.resize(tokens.size());
  std::iota(step.wanted.begin(), step.wanted.end(), 0);
  step.adapter = adapter;
  std::vector<double> logits(static_cast<size_t>(rows * vocabulary));
  model.backend().download(logits.data(), decoder.logits(step));
  std::vector<std::vector<double>> result;
  for (int64_t row = 0; row < rows; ++row) {
    std::vector<double> values(logits.begin() + row * vocabulary, logits.begin() + (row + 1) * vocabulary);
    double sum = 0;
    for (double value : values) sum += std::exp(value);
    for (double& value : values) value -= std::log(sum);
    result.push_back(std::move(values));
  }
  return result;
}

void check_definition(const std::string& backend, Tolerance tolerance) {
  const auto model = make_tiny_model(backend, 2);
  const auto adapter = make_tiny_adapter(*model);
  const std::vector<ScoreRequest> requests = make_requests();
  for (const auto& [from, to] : {std::make_pair<const Adapter*, const Adapter*>(nullptr, adapter.get()), std::make_pair<const Adapter*, const Adapter*>(adapter.get(), nullptr)}) {
    const auto came = run(*model, from, to, requests, 64);
    for (size_t i = 0; i < requests.size(); ++i) {
      const auto p = log_probabilities(*model, from, requests[i].tokens), q = log_probabilities(*model, to, requests[i].tokens);
      std::vector<double> expected;
      for (size_t token = static_cast<size_t>(requests[i].from); token < requests[i].tokens.size(); ++token) {
        double sum = 0;
        for (size_t v = 0; v < p[token - 1].size(); ++v) sum += std::exp(p[token - 1][v]) * (p[token - 1][v] - q[token - 1][v]);
        expected.push_back(sum);
      }
      if (!expected.empty()) CHECK(expected[0] > 1e-3);
      check_close(backend + " request " + std::to_string(i), expected, came[i], tolerance);
    }
  }
}

CASE("divergence.is the definition on reference-double") { check_definition("reference-double", {1e-12, 1e-12}); }
// Logits in floats, of numbers up to 10: rounded by 1e-6.
CASE("divergence.is the definition on cpu") { check_definition("cpu", {4e-6, 1e-5}); }

CASE("divergence.of an adapter from itself is 0") {
  for (const char* backend : {"reference", "cpu"}) {
    const auto model = make_tiny_model(backend, 2);
    const auto adapter = make_tiny_adapter(*model), twin = make_tiny_adapter(*model);
    for (const auto& values : run(*model, adapter.get(), twin.get(), make_requests(), 64))
      for (double value : values) CHECK(value == 0);
    for (const auto& values : run(*model, nullptr, nullptr, make_requests(), 64))
      for (double value : values) CHECK(value == 0);
  }
}

CASE("divergence.in any company = alone to the bit") {
  for (const auto& [backend, threads] : {std::make_pair("reference", 1), std::make_pair("cpu", 1), std::make_pair("cpu", 3)}) {
    const auto oracle = make_tiny_model(backend, 1), model = make_tiny_model(backend, threads);
    const auto oracle_adapter = make_tiny_adapter(*oracle), adapter = make_tiny_adapter(*model);
    const std::vector<ScoreRequest> requests = make_requests();
    for (int64_t rows : {1, 64, 1000}) {
      const auto together = run(*model, nullptr, adapter.get(), requests, rows);
      for (size_t i = 0; i + 1 < requests.size(); ++i)
        CHECK(together[i] == run(*oracle, nullptr, oracle_adapter.get(), {requests[i]}, rows)[0]);
    }
  }
}

}  // namespace

}  // namespace sdft::test
