// Independent chains of multiply-adds held in registers: enough of them (12) that latency times issue rate is covered.
#include "measuring/roof.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "kernels/cpu/memory.h"
#include "measuring/clock.h"

namespace sdft::measuring {
namespace {

constexpr int kChains = 12;
constexpr int64_t kRounds = 2'000'000;  // of kChains multiply-adds

typedef float Vector16 __attribute__((vector_size(64)));
typedef float Vector8 __attribute__((vector_size(32)));
typedef float Vector4 __attribute__((vector_size(16)));

// The chains converge to 1 (x · 0.5 + 0.5), so that no number ever slows the arithmetic down. Always inlined into a function that is compiled
// for its instruction set; the compiler may fuse here, and only here, because the file is built with -ffp-contract=fast.
template <typename Vector>
inline __attribute__((always_inline)) float chains() {
  Vector sums[kChains];
  for (int i = 0; i < kChains; ++i) sums[i] = Vector{} + static_cast<float>(i);
  const volatile float value = 0.5f;  // read at run time: nothing is computed beforehand
  const Vector half = Vector{} + value;
  for (int64_t round = 0; round < kRounds; ++round) {
    for (int i = 0; i < kChains; ++i) sums[i] = sums[i] * half + half;
  }
  Vector total{};
  for (int i = 0; i < kChains; ++i) total += sums[i];
  return total[0];
}

using Chains = float (*)();
struct Candidate {
  const char* name;
  int lanes;
  Chains run;
};

#if defined(__x86_64__)
__attribute__((target("avx512f"))) float chains_avx512() { return chains<Vector16>(); }
__attribute__((target("avx2,fma"))) float chains_avx2() { return chains<Vector8>(); }
std::vector<Candidate> candidates() {
  std::vector<Candidate> list;
  if (__builtin_cpu_supports("avx512f")) list.push_back({"AVX-512", 16, chains_avx512});
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) list.push_back({"AVX2", 8, chains_avx2});
  if (list.empty()) list.push_back({"SSE2", 4, chains<Vector4>});
  return list;
}
#else
std::vector<Candidate> candidates() { return {{"128-bit vectors", 4, chains<Vector4>}}; }
#endif

/// Seconds until the last of so many threads is done, from the moment when all have started.
template <typename Work>
double run_together(int threads, Work work) {
  std::atomic<int> waiting{0};
  std::vector<std::thread> others;
  const auto start_together = [&] {
    ++waiting;
    while (waiting < threads) {
    }
  };
  for (int i = 1; i < threads; ++i) {
    others.emplace_back([&, i] {
      start_together();
      work(i);
    });
  }
  start_together();
  const double before = seconds_now();
  work(0);
  for (std::thread& other : others) other.join();
  return seconds_now() - before;
}

struct Peak {
  double gflops;
  std::string instruction_set;
};

Peak measure_multiply_adds(int threads, int repeats) {
  Peak best{0, ""};
  for (const Candidate& candidate : candidates()) {
    std::atomic<float> sink{0};
    const auto once = [&] { return run_together(threads, [&](int) { sink = candidate.run(); }); };
    once();
    for (int repeat = 0; repeat < repeats; ++repeat) {
      const double gflops = 2.0 * kChains * candidate.lanes * kRounds * threads / once() / 1e9;
      if (gflops > best.gflops) best = {gflops, candidate.name};
    }
  }
  return best;
}

/// Reads all lines of memory, from kStreams places at once. Four short sums: they fit the registers of every processor.
template <int kStreams>
float read_all(const Vector4* data, int64_t lines) {
  constexpr int kParts = 4;
  Vector4 sums[kParts] = {};
  const int64_t each = lines / kStreams;
  for (int64_t i = 0; i < each; ++i) {
    for (int stream = 0; stream < kStreams; ++stream) {
      for (int part = 0; part < kParts; ++part) sums[part] += data[(stream * each + i) * kParts + part];
    }
  }
  return ((sums[0] + sums[1]) + (sums[2] + sums[3]))[0];
}

/// The better of one stream and four, in memory as weights have it.
double measure_memory_read(int threads) {
  constexpr int64_t kLine = 64, kLines = 2 << 20;  // in each thread: 128 MB
  const std::unique_ptr<void, void (*)(void*)> memory(cpu::allocate_aligned(threads * kLines * kLine), cpu::release_aligned);
  constexpr int64_t kVectors = kLines * kLine / int64_t{sizeof(Vector4)};
  Vector4* const data = static_cast<Vector4*>(memory.get());
  std::fill_n(data, threads * kVectors, Vector4{} + 1.0f);
  std::atomic<float> sink{0};
  double best = 0;
  for (int repeat = 0; repeat < 8; ++repeat) {
    for (float (*read)(const Vector4*, int64_t) : {read_all<1>, read_all<4>}) {
      const double seconds = run_together(threads, [&](int thread) { sink = read(data + thread * kVectors, kLines); });
      best = std::max(best, static_cast<double>(threads * kLines * kLine) / 1e9 / seconds);
    }
  }
  return best;
}

}  // namespace

Roof measure_roof(int threads) {
  const Peak peak = measure_multiply_adds(threads, 7);
  return {peak.gflops, peak.instruction_set, measure_memory_read(threads)};
}

double multiply_adds_now(int threads) { return measure_multiply_adds(threads, 3).gflops; }

}  // namespace sdft::measuring
