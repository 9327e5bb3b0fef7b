// Generating many sequences at once: continuous batching over a paged cache. Prompts enter in chunks beside rows that already decode, a finished row's place
// is taken at once, and what a row says does not depend on which others run beside it. Tokens that prompts begin with in common are computed once, whichever
// prompts they are; rows draft from a reference answer, their prompt and what they have said where that pays. Neither changes a bit of any answer.
#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "model/decoder.h"
#include "sampling/page_pool.h"
#include "sampling/sequence.h"

namespace sdft {

struct GenerateRequest {
  std::string id;  // with seed and sample it keys the row's random words
  std::vector<int32_t> tokens;
  uint32_t sample;
  int64_t max_new_tokens, min_new_tokens;
  std::vector<int32_t> draft{};  // tokens that the answer may repeat, such as a reference answer's
};

struct GenerateOptions {
  const Adapter* adapter;
  uint64_t seed;
  SamplingOptions sampling;
  std::vector<int32_t> end_tokens;
  std::vector<std::string> stop_strings;
  int64_t max_sequences, rows_per_step;
  /// Most bytes of keys and values; always at least the longest row's. Rows that don't fit wait.
  int64_t cache_bytes = int64_t{1} << 30;
  Compute compute = Compute::f32;
  DraftMode drafts = DraftMode::automatic;
  PrefixMode prefixes = PrefixMode::shared;
};

struct GenerateResult {
  std::vector<int32_t> tokens;  // an end token included
  Finish finish;
};

/// What became known in one step.
struct GenerateProgress {
  std::vector<int32_t> indices, tokens;  // per entry: a request and its new token; several of one request stand in their order
  std::vector<int32_t> finished;         // requests that ended
  int64_t prompt_tokens;                 // read so far, of all requests; shared ones count for each
  int64_t drafted, accepted;             // tokens drafted so far, and those of them that were drawn
};

struct GenerateHooks {
  std::function<void(GenerateProgress)> progress;
  /// Looked at before each step; once set, rows that have not ended come back as cancelled with what they have.
  const std::atomic<bool>& cancelled;
};

/// Results in the order of the requests. Rows are admitted longest (prompt plus limit) first, equal ones in their order; a row is admitted only when its
/// pages up to its limit are free for it, so that a running row never lacks one. Throws before any work: Error("tokens") for an empty prompt or an unknown
/// token (drafts too), Error("context") where prompt plus limit is longer than the model's context, each naming the row's id; Error("compute") for integer products of weights without integers; Error("sampling") for an option out of range.
/// The decoder must hold rows_per_step rows. vocabulary is needed with stop strings only.
std::vector<GenerateResult> generate(Decoder& decoder, const Model& model, const std::vector<GenerateRequest>& requests, const GenerateOptions& options,
                                     const Vocabulary* vocabulary, const GenerateHooks& hooks);

}  // namespace sdft
