// A backend that passes every call on to another and adds up what it cost: calls, seconds, arithmetic, memory traffic. For one caller at a time, as all
// backends are; it waits for each kernel, so that an asynchronous device is measured too.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "kernels/backend.h"

namespace sdft {

/// The sum of all calls of one kernel; a product with frozen weights has a row for each shape of weight.
struct ProfileRow {
  std::string kernel;  // the method's name in backend.h; products add `576 to 1536`, inputs to outputs
  int64_t calls;
  int64_t rows;        // of the step, over all calls
  double seconds;
  double flop;         // of products and attention, a multiply-add counted as two; 0 for kernels that only pass over memory
  double bytes;        // weights read and activations in and out, each once a call
};

/// Results stay the same to the bit.
std::unique_ptr<Backend> make_profiled(std::unique_ptr<Backend> backend);

/// The longest first; nothing for a backend that make_profiled did not make. Not while a call runs.
std::vector<ProfileRow> profile_of(const Backend& backend);

}  // namespace sdft
