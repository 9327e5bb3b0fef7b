#include "sampling/sequence.h"

#include <algorithm>

namespace sdft {
namespace {

/// The end tokens while the answer, with the new token, is shorter than its minimum.
const std::vector<int32_t>& forbidden_at(const Sequence& sequence, int64_t answered, const DrawRules& rules) {
  static const std::vector<int32_t> kNone;
  return answered < sequence.minimum ? rules.end_tokens : kNone;
}

/// Appends what `draw` says of each row, as long as it is what was drafted.
template <class Draw>
Drawn follow(Sequence& sequence, const DrawRules& rules, const std::vector<int32_t>& drafts, const Draw& draw) {
  Drawn drawn;
  const auto drafted = static_cast<int64_t>(drafts.size());
  for (int64_t row = 0; row <= drafted; ++row) {
    const int32_t token = draw(row);
    // The prompt's own step draws the first token, so that it never is a draft.
    if (sequence.decoding() && sequence.drafter.available() > 0) drawn.guesses.push_back({sequence.drafter.support(), sequence.drafter.guess(0) == token});
    sequence.drafter.follow(token);
    sequence.tokens.push_back(token);
    ++drawn.count;
    const bool may_stop = sequence.answered() >= sequence.minimum;
    const bool ends = std::find(rules.end_tokens.begin(), rules.end_tokens.end(), token) != rules.end_tokens.end();
    const bool matched = rules.vocabulary != nullptr && sequence.stop.append(rules.vocabulary->bytes(token));
    const bool stops = may_stop && (ends || matched);
    drawn.ended = stops || static_cast<int64_t>(sequence.tokens.size()) == sequence.length;
    drawn.finish = stops ? Finish::stop : Finish::length;
    if (drawn.ended || row == drafted || drafts[static_cast<size_t>(row)] != token) break;
  }
  sequence.position = static_cast<int64_t>(sequence.tokens.size()) - 1;
  return drawn;
}

}  // namespace

std::vector<TokenDraw> plan_draws(const Sequence& sequence, const DrawRules& rules, const std::vector<int32_t>& drafts) {
  std::vector<TokenDraw> draws;
  std::vector<int32_t> seen;
  const bool penalises = sequence.sampler.options().repetition_penalty != 1;
  if (penalises) seen = sequence.tokens;
  for (size_t row = 0; row <= drafts.size(); ++row) {
    const int64_t position = sequence.answered() + static_cast<int64_t>(row);
    draws.push_back({sequence.sampler.key(), sequence.sampler.sample(), position, seen, forbidden_at(sequence, position, rules)});
    if (penalises && row < drafts.size()) seen.push_back(drafts[row]);
  }
  return draws;
}

Drawn draw_tokens(Sequence& sequence, const DrawRules& rules, const DrawRows& rows, SamplingWorkspace& workspace) {
  return follow(sequence, rules, rows.drafts, [&](int64_t row) {
    const std::vector<int32_t>& forbidden = forbidden_at(sequence, sequence.answered(), rules);
    return sequence.sampler.choose({rows.logits + row * rows.stride, rows.vocabulary, sequence.tokens, forbidden, sequence.answered()}, workspace);
  });
}

Drawn take_tokens(Sequence& sequence, const DrawRules& rules, const std::vector<int32_t>& drafts, const int32_t* tokens, int64_t vocabulary) {
  return follow(sequence, rules, drafts, [&](int64_t row) { return require_drawn(tokens[row], vocabulary); });
}

}  // namespace sdft
