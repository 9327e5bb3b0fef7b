// What generating and scoring demand of a sequence before any work starts. `name` says which one in the message.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "model/spec.h"

namespace sdft {

/// Throws Error("tokens") unless there is at least one token and all are of the vocabulary.
inline void check_tokens(const std::vector<int32_t>& tokens, const ModelSpec& spec, const std::string& name) {
  require(!tokens.empty(), "tokens", "Expected at least one token for " + name + " but received none.");
  for (int32_t token : tokens) {
    require(token >= 0 && token < spec.vocab_size, "tokens",
            "Expected token ids between 0 and " + std::to_string(spec.vocab_size - 1) + " for " + name + " but received " + std::to_string(token) + ".");
  }
}

/// Throws Error("context") when a sequence of this length has positions that the model does not.
inline void check_length(int64_t length, const ModelSpec& spec, const std::string& name) {
  require(length <= spec.max_positions, "context",
          "Expected at most " + std::to_string(spec.max_positions) + " tokens for " + name + " (the model's context) but it needs " + std::to_string(length) + ".");
}

}  // namespace sdft
