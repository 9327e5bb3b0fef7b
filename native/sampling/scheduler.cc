#include "sampling/scheduler.h"

#include <algorithm>
#include <memory>
#include <numeric>

#include "base/hash.h"
#include "sampling/check_tokens.h"
#include "sampling/page_pool.h"

namespace sdft {

namespace {

int64_t longest(const GenerateRequest& request) { return static_cast<int64_t>(request.tokens.size()) + request.max_new_tokens; }

/// Integer products are off by more than half precision is.
CacheForm cache_form(const GenerateOptions& options) { return options.compute == Compute::integer ? CacheForm::halves : CacheForm::reals; }

/// Rows of logits that a step may have for the sake of drafts: more sequences than that draft nothing. The plan of memory counts them.
constexpr int64_t kMostChecked = 64;

/// A sequence's place in a step.
struct Place {
  Sequence* sequence;
  int64_t first_wanted, drafted;
  std::vector<int32_t> drafts;
};

/// Pages for the rows that may run together: as many of the longest as there are places, within the cap, and at least the longest one.
int64_t pool_pages(const Model& model, const std::vector<GenerateRequest>& requests, const std::vector<int32_t>& order, const GenerateOptions& options) {
  int64_t pages = 0, first = 0;
  for (size_t i = 0; i < order.size() && static_cast<int64_t>(i) < options.max_sequences; ++i) {
    const int64_t need = pages_for(longest(requests[order[i]]));
    if (i == 0) first = need;
    pages += need;
  }
  return std::max(first, std::min(pages, options.cache_bytes / KvCache::page_bytes(model, cache_form(options))));
}

class Scheduler {
 public:
  Scheduler(Decoder& decoder, const Model& model, const std::vector<GenerateRequest>& requests, const GenerateOptions& options, const Vocabulary* vocabulary,
            const GenerateHooks& hooks)
      : decoder_(decoder), model_(model), requests_(requests), options_(options), vocabulary_(vocabulary), hooks_(hooks), results_(requests.size()) {
    options_.max_sequences = std::min(options_.max_sequences, options_.rows_per_step);
    for (int32_t i = 0; i < static_cast<int32_t>(requests.size()); ++i) {
      if (requests[i].max_new_tokens > 0) waiting_.push_back(i);
      else results_[i].finish = Finish::length;
    }
    std::stable_sort(waiting_.begin(), waiting_.end(), [&](int32_t a, int32_t b) { return longest(requests[a]) > longest(requests[b]); });
  }

  std::vector<GenerateResult> run() {
    if (waiting_.empty()) return std::move(results_);
    PagePool pages(model_, pool_pages(model_, requests_, waiting_, options_), cache_form(options_), options_.prefixes);
    pages_ = &pages;
    while (true) {
      if (hooks_.cancelled) break;
      while (next_ < waiting_.size() && static_cast<int64_t>(running_.size()) < options_.max_sequences && admit(waiting_[next_])) ++next_;
      if (running_.empty()) break;
      run_step();
    }
    for (const auto& sequence : running_) end(*sequence, Finish::cancelled);
    for (size_t i = next_; i < waiting_.size(); ++i) results_[waiting_[i]].finish = Finish::cancelled;
    return std::move(results_);
  }

 private:
  bool admit(int32_t index) {
    const GenerateRequest& request = requests_[index];
    auto sequence = std::make_unique<Sequence>(Sequence{index, static_cast<int64_t>(request.tokens.size()), longest(request), request.min_new_tokens,
                                                        request.tokens, make_sampler(request), StopMatcher(options_.stop_strings), Drafter()});
    if (!pages_->admit(*sequence)) return false;
    if (options_.drafts != DraftMode::off) sequence->drafter = Drafter(request.tokens, request.draft);
    prompt_tokens_ += sequence->position;
    running_.push_back(std::move(sequence));
    return true;
  }

  Sampler make_sampler(const GenerateRequest& request) const {
    return Sampler(options_.sampling, philox_key(options_.seed, fnv1a64(request.id)), request.sample);
  }

