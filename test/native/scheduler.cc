// The scheduler: rows wait for pages, and nothing about how the work is arranged changes an answer.
#include "sampling/scheduler.h"

#include <algorithm>
#include <functional>
#include <numeric>

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

/// Rows that share beginnings of many lengths: none, a few tokens, whole pages, everything.
std::vector<GenerateRequest> make_relatives(const Model& model) {
  const auto vocabulary = static_cast<int32_t>(model.spec().vocab_size);
  const std::vector<int32_t> trunk = random_integers(100, 77, vocabulary);
  std::vector<GenerateRequest> requests;
  const auto add = [&](int64_t common, int64_t own, uint32_t sample, int64_t limit, int64_t least) {
    std::vector<int32_t> tokens(trunk.begin(), trunk.begin() + common);
    for (int32_t token : random_integers(own, static_cast<uint64_t>(100 + common), vocabulary)) tokens.push_back(token);
    requests.push_back({"row " + std::to_string(common), tokens, sample, limit, least});
  };
  for (int64_t common : {0, 1, 31, 32, 33, 45, 63, 64, 65, 90, 99}) add(common, 3 + common % 7, 0, 12 + common % 20, common % 9);
  for (uint32_t sample = 0; sample < 4; ++sample) add(64, 0, sample, 25, 0);
  for (uint32_t sample = 1; sample < 4; ++sample) add(45, 3, sample, 25, 4);
  return requests;
}

struct Arrangement {
  PrefixMode prefixes;
  DraftMode drafts;
  int64_t max_sequences, rows_per_step, cache_pages;
};

/// What all arrangements must answer alike: sampled, penalised, ended by a token or not, with an adapter or not.
std::vector<GenerateOptions> make_samplings(const Adapter* adapter) {
  GenerateOptions greedy{nullptr, 1, {}, {}, {}, 64, 256};
  GenerateOptions warm = greedy;
  warm.sampling = {0.9, 40, 0.95, 0.01, 1.0};
  warm.end_tokens = {5, 17, 60};
  GenerateOptions penalised = warm;
  penalised.sampling = {0.7, 0, 1.0, 0, 1.3};
  penalised.adapter = adapter;
  return {greedy, warm, penalised};
}

void check_arrangements(const std::string& backend, int threads, const std::vector<Arrangement>& arrangements) {
  const auto oracle_model = make_tiny_model(backend, 1);
  const auto oracle_adapter = make_tiny_adapter(*oracle_model);
  const auto model = make_tiny_model(backend, threads);
  const auto adapter = make_tiny_adapter(*model);
  Decoder oracle(*oracle_model, 256), decoder(*model, 256);
  const std::atomic<bool> cancelled{false};
  std::vector<GenerateRequest> requests = make_relatives(*model);
  const std::vector<GenerateOptions> alone_samplings = make_samplings(oracle_adapter.get()), samplings = make_samplings(adapter.get());
  for (size_t s = 0; s < samplings.size(); ++s) {
    GenerateOptions alone = alone_samplings[s];
    alone.prefixes = PrefixMode::apart;
    alone.drafts = DraftMode::off;
    std::vector<GenerateResult> expected;
    for (GenerateRequest& request : requests) {
      request.draft.clear();
      expected.push_back(generate(oracle, *oracle_model, {request}, alone, nullptr, {nullptr, cancelled})[0]);
    }
    // References: the answer itself, one with errors in it, a wrong one, none.
    for (size_t i = 0; i < requests.size(); ++i) {
      requests[i].draft = expected[i].tokens;
      if (i % 4 == 1) {
        for (size_t t = 3; t < requests[i].draft.size(); t += 5) requests[i].draft[t] = (requests[i].draft[t] + 1) % 83;
      }
      if (i % 4 == 2) requests[i].draft = random_integers(30, i, 83);
      if (i % 4 == 3) requests[i].draft.clear();
    }
    for (const Arrangement& arrangement : arrangements) {
      GenerateOptions options = samplings[s];
      options.prefixes = arrangement.prefixes;
      options.drafts = arrangement.drafts;
      options.max_sequences = arrangement.max_sequences;
      options.rows_per_step = arrangement.rows_per_step;
      options.cache_bytes = arrangement.cache_pages * KvCache::page_bytes(*model, CacheForm::reals);
      std::vector<std::vector<int32_t>> streamed(requests.size());
      GenerateProgress last;
      const auto follow = [&](GenerateProgress progress) {
        for (size_t i = 0; i < progress.indices.size(); ++i) streamed[progress.indices[i]].push_back(progress.tokens[i]);
        last = std::move(progress);
      };
      const std::vector<GenerateResult> results = generate(decoder, *model, requests, options, nullptr, {follow, cancelled});
      int64_t prompt_tokens = 0;
      for (size_t i = 0; i < requests.size(); ++i) {
        CHECK(results[i].tokens == expected[i].tokens);
        CHECK(results[i].finish == expected[i].finish);
        CHECK(streamed[i] == expected[i].tokens);
        prompt_tokens += static_cast<int64_t>(requests[i].tokens.size());
      }
      CHECK(last.prompt_tokens == prompt_tokens);
      CHECK(last.accepted <= last.drafted);
      CHECK((last.drafted > 0) == (arrangement.drafts == DraftMode::on));
    }
  }
}

