// Whether sequences that begin alike may share the keys and values of those tokens.
#pragma once
#include <algorithm>

#include "model/spec.h"

namespace sdft {

enum class PrefixMode { shared, apart };

/// A dynamic rope turns by the sequence's length, so that equal tokens have other keys in each: then `apart` whatever is wished.
inline PrefixMode prefix_mode(const ModelSpec& spec, PrefixMode wished) {
  const bool dynamic = std::any_of(spec.ropes.begin(), spec.ropes.end(), [](const RopeSpec& rope) { return rope.dynamic.original_max_positions != 0; });
  return dynamic ? PrefixMode::apart : wished;
}

}  // namespace sdft