  /// One forward pass: a row for each sequence that decodes, with its drafts, then prompt chunks into what room is left, in the order of admission.
  void run_step() {
    Step step;
    step.adapter = options_.adapter;
    step.compute = options_.compute;
    step.cache = &pages_->cache();
    std::vector<Sequence*> decoding, reading;
    int64_t prompt_rows = 0;
    for (const auto& sequence : running_) {
      if (sequence->decoding()) {
        decoding.push_back(sequence.get());
        continue;
      }
      const int64_t before = sequence->position;
      if (pages_->ready(*sequence)) {
        reading.push_back(sequence.get());
        prompt_tokens_ += sequence->position - before;
        prompt_rows += sequence->pending();
      }
    }
    std::vector<Place> places;
    const std::vector<int64_t> drafted = choose_drafts(decoding, prompt_rows);
    for (size_t i = 0; i < decoding.size(); ++i) add_rows(step, places, *decoding[i], 1, drafted[i]);
    for (Sequence* sequence : reading) {
      const int64_t rows = std::min(options_.rows_per_step - static_cast<int64_t>(step.tokens.size()), sequence->pending());
      if (rows == 0) break;
      prompt_tokens_ += rows;
      add_rows(step, places, *sequence, rows, 0);
    }
    step.repeats = reading.empty();
    Tensor logits;
    if (places.empty()) decoder_.hidden(step);  // prompt chunks only: just their keys and values
    else logits = decoder_.logits(step);
    for (Sequence* sequence : reading) PagePool::publish(*sequence);
    GenerateProgress progress;
    if (logits) draw(logits, places, progress);
    progress.prompt_tokens = prompt_tokens_;
    progress.drafted = drafted_;
    progress.accepted = accepted_;
    running_.erase(std::remove_if(running_.begin(), running_.end(), [](const auto& sequence) { return !sequence->running; }), running_.end());
    if (hooks_.progress) hooks_.progress(std::move(progress));
  }

  /// In the room that prompts leave, and for so many rows of logits in all.
  std::vector<int64_t> choose_drafts(const std::vector<Sequence*>& decoding, int64_t prompt_rows) const {
    const auto running = static_cast<int64_t>(running_.size());
    const int64_t room = std::min(options_.rows_per_step - static_cast<int64_t>(decoding.size()) - prompt_rows, kMostChecked - running);
    std::vector<DraftSource> sources;
    for (const Sequence* sequence : decoding) sources.push_back({&sequence->drafter, sequence->length - static_cast<int64_t>(sequence->tokens.size()) - 1});
    const Backend& backend = model_.backend();
    const StepCost cost{[&](int64_t rows) { return backend.step_cost(rows, options_.compute); }, running, prompt_rows};
    return plan_drafts(sources, odds_, options_.drafts, cost, room);
  }

  /// Puts the sequence's next rows and its drafts into the step, and takes the pages that they need.
  void add_rows(Step& step, std::vector<Place>& places, Sequence& sequence, int64_t rows, int64_t drafted) {
    pages_->grow(sequence, sequence.position + rows + drafted);
    const auto start = static_cast<int64_t>(step.tokens.size());
    const auto first = sequence.tokens.begin() + sequence.position;
    step.tokens.insert(step.tokens.end(), first, first + rows);
    Place place{&sequence, static_cast<int64_t>(step.wanted.size()), drafted, {}};
    for (int64_t i = 0; i < drafted; ++i) place.drafts.push_back(sequence.drafter.guess(i));
    step.tokens.insert(step.tokens.end(), place.drafts.begin(), place.drafts.end());
    step.segments.push_back({-1, start, rows + drafted, sequence.position, sequence.pages.data()});
    step.sequence_lengths.push_back(sequence.length);
    sequence.position += rows;
    if (sequence.pending() > 0) return;
    for (int64_t i = 0; i <= drafted; ++i) step.wanted.push_back(static_cast<int32_t>(start + rows - 1 + i));
    places.push_back(std::move(place));
  }

  /// Draws the tokens of all places and ends the sequences that are done.
  void draw(Tensor logits, const std::vector<Place>& places, GenerateProgress& progress) {
    const DrawRules rules{options_.end_tokens, options_.stop_strings.empty() ? nullptr : vocabulary_};
    const std::vector<Drawn> drawn = model_.backend().draws_tokens() ? draw_on_device(logits, places, rules) : draw_on_host(logits, places, rules);
    for (size_t i = 0; i < places.size(); ++i) settle(*places[i].sequence, drawn[i], places[i].drafted, progress);
  }

  std::vector<Drawn> draw_on_device(Tensor logits, const std::vector<Place>& places, const DrawRules& rules) {
    std::vector<TokenDraw> draws;
    for (const Place& place : places)
      for (TokenDraw& draw : plan_draws(*place.sequence, rules, place.drafts)) draws.push_back(std::move(draw));
    std::vector<int32_t> tokens;
    model_.backend().draw_tokens(tokens, logits, draws, options_.sampling);
    std::vector<Drawn> drawn;
    for (const Place& place : places) drawn.push_back(take_tokens(*place.sequence, rules, place.drafts, tokens.data() + place.first_wanted, logits.cols));
    return drawn;
  }