constexpr PrefixMode kShared = PrefixMode::shared, kApart = PrefixMode::apart;
constexpr DraftMode kOff = DraftMode::off, kOn = DraftMode::on;
const std::vector<Arrangement> kArrangements{{kApart, kOff, 64, 256, 1000}, {kShared, kOff, 64, 256, 1000}, {kApart, kOn, 64, 256, 1000},
                                             {kShared, kOn, 64, 256, 1000}, {kShared, kOn, 3, 11, 1000},    {kShared, kOn, 64, 33, 8},
                                             {kShared, kOff, 5, 64, 4},     {kShared, kOn, 1, 7, 0}};

}  // namespace

CASE("scheduler.reference answers don't depend on the arrangement") { check_arrangements("reference", 1, {kArrangements[3], kArrangements[5]}); }
CASE("scheduler.cpu answers don't depend on the arrangement, one thread") { check_arrangements("cpu", 1, kArrangements); }
CASE("scheduler.cpu answers don't depend on the arrangement, two threads") { check_arrangements("cpu", 2, {kArrangements[3], kArrangements[4]}); }
CASE("scheduler.cpu answers don't depend on the arrangement, three threads") { check_arrangements("cpu", 3, {kArrangements[3], kArrangements[6]}); }

CASE("scheduler.common beginnings are read once") {
  const auto model = make_tiny_model("reference", 1);
  Decoder decoder(*model, 256);
  const std::atomic<bool> cancelled{false};
  const std::vector<int32_t> prompt = random_integers(70, 1, 83);
  std::vector<GenerateRequest> requests;
  for (uint32_t sample = 0; sample < 8; ++sample) requests.push_back({"a", prompt, sample, 1, 0});
  GenerateOptions options{nullptr, 1, {}, {}, {}, 8, 10};
  for (PrefixMode prefixes : {kShared, kApart}) {
    options.prefixes = prefixes;
    int64_t steps = 0;
    generate(decoder, *model, requests, options, nullptr, {[&](const GenerateProgress&) { ++steps; }, cancelled});
    // 70 rows by tens, then one row for each other sample; or 560 rows by tens.
    CHECK(steps == (prefixes == kShared ? 8 : 56));
  }
}

CASE("scheduler.drafts save steps") {
  const auto model = make_tiny_model("reference", 1);
  Decoder decoder(*model, 64);
  const std::atomic<bool> cancelled{false};
  GenerateOptions options{nullptr, 1, {1, 0, 1, 0, 1}, {}, {}, 8, 64};
  std::vector<GenerateRequest> requests{{"a", {1, 2, 3}, 0, 40, 0}};
  const auto run = [&](int64_t& steps, GenerateProgress& last) {
    return generate(decoder, *model, requests, options, nullptr,
                    {[&](GenerateProgress progress) {
                       ++steps;
                       last = std::move(progress);
                     },
                     cancelled});
  };
  int64_t plain = 0, drafting = 0;
  GenerateProgress last;
  const std::vector<GenerateResult> expected = run(plain, last);
  CHECK(plain == 40 && last.drafted == 0);
  requests[0].draft = expected[0].tokens;
  options.drafts = DraftMode::on;
  CHECK(run(drafting, last)[0].tokens == expected[0].tokens);
  CHECK(drafting == 4);  // 1, then 13 at a time
  CHECK(last.drafted == 36 && last.accepted == 36);
  requests[0].draft.push_back(83);
  check_throws("tokens", [&] { run(drafting, last); });
}

