// The roof: how many multiply-adds in f32 this machine does when nothing else is in the way, and how fast it reads memory.
#pragma once
#include <string>

namespace sdft::measuring {

struct Roof {
  double gflops;                // multiply and add counted as two
  std::string instruction_set;  // the one that reached it
  double gigabytes_per_second;  // read from memory
};

/// Of so many threads at once. Arithmetic: the best of all instruction sets of this processor. Memory: buffers far larger than any cache, one stream
/// a thread or four, which is quicker; 128 MB a thread are taken meanwhile.
Roof measure_roof(int threads);

/// GFLOP/s of so many threads at this moment: the best of a few bursts of some milliseconds.
double multiply_adds_now(int threads);

}  // namespace sdft::measuring
