#include "sampling/scheduler.h"

#include <algorithm>
#include <memory>
#include <numeric>

#include "base/hash.h"
#include "sampling/check_tokens.h"

namespace sdft {

namespace {

int64_t pages_for(int64_t positions) { return (positions + kPageRows - 1) / kPageRows; }

int64_t longest(const GenerateRequest& request) { return static_cast<int64_t>(request.tokens.size()) + request.max_new_tokens; }

/// A row that runs: its pages, and how far its tokens have gone through the model.
struct Sequence {
  int32_t request;
  int64_t prompt, length;       // tokens of the prompt; prompt plus limit
  int64_t minimum;              // new tokens before it may stop
  std::vector<int32_t> tokens;  // prompt and answer so far
  int64_t position = 0;         // of the next token to go through the model
  std::vector<int32_t> pages;
  Sampler sampler;
  StopMatcher stop;

  int64_t pending() const { return static_cast<int64_t>(tokens.size()) - position; }
  int64_t answered() const { return static_cast<int64_t>(tokens.size()) - prompt; }
  bool decoding() const { return answered() > 0; }
};

/// Whole pages of first tokens that all waiting prompts have in common, so that they can be computed once and shared: the template's head, as a rule. Each
/// prompt keeps at least one token of its own. A dynamic rope turns by the sequence's length, so nothing can be shared then.
int64_t common_pages(const ModelSpec& spec, const std::vector<GenerateRequest>& requests, const std::vector<int32_t>& waiting) {
  if (waiting.size() < 2) return 0;
  for (const RopeSpec& rope : spec.ropes) {
    if (rope.dynamic.original_max_positions != 0) return 0;
  }
  const std::vector<int32_t>& first = requests[waiting.front()].tokens;
  size_t common = first.size();
  for (int32_t index : waiting) {
    const std::vector<int32_t>& tokens = requests[index].tokens;
    common = std::min(common, tokens.size() - 1);
    common = static_cast<size_t>(std::mismatch(first.begin(), first.begin() + static_cast<int64_t>(common), tokens.begin()).first - first.begin());
  }
  return static_cast<int64_t>(common) / kPageRows;
}

/// Pages for the rows that may run together: as many of the longest as there are places, within the cap, and at least the longest one.
int64_t pool_pages(const Model& model, const std::vector<GenerateRequest>& requests, const std::vector<int32_t>& order, const GenerateOptions& options) {
  int64_t pages = 0, first = 0;
  for (size_t i = 0; i < order.size() && static_cast<int64_t>(i) < options.max_sequences; ++i) {
    const int64_t need = pages_for(longest(requests[order[i]]));
    if (i == 0) first = need;
    pages += need;
  }
  return std::max(first, std::min(pages, options.cache_bytes / KvCache::page_bytes(model)));
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
    KvCache cache(model_, pool_pages(model_, requests_, waiting_, options_));
    cache_ = &cache;
    read_common_prefix();
    while (true) {
      if (hooks_.cancelled) break;
      admit();
      if (running_.empty()) break;
      run_step();
    }
    for (const auto& sequence : running_) end(*sequence, Finish::cancelled);
    for (size_t i = next_; i < waiting_.size(); ++i) results_[waiting_[i]].finish = Finish::cancelled;
    return std::move(results_);
  }

 private:
  /// Computes the keys and values of the tokens that all prompts begin with, once.
  void read_common_prefix() {
    const int64_t pages = common_pages(model_.spec(), requests_, waiting_);
    for (int64_t i = 0; i < pages; ++i) common_pages_.push_back(cache_->take());
    reserved_ = pages;
    const std::vector<int32_t>& tokens = requests_[waiting_.front()].tokens;
    for (int64_t position = 0; position < pages * kPageRows && !hooks_.cancelled;) {
      const int64_t rows = std::min(options_.rows_per_step, pages * kPageRows - position);
      Step step;
      step.adapter = options_.adapter;
      step.compute = options_.compute;
      step.cache = cache_;
      step.tokens.assign(tokens.begin() + position, tokens.begin() + position + rows);
      step.segments.push_back({-1, 0, rows, position, common_pages_.data()});
      step.sequence_lengths.push_back(longest(requests_[waiting_.front()]));
      decoder_.hidden(step);
      position += rows;
    }
  }

  /// Lets waiting rows in while there is a place, and pages for all that they may become.
  void admit() {
    while (next_ < waiting_.size() && static_cast<int64_t>(running_.size()) < options_.max_sequences) {
      const int32_t index = waiting_[next_];
      const GenerateRequest& request = requests_[index];
      const int64_t need = own_pages(longest(request));
      if (reserved_ + need > cache_->pages()) return;
      reserved_ += need;
      ++next_;
      for (int32_t page : common_pages_) cache_->share(page);
      const int64_t common = static_cast<int64_t>(common_pages_.size()) * kPageRows;
      prompt_tokens_ += common;
      running_.push_back(std::make_unique<Sequence>(Sequence{index, static_cast<int64_t>(request.tokens.size()), longest(request), request.min_new_tokens,
                                                             request.tokens, common, common_pages_, make_sampler(request), StopMatcher(options_.stop_strings)}));
    }
  }

