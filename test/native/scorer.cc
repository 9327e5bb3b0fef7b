// The scorer: shared rows and packing change no bit, and beginnings in common are read once.
#include "sampling/scorer.h"

#include "harness.h"
#include "tiny_model.h"

namespace sdft::test {

namespace {

std::vector<ScoreRequest> make_relatives() {
  const std::vector<int32_t> trunk = random_integers(100, 7, 83);
  std::vector<ScoreRequest> requests;
  for (int64_t common : {50, 0, 99, 32, 33, 64, 1, 50, 50, 98, 2}) {
    std::vector<int32_t> tokens(trunk.begin(), trunk.begin() + common);
    for (int32_t token : random_integers(2 + common % 5, static_cast<uint64_t>(requests.size()), 83)) tokens.push_back(token);
    requests.push_back({tokens, 1 + common / 2});
  }
  requests.push_back({trunk, 1});
  requests.push_back({trunk, 40});
  requests.push_back({{trunk.begin(), trunk.begin() + 60}, 3});
  requests.push_back({{5}, 1});
  return requests;
}

std::vector<std::vector<double>> run(const Model& model, const Adapter* adapter, const std::vector<ScoreRequest>& requests, int64_t rows) {
  const std::atomic<bool> cancelled{false};
  std::unique_ptr<Decoder> decoder;
  int64_t done = 0;
  const auto results = score(
      model,
      [&](int64_t needed) -> Decoder& {
        decoder = std::make_unique<Decoder>(model, needed);
        return *decoder;
      },
      requests, {adapter, Compute::f32, rows}, {[&](int64_t count) { done = count; }, cancelled});
  CHECK(done == static_cast<int64_t>(requests.size()));
  return results;
}

void check(const std::string& backend, int threads) {
  const auto oracle = make_tiny_model(backend, 1), model = make_tiny_model(backend, threads);
  const auto oracle_adapter = make_tiny_adapter(*oracle), adapter = make_tiny_adapter(*model);
  const std::vector<ScoreRequest> requests = make_relatives();
  for (bool adapted : {false, true}) {
    for (int64_t rows : {1, 64, 1000}) {
      const auto together = run(*model, adapted ? adapter.get() : nullptr, requests, rows);
      for (size_t i = 0; i + 1 < requests.size(); ++i) CHECK(together[i] == run(*oracle, adapted ? oracle_adapter.get() : nullptr, {requests[i]}, rows)[0]);
    }
  }
}

}  // namespace

CASE("scorer.reference in any company = alone to the bit") { check("reference", 1); }
CASE("scorer.cpu in any company = alone to the bit, one thread") { check("cpu", 1); }
CASE("scorer.cpu in any company = alone to the bit, three threads") { check("cpu", 3); }

CASE("scorer.plans rows in common once") {
  const std::vector<ScoreRequest> endings{{{1, 2, 3, 4, 10, 11}, 4}, {{9, 9}, 1}, {{1, 2, 3, 4, 20}, 4}, {{1, 2, 3, 4, 10, 12}, 4}, {{1, 2}, 2}};
  const std::vector<ScoreStep> plan = plan_score(endings, 100, PrefixMode::shared);
  CHECK(plan.size() == 1);
  CHECK((plan[0].tokens == std::vector<int32_t>{1, 2, 3, 4, 10, 9}));
  CHECK(plan[0].segments.size() == 3);
  CHECK(plan[0].segments[1].parent == 0 && plan[0].segments[1].position == 4 && plan[0].segments[1].length == 1);
  CHECK((plan[0].wanted == std::vector<int32_t>{3, 3, 4, 4, 5}));
  CHECK((plan[0].targets == std::vector<int32_t>{20, 10, 11, 12, 9}));
  CHECK(plan[0].scores.size() == 6);
  const std::vector<ScoreStep> apart = plan_score(endings, 7, PrefixMode::apart);
  CHECK(apart.size() == 3);
  CHECK((apart[0].tokens == std::vector<int32_t>{1, 2, 3, 4, 10, 9}) && apart[0].segments.size() == 2);
}

}  // namespace sdft::test
