// The clock, and how often a kernel is called until its time is known.
#pragma once
#include <algorithm>
#include <chrono>
#include <vector>

namespace sdft::measuring {

inline double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Median seconds of one call: after a warm-up, at least `least` calls and `seconds` of them.
template <typename Work>
double median_seconds(int least, double seconds, Work work) {
  work();
  std::vector<double> times;
  const double started = seconds_now();
  while (static_cast<int>(times.size()) < least || seconds_now() - started < seconds) {
    const double before = seconds_now();
    work();
    times.push_back(seconds_now() - before);
  }
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

}  // namespace sdft::measuring
