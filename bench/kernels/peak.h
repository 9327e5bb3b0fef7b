// The roof: how many multiply-adds in f32 this machine does when nothing else is in the way, and how fast it reads memory.
#pragma once
#include <string>

namespace sdft::bench {

struct Peak {
  double gflops;               // multiply and add counted as two
  std::string instruction_set;  // the one that reached it
};

/// Of so many threads at once, over all instruction sets of this processor.
Peak measure_multiply_add_peak(int threads);
/// GB/s that so many threads read from a buffer far larger than any cache, four streams each.
double measure_memory_read(int threads);

}  // namespace sdft::bench
