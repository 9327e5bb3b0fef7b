// One line of JSON for each figure, as every program of bench/ prints it, and the clock.
#pragma once
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

namespace sdft::bench {

inline double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Median seconds of one call: after a warm-up, at least `least` calls and a fifth of a second of them.
template <typename Work>
double median_seconds(int least, Work work) {
  work();
  std::vector<double> times;
  const double started = seconds_now();
  while (static_cast<int>(times.size()) < least || seconds_now() - started < 0.2) {
    const double before = seconds_now();
    work();
    times.push_back(seconds_now() - before);
  }
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

/// `1 thread`, `2 threads`: the end of every metric here, by which a product finds its peak.
inline std::string thread_words(int threads) { return std::to_string(threads) + (threads == 1 ? " thread" : " threads"); }

/// `details` is a JSON object. Names here hold nothing that JSON would want escaped.
inline void print_measurement(const std::string& system, const std::string& metric, const std::string& unit, double value,
                              const std::string& details = "{}") {
  std::printf("{\"system\":\"%s\",\"metric\":\"%s\",\"unit\":\"%s\",\"value\":%.6g,\"details\":%s}\n", system.c_str(),
              metric.c_str(), unit.c_str(), value, details.c_str());
  std::fflush(stdout);
}

}  // namespace sdft::bench
