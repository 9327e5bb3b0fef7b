// Inside the engine: fibers, the block that runs, and the queue of those that can go on. Never compiled with a sanitizer; the kernels' files may be.
#pragma once
#include <exception>
#include <memory>
#include <string>
#include <vector>

#include "cuda_emulator.h"

#if !defined(__x86_64__)
#define EMULATOR_UCONTEXT
#include <ucontext.h>
#endif

extern "C" {  // there only when the program is linked with a sanitizer
__attribute__((weak)) void* __tsan_create_fiber(unsigned);
__attribute__((weak)) void* __tsan_get_current_fiber(void);
__attribute__((weak)) void __tsan_switch_to_fiber(void*, unsigned);
__attribute__((weak)) void __tsan_acquire(void*);
__attribute__((weak)) void __tsan_release(void*);
__attribute__((weak)) void __tsan_read2(void*);
__attribute__((weak)) void __tsan_read4(void*);
__attribute__((weak)) void __sanitizer_start_switch_fiber(void**, const void*, size_t);
__attribute__((weak)) void __sanitizer_finish_switch_fiber(void*, const void**, size_t*);
}

namespace emulator {

constexpr size_t kMostThreads = 1024;

struct PendingCopy {
  void* to;
  const void* from;
  size_t bytes, read_bytes;
  unsigned group;
};

enum class State : uint8_t { ready, at_barrier, in_meeting, done };

struct Fiber : Thread {
  void* stack_pointer = nullptr;
  State state = State::done;
  unsigned number = 0;
  const char *waits_in = "", *waits_file = nullptr;
  int waits_line = 0;
  unsigned waits_mask = 0, copy_group = 0;
  std::vector<PendingCopy> copies;
  void *tsan = nullptr, *fake_stack = nullptr;
  char* stack = nullptr;
  size_t stack_bytes = 0;
#ifdef EMULATOR_UCONTEXT
  ucontext_t context;
#endif
};

/// Lanes with one mask that meet. Two generations of slots, so that a fast lane cannot overwrite what a slow one still reads.
struct Lanes {
  unsigned mask = 0, arrived = 0, generation = 0;
  Meeting meeting = Meeting::shuffle;
  const char* file = nullptr;
  int line = 0;
  Slot slots[2][32];
  char edge[2] = {};  // for ThreadSanitizer
};
struct Warp {
  std::vector<std::unique_ptr<Lanes>> groups;
  unsigned alive = 0;
};
struct SharedArray {
  const void* tag;
  void* memory;
  size_t bytes;
};

/// What a resident block needs. Two alternate, so that ThreadSanitizer sees races between neighbouring blocks.
struct Resident {
  std::vector<std::unique_ptr<Fiber>> fibers;
  std::vector<Warp> warps;
  Block block{};
  void* dynamic = nullptr;
  size_t dynamic_bytes = 0;
  std::vector<SharedArray> arrays;
  uint64_t launch = 0, blocks = 0;
  char edge[2] = {};
};

struct Engine {
  Resident residents[2];
  Resident* resident = nullptr;
  const std::function<void()>* body = nullptr;
  const char* kernel = "";
  unsigned threads = 0, alive = 0;
  std::vector<uint16_t> ready;  // a ring
  size_t head = 0, count = 0;
  uint64_t random = 1;
  unsigned priority[32] = {};
  unsigned waiting = 0, generation = 0;  // at the barrier
  const char* barrier_file = nullptr;
  int barrier_line = 0;
  char barrier_edge[2] = {};
  Fiber main;
  Fiber* running = nullptr;
  std::exception_ptr failure;
  std::string report;
  const void* main_stack = nullptr;
  size_t main_stack_bytes = 0;
  char start_edge = 0, end_edge = 0;
  uint64_t launch = 0;
  ~Engine();

  Warp& warp_of(const Fiber& fiber) { return resident->warps[fiber.warp]; }
  void push(unsigned fiber);
  Fiber* pop();
  void switch_to(Fiber* fiber);
  /// Gives the turn away until someone makes this fiber ready.
  void wait(State state, const char* what, unsigned mask, const char* file, int line);
  /// Ends the block: all other fibers stay where they are.
  [[noreturn]] void abandon(const std::string& report);
  void release_barrier();
  void run_block(Resident& into, const Launch& launch, uint3 index);
};
Engine& engine();

std::string place(const char* file, int line);
inline void acquire(void* edge) {
  if (__tsan_acquire) __tsan_acquire(edge);
}
inline void release(void* edge) {
  if (__tsan_release) __tsan_release(edge);
}
void* take_shared(size_t bytes, size_t alignment);
void give_shared(void* memory, size_t bytes);
/// NaN in every format.
void poison(void* memory, size_t bytes);

}  // namespace emulator
