// Which rows a step of the scorer has: sequences that begin alike share their first rows, as a tree of segments.
#pragma once
#include <cstdint>
#include <vector>

#include "kernels/tensor.h"
#include "sampling/prefix_mode.h"

namespace sdft {

struct ScoreRequest {
  std::vector<int32_t> tokens;
  int64_t from;  // log-probabilities are wanted of tokens[from…]; at least 1
};

/// Rows of one step. A sequence's last token has no row: nothing is predicted after it.
struct ScoreStep {
  std::vector<int32_t> tokens;
  std::vector<Segment> segments;
  std::vector<int32_t> wanted, targets;  // a row, ascending, and a token it is to predict; each such pair once
  struct Score {
    int64_t request, token;  // which token of which request
    int64_t pair;            // of wanted and targets
  };
  std::vector<Score> scores;
};

/// All requests that want something, packed into steps of at most `rows` rows and twice as many pairs; a longer sequence has a step of its own. `shared` sorts
/// them, so that those that begin alike stand together; `apart` gives each rows of its own.
std::vector<ScoreStep> plan_score(const std::vector<ScoreRequest>& requests, int64_t rows, PrefixMode prefixes);

}  // namespace sdft