  /// On the backend's threads.
  std::vector<Drawn> draw_on_host(Tensor logits, const std::vector<Place>& places, const DrawRules& rules) {
    Backend& backend = model_.backend();
    backend.synchronize();
    float* data = backend.host_view(logits);
    int64_t stride = logits.stride;
    if (data == nullptr) {
      logits_.resize(static_cast<size_t>(logits.rows * logits.cols));
      backend.download(logits_.data(), logits);
      data = logits_.data();
      stride = logits.cols;
    }
    std::vector<Drawn> drawn(places.size());
    workspaces_.resize(static_cast<size_t>(backend.host_workers()));
    backend.run_on_host(static_cast<int64_t>(places.size()), [&](int64_t task, int worker) {
      const Place& place = places[task];
      const DrawRows rows{data + place.first_wanted * stride, stride, logits.cols, place.drafts};
      drawn[task] = draw_tokens(*place.sequence, rules, rows, workspaces_[worker]);
    });
    return drawn;
  }

  void settle(Sequence& sequence, const Drawn& drawn, int64_t drafted, GenerateProgress& progress) {
    drafted_ += drafted;
    accepted_ += drawn.count - 1;
    for (const Drawn::Guess& guess : drawn.guesses) odds_.count(guess.support, guess.right);
    progress.indices.insert(progress.indices.end(), static_cast<size_t>(drawn.count), sequence.request);
    progress.tokens.insert(progress.tokens.end(), sequence.tokens.end() - drawn.count, sequence.tokens.end());
    if (!drawn.ended) return;
    progress.finished.push_back(sequence.request);
    end(sequence, drawn.finish);
  }

  /// Hands over the answer and gives the pages back; the sequence is done.
  void end(Sequence& sequence, Finish finish) {
    results_[sequence.request] = {{sequence.tokens.begin() + sequence.prompt, sequence.tokens.end()}, finish};
    pages_->release(sequence);
    sequence.running = false;
  }

  Decoder& decoder_;
  const Model& model_;
  const std::vector<GenerateRequest>& requests_;
  GenerateOptions options_;
  const Vocabulary* vocabulary_;
  const GenerateHooks& hooks_;
  std::vector<GenerateResult> results_;
  std::vector<int32_t> waiting_;  // requests, longest first
  size_t next_ = 0;               // of waiting_
  std::vector<std::unique_ptr<Sequence>> running_;
  PagePool* pages_ = nullptr;
  DraftOdds odds_;
  int64_t prompt_tokens_ = 0, drafted_ = 0, accepted_ = 0;
  std::vector<float> logits_;  // (wanted, V), where the backend's memory is not the host's
  std::vector<SamplingWorkspace> workspaces_;
};

void check_options(const GenerateOptions& options, const ModelSpec& spec, const Vocabulary* vocabulary) {
  const SamplingOptions& sampling = options.sampling;
  // Written so that a NaN fails too.
  require(sampling.temperature >= 0 && sampling.top_k >= 0 && sampling.top_p > 0 && sampling.top_p <= 1 && sampling.min_p >= 0 && sampling.min_p <= 1 &&
              sampling.repetition_penalty > 0,
          "sampling", "Expected temperature and top-k of at least 0, top-p above 0 and at most 1, min-p from 0 to 1 and a repetition penalty above 0.");
  require(options.max_sequences > 0 && options.rows_per_step > 0, "sampling", "Expected room for at least one sequence and one row in a step.");
  require(options.stop_strings.empty() || vocabulary, "vocabulary", "Stop strings need the tokens' bytes, which were not given.");
  for (int32_t token : options.end_tokens) {
    require(token >= 0 && token < spec.vocab_size, "tokens",
            "Expected end tokens between 0 and " + std::to_string(spec.vocab_size - 1) + " but received " + std::to_string(token) + ".");
  }
}

}  // namespace

std::vector<GenerateResult> generate(Decoder& decoder, const Model& model, const std::vector<GenerateRequest>& requests, const GenerateOptions& options,
                                     const Vocabulary* vocabulary, const GenerateHooks& hooks) {
  check_options(options, model.spec(), vocabulary);
  model.require_products(options.compute);
  for (const GenerateRequest& request : requests) {
    const std::string name = "row " + request.id;
    check_tokens(request.tokens, model.spec(), name);
    check_length(longest(request), model.spec(), name);
    if (!request.draft.empty()) check_tokens(request.draft, model.spec(), "the draft of " + name);
  }
  return Scheduler(decoder, model, requests, options, vocabulary, hooks).run();
}

}  // namespace sdft
