// The scheduler under a short supply of pages: rows wait, none is corrupted.
#include "sampling/scheduler.h"

#include "harness.h"
#include "tiny_model.h"

namespace sdft::test {

namespace {

std::vector<GenerateRequest> make_requests(const Model& model) {
  std::vector<GenerateRequest> requests;
  for (int64_t i = 0; i < 20; ++i) {
    const int64_t length = 1 + (i * 13) % 70;
    requests.push_back({std::to_string(i), random_integers(length, static_cast<uint64_t>(i), static_cast<int32_t>(model.spec().vocab_size)), 0, 1 + i % 30, 0});
  }
  return requests;
}

std::vector<GenerateResult> run(const Model& model, Decoder& decoder, const GenerateOptions& options, std::vector<int32_t>& finished) {
  const std::atomic<bool> cancelled{false};
  const GenerateHooks hooks{[&](GenerateProgress progress) { finished.insert(finished.end(), progress.finished.begin(), progress.finished.end()); }, cancelled};
  return generate(decoder, model, make_requests(model), options, nullptr, hooks);
}

}  // namespace

CASE("scheduler.rows wait for pages and answer alike") {
  const auto model = make_tiny_model("reference", 1);
  Decoder decoder(*model, 128);
  GenerateOptions options{nullptr, 1, {}, {}, {}, 20, 128};
  options.sampling.temperature = 1;
  std::vector<int32_t> finished;
  const std::vector<GenerateResult> roomy = run(*model, decoder, options, finished);
  CHECK(finished.size() == roomy.size());
  for (int64_t bytes : {int64_t{0}, 5 * KvCache::page_bytes(*model), 11 * KvCache::page_bytes(*model)}) {
    options.cache_bytes = bytes;
    finished.clear();
    const std::vector<GenerateResult> tight = run(*model, decoder, options, finished);
    CHECK(finished.size() == roomy.size());
    for (size_t i = 0; i < roomy.size(); ++i) {
      CHECK(tight[i].tokens == roomy[i].tokens);
      CHECK(static_cast<int64_t>(tight[i].tokens.size()) == 1 + static_cast<int64_t>(i) % 30);
      CHECK(tight[i].finish == Finish::length);
    }
  }
}

CASE("scheduler.needs bytes of tokens for stop strings") {
  const auto model = make_tiny_model("reference", 1);
  Decoder decoder(*model, 128);
  GenerateOptions options{nullptr, 1, {}, {}, {"stop"}, 20, 128};
  std::vector<int32_t> finished;
  check_throws("vocabulary", [&] { run(*model, decoder, options, finished); });
}

}  // namespace sdft::test