  /// Pages of a row beyond the common ones.
  int64_t own_pages(int64_t positions) const { return pages_for(positions) - static_cast<int64_t>(common_pages_.size()); }

  Sampler make_sampler(const GenerateRequest& request) const {
    return Sampler(options_.sampling, philox_key(options_.seed, fnv1a64(request.id)), request.sample);
  }

  /// One forward pass: a row for each sequence that decodes, then prompt chunks into what room is left, in the order of admission.
  void run_step() {
    Step step;
    step.adapter = options_.adapter;
    step.compute = options_.compute;
    step.cache = cache_;
    std::vector<Sequence*> sampled;  // one for each wanted row
    for (const auto& sequence : running_) {
      if (sequence->decoding()) add_rows(step, sampled, *sequence, 1);
    }
    for (const auto& sequence : running_) {
      const int64_t room = options_.rows_per_step - static_cast<int64_t>(step.tokens.size());
      if (room > 0 && !sequence->decoding()) {
        const int64_t rows = std::min(room, sequence->pending());
        prompt_tokens_ += rows;
        add_rows(step, sampled, *sequence, rows);
      }
    }
    GenerateProgress progress;
    if (sampled.empty()) decoder_.hidden(step);  // prompt chunks only: just their keys and values
    else sample(decoder_.logits(step), sampled, progress);
    progress.prompt_tokens = prompt_tokens_;
    running_.erase(std::remove_if(running_.begin(), running_.end(), [](const auto& sequence) { return sequence->request < 0; }), running_.end());
    if (hooks_.progress) hooks_.progress(std::move(progress));
  }

  /// Puts the sequence's next rows into the step, and takes the pages that they need: reserved, so never refused.
  void add_rows(Step& step, std::vector<Sequence*>& sampled, Sequence& sequence, int64_t rows) {
    while (static_cast<int64_t>(sequence.pages.size()) < pages_for(sequence.position + rows)) sequence.pages.push_back(cache_->take());
    const int64_t start = static_cast<int64_t>(step.tokens.size());
    const auto first = sequence.tokens.begin() + sequence.position;
    step.tokens.insert(step.tokens.end(), first, first + rows);
    step.segments.push_back({-1, start, rows, sequence.position, sequence.pages.data()});
    step.sequence_lengths.push_back(sequence.length);
    sequence.position += rows;
    if (sequence.pending() > 0) return;
    step.wanted.push_back(static_cast<int32_t>(start + rows - 1));
    sampled.push_back(&sequence);
  }

  /// Draws a token for each wanted row and ends those that are done.
  void sample(Tensor logits, const std::vector<Sequence*>& sampled, GenerateProgress& progress) {
    logits_.resize(static_cast<size_t>(logits.rows * logits.cols));
    model_.backend().download(logits_.data(), logits);
    for (size_t i = 0; i < sampled.size(); ++i) {
      Sequence& sequence = *sampled[i];
      const int32_t token = choose(sequence, logits_.data() + static_cast<int64_t>(i) * logits.cols);
      const int32_t request = sequence.request;
      sequence.tokens.push_back(token);
      progress.indices.push_back(request);
      progress.tokens.push_back(token);
      const bool may_stop = sequence.answered() >= sequence.minimum;
      const bool ends = std::find(options_.end_tokens.begin(), options_.end_tokens.end(), token) != options_.end_tokens.end();
      const bool matched = !options_.stop_strings.empty() && sequence.stop.append(vocabulary_->bytes(token));
      if (may_stop && (ends || matched)) end(sequence, Finish::stop);
      else if (static_cast<int64_t>(sequence.tokens.size()) == sequence.length) end(sequence, Finish::length);
      if (sequence.request < 0) progress.finished.push_back(request);
    }
  }

  int32_t choose(const Sequence& sequence, float* logits) {
    static const std::vector<int32_t> kNone;
    const std::vector<int32_t>& forbidden = sequence.answered() < sequence.minimum ? options_.end_tokens : kNone;
    return sequence.sampler.choose({logits, model_.spec().vocab_size, sequence.tokens, forbidden, sequence.answered()}, workspace_);
  }

  /// Hands over the answer and gives the pages back; the sequence is done.
  void end(Sequence& sequence, Finish finish) {
    results_[sequence.request] = {{sequence.tokens.begin() + sequence.prompt, sequence.tokens.end()}, finish};
    for (int32_t page : sequence.pages) cache_->give_back(page);
    reserved_ -= own_pages(sequence.length);
    sequence.request = -1;
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
  KvCache* cache_ = nullptr;
  std::vector<int32_t> common_pages_;  // keys and values of the tokens that all prompts begin with
  int64_t reserved_ = 0;  // pages that the running rows may come to need
  int64_t prompt_tokens_ = 0;
  std::vector<float> logits_;  // (wanted, V)
  SamplingWorkspace workspace_;
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
  }
  return Scheduler(decoder, model, requests, options, vocabulary, hooks).run();
}

}  // namespace sdft
