// The emulator's engine. It reports, with file and line: threads at different barriers, a thread that leaves while others wait, collectives that name absent or
// departed lanes or that lanes reach at different places, deadlocks, matrix loads and asynchronous copies outside shared memory or misaligned, copies never
// waited for, more shared memory than allowed, and impossible launches. Shared memory begins as NaN in each block. A report is a std::runtime_error.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <tuple>

namespace emulator {

struct Thread {
  uint3 index;
  unsigned lane, warp;
};
struct Block {
  uint3 index;
  dim3 size, grid;
  unsigned char* dynamic;
};
extern thread_local Thread* this_thread;
extern thread_local Block* this_block;

/// The order in which threads get their turn: the first or the last that can run, or a warp as far ahead of the others as it can get, drawn anew at each
/// barrier.
enum class Order { forward, reverse, random };
/// Asynchronous copies and streams do their work as soon as they may or as late as they must.
enum class Timing { eager, lazy };
struct Settings {
  Order order = Order::forward;
  uint64_t seed = 1;
  Timing copies = Timing::lazy;
  Timing streams = Timing::eager;
};
extern Settings settings;

/// What ran, for tests of the tests.
struct Counts {
  uint64_t launches = 0, blocks = 0, threads = 0, barriers = 0, products = 0, matrix_loads = 0, bank_conflicts = 0, largest_shared = 0;
  uint64_t uploads = 0, allocations = 0;  // host to device; of device memory
  uint64_t captures = 0, replays = 0;
};
extern Counts counts;

/// The opt-in limit of the smallest target (sm_86, sm_89, sm_120), and what needs no opting in.
constexpr size_t kMostShared = 99 * 1024, kUsualShared = 48 * 1024;

struct Launch {
  dim3 grid, block;
  size_t dynamic_bytes;
  const char* name;
  const void* kernel;
};
void run(const Launch& launch, const std::function<void()>& body);
void allow_shared(const void* kernel, size_t bytes);

template <class... Parameters, class... Arguments>
std::function<void()> bind(void (*kernel)(Parameters...), const Arguments&... arguments) {
  return [kernel, copies = std::tuple<std::decay_t<Parameters>...>(arguments...)] { std::apply(kernel, copies); };
}

// ---- called from kernels
void barrier(const char* file, int line);
void warp_barrier(unsigned mask, const char* file, int line);
[[noreturn]] void fail(const std::string& what);
void* static_shared(const void* tag, size_t bytes, size_t alignment);
void copy_async(void* shared, const void* global, size_t bytes, size_t read_bytes);
void commit_copies();
void wait_copies(unsigned pending);

/// What the lanes of a warp meet for.
enum class Meeting { shuffle, vote, barrier, product, matrices };
struct alignas(16) Slot {
  uint32_t words[12];
};
/// Leaves a slot, waits for all lanes of the mask, and gets the slots of all: valid until the lane's next meeting.
const Slot* exchange(unsigned mask, Meeting meeting, const Slot& slot, const char* file, int line);
/// mma.sync.m16n8k16, bf16 and float32.
void multiply_add(float (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], const char* file, int line);
/// ldmatrix.x4, plain or transposed.
void load_matrices(bool transposed, uint32_t (&words)[4], const void* row, const char* file, int line);

template <class T>
EMULATOR_UNSEEN inline Slot to_slot(T value) {
  static_assert(sizeof(T) <= 8, "two registers at most");
  Slot slot;
  __builtin_memcpy(slot.words, &value, sizeof value);
  return slot;
}
template <class T>
EMULATOR_UNSEEN inline T of_slot(const Slot& slot) {
  T value;
  __builtin_memcpy(&value, slot.words, sizeof value);
  return value;
}
template <class T>
EMULATOR_UNSEEN inline T shuffle(unsigned mask, T value, int lane, const char* file, int line) {
  const Slot* slots = exchange(mask, Meeting::shuffle, to_slot(value), file, line);
  if ((mask >> lane & 1) == 0) fail("a shuffle reads from a lane outside its mask");
  return of_slot<T>(slots[lane]);
}

}  // namespace emulator