CASE("scheduler.rows without a reference draft from themselves") {
  const auto model = make_tiny_model("cpu", 2);
  Decoder decoder(*model, 64);
  const std::atomic<bool> cancelled{false};
  GenerateOptions options{nullptr, 1, {}, {}, {}, 8, 64};
  const std::vector<int32_t> prompt = random_integers(12, 3, 83);
  const std::vector<GenerateRequest> requests{{"a", prompt, 0, 60, 0}};  // greedy: it goes in circles
  std::vector<int32_t> plain;
  for (DraftMode drafts : {DraftMode::off, DraftMode::automatic, DraftMode::on}) {
    options.drafts = drafts;
    int64_t steps = 0;
    GenerateProgress last;
    const auto count = [&](GenerateProgress progress) {
      ++steps;
      last = std::move(progress);
    };
    const std::vector<int32_t> tokens = generate(decoder, *model, requests, options, nullptr, {count, cancelled})[0].tokens;
    if (drafts == DraftMode::off) {
      plain = tokens;
      CHECK(steps == 60 && last.drafted == 0);
      continue;
    }
    CHECK(tokens == plain);
    CHECK(steps == 60 - last.accepted && last.accepted > 10);
  }
}

CASE("scheduler.drafts keep to the logits that are planned for") {
  const auto model = make_tiny_model("reference", 1);
  Decoder decoder(*model, 256);
  const std::atomic<bool> cancelled{false};
  GenerateOptions options{nullptr, 1, {}, {}, {}, 64, 256};
  options.drafts = DraftMode::on;
  std::vector<GenerateRequest> requests;
  for (uint64_t i = 0; i < 12; ++i) requests.push_back({"a" + std::to_string(i), random_integers(12, i, 83), 0, 60, 0});
  int64_t before = 0, most = 0, running = 12;
  const auto follow = [&](const GenerateProgress& progress) {
    most = std::max(most, running + progress.drafted - before);
    before = progress.drafted;
    running -= static_cast<int64_t>(progress.finished.size());
  };
  generate(decoder, *model, requests, options, nullptr, {follow, cancelled});
  CHECK(most == 64);
}

CASE("scheduler.rows draft from their prompts") {
  const auto model = make_tiny_model("reference", 1);
  Decoder decoder(*model, 128);
  const std::atomic<bool> cancelled{false};
  GenerateOptions options{nullptr, 1, {}, {}, {}, 8, 128};
  options.drafts = DraftMode::on;
  std::vector<int32_t> every(83);
  std::iota(every.begin(), every.end(), 0);
  int64_t drafted = 0;
  every.push_back(0);  // whatever the first new token is, it stands in the prompt with another after it
  generate(decoder, *model, {{"a", every, 0, 3, 0}}, options, nullptr, {[&](const GenerateProgress& progress) { drafted = progress.drafted; }, cancelled});
  CHECK(drafted > 0);
}

CASE("scheduler.rows wait for pages and answer alike") {
  const auto model = make_tiny_model("reference", 1);
  Decoder decoder(*model, 128);
  GenerateOptions options{nullptr, 1, {}, {}, {}, 20, 128};
  options.sampling.temperature = 1;
  std::vector<int32_t> finished;
  const std::vector<GenerateResult> roomy = run(*model, decoder, options, finished);
  CHECK(finished.size() == roomy.size());
  for (int64_t bytes : {int64_t{0}, 5 * KvCache::page_bytes(*model, CacheForm::reals), 11 * KvCache::page_bytes(*model, CacheForm::reals)}) {
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
