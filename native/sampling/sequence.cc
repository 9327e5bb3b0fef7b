#include "sampling/sequence.h"

#include <algorithm>

namespace sdft {

Drawn draw_tokens(Sequence& sequence, const DrawRules& rules, const DrawRows& rows, SamplingWorkspace& workspace) {
  static const std::vector<int32_t> kNone;
  Drawn drawn;
  for (int64_t row = 0; row <= rows.drafted; ++row) {
    const std::vector<int32_t>& forbidden = sequence.answered() < sequence.minimum ? rules.end_tokens : kNone;
    const int32_t token =
        sequence.sampler.choose({rows.logits + row * rows.stride, rows.vocabulary, sequence.tokens, forbidden, sequence.answered()}, workspace);
    if (sequence.drafter.available() > 0) drawn.guesses.push_back({sequence.drafter.agreeing(), sequence.drafter.guess(0) == token});
    sequence.drafter.follow(token);
    sequence.tokens.push_back(token);
    ++drawn.count;
    const bool may_stop = sequence.answered() >= sequence.minimum;
    const bool ends = std::find(rules.end_tokens.begin(), rules.end_tokens.end(), token) != rules.end_tokens.end();
    const bool matched = rules.vocabulary != nullptr && sequence.stop.append(rules.vocabulary->bytes(token));
    const bool stops = may_stop && (ends || matched);
    drawn.ended = stops || static_cast<int64_t>(sequence.tokens.size()) == sequence.length;
    drawn.finish = stops ? Finish::stop : Finish::length;
    if (drawn.ended || row == rows.drafted || rows.drafts[row] != token) break;
  }
  sequence.position = static_cast<int64_t>(sequence.tokens.size()) - 1;
  return drawn;
}

}  // namespace sdft
