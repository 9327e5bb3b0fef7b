// A row that runs, and drawing its next tokens from logits. Rows don't touch each other in that, so that several threads can draw.
#pragma once
#include <cstdint>
#include <vector>

#include "sampling/drafter.h"
#include "sampling/page_tree.h"
#include "sampling/sampler.h"
#include "sampling/stop_matcher.h"
#include "sampling/vocabulary.h"

namespace sdft {

enum class Finish { stop, length, cancelled };

struct Sequence {
  int32_t request;
  int64_t prompt, length;       // tokens of the prompt; prompt plus limit
  int64_t minimum;              // new tokens before it may stop
  std::vector<int32_t> tokens;  // prompt and answer so far
  Sampler sampler;
  StopMatcher stop;
  Drafter drafter;
  int64_t position = 0;         // of the next token to go through the model
  std::vector<int32_t> pages{};  // those before first_own are shared and whole
  int64_t first_own = 0;
  std::vector<PageNode*> nodes{};  // own pages that others may share, from first_own on; empty once the prompt is read
  PrefixMatch prefix{};            // what it shares, until that is read and its part copied
  bool running = true;

  int64_t pending() const { return static_cast<int64_t>(tokens.size()) - position; }
  int64_t answered() const { return static_cast<int64_t>(tokens.size()) - prompt; }
  bool decoding() const { return answered() > 0; }
};

/// What all rows of a job have in common when tokens are drawn.
struct DrawRules {
  const std::vector<int32_t>& end_tokens;
  const Vocabulary* vocabulary;  // null: no stop strings
};

/// Logits (1 + drafts, V) of a sequence's last token and of the drafted ones after it.
struct DrawRows {
  float* logits;  // used up
  int64_t stride, vocabulary;
  const std::vector<int32_t>& drafts;
};

struct Drawn {
  struct Guess {
    DraftSupport support;
    bool right;
  };
  int64_t count = 0;  // tokens appended to the sequence
  bool ended = false;
  Finish finish = Finish::length;
  std::vector<Guess> guesses{};  // what the drafter would have said of them
};

/// What each row's token depends on besides its logits, for a backend that draws by itself, as if all drafts came true.
std::vector<TokenDraw> plan_draws(const Sequence& sequence, const DrawRules& rules, const std::vector<int32_t>& drafts);

/// Appends the token drawn from the first row, and as long as it is the drafted one, that of the next: just what one row a step would have given.
Drawn draw_tokens(Sequence& sequence, const DrawRules& rules, const DrawRows& rows, SamplingWorkspace& workspace);
/// The same with the rows' tokens already drawn by plan_draws.
Drawn take_tokens(Sequence& sequence, const DrawRules& rules, const std::vector<int32_t>& drafts, const int32_t* tokens, int64_t vocabulary);

}  // namespace sdft
