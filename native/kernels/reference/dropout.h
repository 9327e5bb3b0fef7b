// Dropout whose mask is a pure function of (seed, example, step, stream, position, channel), so that a backward pass draws it again.
#pragma once
#include "base/philox.h"
#include "kernels/backend.h"
#include "kernels/reference/matrix.h"

namespace sdft::reference {

template <class Real>
void dropout(Matrix<Real> out, Matrix<Real> x, const DropoutKey& key, Write write) {
  for (int64_t r = 0; r < x.rows; ++r) {
    const uint64_t low = static_cast<uint32_t>(key.example_low.data[r]), high = static_cast<uint32_t>(key.example_high.data[r]);
    const PhiloxKey row_key = philox_key(key.seed, high << 32 | low);
    for (int64_t c = 0; c < x.cols; ++c) {
      const auto words = philox({static_cast<uint32_t>(Purpose::dropout) | key.stream << 8, key.step, static_cast<uint32_t>(key.positions.data[r]),
                                 static_cast<uint32_t>(c / 4)},
                                row_key);
      const bool kept = uniform(words[static_cast<size_t>(c % 4)]) >= key.probability;
      const double value = kept ? x(r, c) / (1 - key.probability) : 0;
      out(r, c) = static_cast<Real>(write == Write::add ? out(r, c) + value : value);
    }
  }
}

}  // namespace sdft::reference
