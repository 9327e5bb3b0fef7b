// Fibers, their schedule, blocks and launches.
#include "fibers.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <stdexcept>

namespace emulator {

Settings settings;
Counts counts;
thread_local Thread* this_thread;
thread_local Block* this_block;

namespace {

/// Unwinds the thread that found what has been reported, so that its stack holds no memory any more.
struct Abandoned {};

constexpr size_t kStackBytes = 64 * 1024, kSanitizedStackBytes = 256 * 1024;

thread_local Engine the_engine;
std::map<const void*, size_t> allowed_shared;

uint64_t draw(uint64_t& state) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}

void shuffle_warps(Engine& e) {
  for (unsigned i = 0; i < 32; ++i) e.priority[i] = i;
  for (unsigned i = 31; i > 0; --i) std::swap(e.priority[i], e.priority[draw(e.random) % (i + 1)]);
}

#ifndef EMULATOR_UCONTEXT
extern "C" void emulator_switch(void** save, void* to);
asm(R"(
.text
.globl emulator_switch
.hidden emulator_switch
.type emulator_switch,@function
emulator_switch:
  pushq %rbp; pushq %rbx; pushq %r12; pushq %r13; pushq %r14; pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15; popq %r14; popq %r13; popq %r12; popq %rbx; popq %rbp
  ret
.size emulator_switch,.-emulator_switch
)");
#endif

/// Who waits where, each place once.
std::string waiting_places(Engine& e) {
  std::string text;
  int shown = 0;
  for (unsigned i = 0; i < e.threads && shown < 6; ++i) {
    const Fiber& fiber = *e.resident->fibers[i];
    if (fiber.state != State::at_barrier && fiber.state != State::in_meeting) continue;
    bool known = false;
    for (unsigned j = 0; j < i && !known; ++j) {
      const Fiber& other = *e.resident->fibers[j];
      known = other.state == fiber.state && other.waits_line == fiber.waits_line && other.waits_file == fiber.waits_file && other.waits_mask == fiber.waits_mask;
    }
    if (known) continue;
    ++shown;
    char mask[32] = "";
    if (fiber.waits_mask != 0) std::snprintf(mask, sizeof mask, " with mask %08x", fiber.waits_mask);
    text += "\n  thread " + std::to_string(i) + " waits in " + fiber.waits_in + mask + " at " + place(fiber.waits_file, fiber.waits_line);
  }
  return text;
}

void fiber_body(Engine& e, Fiber* self) {
  const unsigned parity = e.resident->blocks & 1;
  acquire(&e.start_edge);
  acquire(&e.resident->edge[parity]);
  try {
    (*e.body)();
  } catch (const Abandoned&) {
  } catch (...) {
    e.failure = std::current_exception();
  }
  release(&e.end_edge);
  release(&e.resident->edge[parity ^ 1]);
  if (!self->copies.empty() && !e.failure && e.report.empty()) e.report = std::string(e.kernel) + ": a thread left with asynchronous copies that it did not wait for";
  self->state = State::done;
  --e.alive;
  e.warp_of(*self).alive &= ~(1u << self->lane);
}

void fiber_main() {
  Engine& e = engine();
  Fiber* self = e.running;
  if (__sanitizer_finish_switch_fiber) {
    const void* stack;
    size_t bytes;
    __sanitizer_finish_switch_fiber(nullptr, &stack, &bytes);
    if (e.main_stack == nullptr) e.main_stack = stack, e.main_stack_bytes = bytes;
  }
  fiber_body(e, self);
  if (!e.failure && e.report.empty() && e.waiting > 0 && e.waiting == e.alive)
    e.report = std::string(e.kernel) + ": thread " + std::to_string(self->number) + " left while others wait at the barrier of " + place(e.barrier_file, e.barrier_line);
  Fiber* next = e.failure || !e.report.empty() ? nullptr : e.pop();
  if (next == nullptr && e.alive > 0 && !e.failure && e.report.empty())
    e.report = std::string("deadlock in ") + e.kernel + ": thread " + std::to_string(self->number) + " left, every other one waits" + waiting_places(e);
  release(&e.end_edge);
  e.switch_to(next != nullptr ? next : &e.main);
  std::abort();
}

void lay_stack(Fiber* fiber) {
  // Not all at the same cache lines.
  char* top = fiber->stack + fiber->stack_bytes - 64 - fiber->number % 61 * 192;
  top = reinterpret_cast<char*>(reinterpret_cast<uintptr_t>(top) & ~uintptr_t{15});
#ifdef EMULATOR_UCONTEXT
  getcontext(&fiber->context);
  fiber->context.uc_stack.ss_sp = fiber->stack;
  fiber->context.uc_stack.ss_size = static_cast<size_t>(top - fiber->stack);
  fiber->context.uc_link = nullptr;
  makecontext(&fiber->context, fiber_main, 0);
#else
  void** slots = reinterpret_cast<void**>(top);
  *--slots = nullptr;
  *--slots = reinterpret_cast<void*>(fiber_main);
  for (int i = 0; i < 6; ++i) *--slots = nullptr;
  fiber->stack_pointer = slots;
#endif
}

void prepare_memory(Engine& e, Resident& into, size_t dynamic_bytes) {
  if (into.launch != e.launch) {
    into.launch = e.launch;
    into.blocks = 0;
    give_shared(into.dynamic, into.dynamic_bytes);
    into.dynamic = take_shared(dynamic_bytes, 128);
    into.dynamic_bytes = dynamic_bytes;
    for (const SharedArray& array : into.arrays) give_shared(array.memory, array.bytes);
    into.arrays.clear();
    into.arrays.reserve(64);
  }
  ++into.blocks;
  poison(into.dynamic, dynamic_bytes);
  for (const SharedArray& array : into.arrays) poison(array.memory, array.bytes);
}

void prepare_fibers(Engine& e, Resident& into, dim3 size) {
  const bool sanitized = __tsan_create_fiber != nullptr || __sanitizer_start_switch_fiber != nullptr;
  while (into.fibers.size() < e.threads) {
    auto fiber = std::make_unique<Fiber>();
    fiber->stack_bytes = sanitized ? kSanitizedStackBytes : kStackBytes;
    void* stack = mmap(nullptr, fiber->stack_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (stack == MAP_FAILED) throw std::bad_alloc();
    fiber->stack = static_cast<char*>(stack);
    if (__tsan_create_fiber) fiber->tsan = __tsan_create_fiber(0);
    into.fibers.push_back(std::move(fiber));
  }
  const unsigned warps = (e.threads + 31) / 32;
  if (into.warps.size() < warps) into.warps.resize(warps);
  for (Warp& warp : into.warps) {
    warp.alive = 0;
    warp.groups.reserve(64);
    for (const auto& group : warp.groups) group->arrived = 0;
  }
  for (unsigned i = 0; i < e.threads; ++i) {
    Fiber& fiber = *into.fibers[i];
    fiber.number = i;
    fiber.index = {i % size.x, i / size.x % size.y, i / (size.x * size.y)};
    fiber.lane = i & 31;
    fiber.warp = i >> 5;
    into.warps[fiber.warp].alive |= 1u << fiber.lane;
    fiber.state = State::ready;
    fiber.copies.clear();
    fiber.copy_group = 0;
    lay_stack(&fiber);
    e.push(i);
  }
}

}  // namespace

Engine& engine() { return the_engine; }

Engine::~Engine() {
  for (Resident& each : residents) {
    for (const auto& fiber : each.fibers) munmap(fiber->stack, fiber->stack_bytes);
    give_shared(each.dynamic, each.dynamic_bytes);
    for (const SharedArray& array : each.arrays) give_shared(array.memory, array.bytes);
  }
}

std::string place(const char* file, int line) { return std::string(file != nullptr ? file : "?") + ":" + std::to_string(line); }

// Exact heap blocks, so that AddressSanitizer has red zones; under ThreadSanitizer fresh pages past its interceptors, where taking memory is no write.
void* take_shared(size_t bytes, size_t alignment) {
  bytes = std::max<size_t>(bytes, 1);
  void* memory = nullptr;
  if (__tsan_create_fiber) {
    memory = reinterpret_cast<void*>(syscall(SYS_mmap, nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    if (memory == MAP_FAILED) throw std::bad_alloc();
  } else if (posix_memalign(&memory, std::max<size_t>(alignment, 16), bytes) != 0) {
    throw std::bad_alloc();
  }
  return memory;
}

void give_shared(void* memory, size_t bytes) {
  if (memory == nullptr) return;
  if (__tsan_create_fiber) syscall(SYS_munmap, memory, std::max<size_t>(bytes, 1));
  else std::free(memory);
}

void poison(void* memory, size_t bytes) {
  volatile auto* out = static_cast<volatile unsigned char*>(memory);
  for (size_t i = 0; i < bytes; ++i) out[i] = 0xff;
}

void Engine::push(unsigned fiber) { ready[(head + count++) & (kMostThreads - 1)] = static_cast<uint16_t>(fiber); }

Fiber* Engine::pop() {
  if (count == 0) return nullptr;
  size_t chosen = 0;
  if (settings.order == Order::random) {
    unsigned best = ~0u;
    for (size_t i = 0; i < count; ++i) {
      const unsigned rank = priority[ready[(head + i) & (kMostThreads - 1)] >> 5];
      if (rank < best) best = rank, chosen = i;
    }
  } else if (settings.order == Order::reverse) {
    chosen = count - 1;
  }
  const size_t at = (head + chosen) & (kMostThreads - 1);
  const unsigned fiber = ready[at];
  if (settings.order != Order::reverse) {
    ready[at] = ready[head];
    head = (head + 1) & (kMostThreads - 1);
  }
  --count;
  return resident->fibers[fiber].get();
}

void Engine::switch_to(Fiber* fiber) {
  Fiber* from = running;
  running = fiber;
  this_thread = fiber;
  if (__tsan_switch_to_fiber) __tsan_switch_to_fiber(fiber->tsan, 1 /* no happens-before */);
  if (__sanitizer_start_switch_fiber) {
    const bool home = fiber == &main;
    __sanitizer_start_switch_fiber(from->state == State::done && from != &main ? nullptr : &from->fake_stack, home ? main_stack : fiber->stack,
                                   home ? main_stack_bytes : fiber->stack_bytes);
  }
#ifdef EMULATOR_UCONTEXT
  swapcontext(&from->context, &fiber->context);
#else
  emulator_switch(&from->stack_pointer, fiber->stack_pointer);
#endif
  if (__sanitizer_finish_switch_fiber) __sanitizer_finish_switch_fiber(from->fake_stack, nullptr, nullptr);
}

void Engine::wait(State state, const char* what, unsigned mask, const char* file, int line) {
  Fiber* self = running;
  self->state = state;
  self->waits_in = what;
  self->waits_mask = mask;
  self->waits_file = file;
  self->waits_line = line;
  Fiber* next = pop();
  if (next == nullptr) abandon(std::string("deadlock in ") + kernel + ": every thread waits" + waiting_places(*this));
  switch_to(next);
  self->state = State::ready;
}

void Engine::abandon(const std::string& text) {
  if (report.empty()) report = text;
  throw Abandoned{};
}

void Engine::release_barrier() {
  waiting = 0;
  barrier_file = nullptr;
  ++generation;
  ++counts.barriers;
  shuffle_warps(*this);
  for (unsigned i = 0; i < threads; ++i) {
    Fiber& fiber = *resident->fibers[i];
    if (fiber.state != State::at_barrier) continue;
    fiber.state = State::ready;
    push(i);
  }
}

void barrier(const char* file, int line) {
  Engine& e = engine();
  const unsigned generation = e.generation;
  if (e.waiting > 0 && e.barrier_line != line)
    e.abandon(std::string(e.kernel) + ": threads of one block wait at different barriers: " + place(e.barrier_file, e.barrier_line) + " and " + place(file, line));
  e.barrier_file = file;
  e.barrier_line = line;
  release(&e.barrier_edge[generation & 1]);
  if (++e.waiting == e.alive && e.alive == e.threads) e.release_barrier();
  else if (e.waiting == e.alive) e.abandon(std::string(e.kernel) + ": some threads have left before the barrier of " + place(file, line));
  else e.wait(State::at_barrier, "__syncthreads", 0, file, line);
  acquire(&e.barrier_edge[generation & 1]);
}

void Engine::run_block(Resident& into, const Launch& what, uint3 index) {
  resident = &into;
  threads = alive = what.block.x * what.block.y * what.block.z;
  head = count = 0;
  waiting = 0;
  report.clear();
  failure = nullptr;
  shuffle_warps(*this);
  ready.resize(kMostThreads);
  prepare_memory(*this, into, what.dynamic_bytes);
  into.block = {index, what.block, what.grid, static_cast<unsigned char*>(into.dynamic)};
  this_block = &into.block;
  prepare_fibers(*this, into, what.block);
  main.state = State::ready;
  if (__tsan_get_current_fiber) main.tsan = __tsan_get_current_fiber();
  running = &main;
  switch_to(pop());
  this_thread = nullptr;
  ++counts.blocks;
  counts.threads += threads;
  size_t shared = what.dynamic_bytes;
  for (const SharedArray& array : into.arrays) shared += array.bytes;
  counts.largest_shared = std::max<uint64_t>(counts.largest_shared, shared);
  if (failure || !report.empty()) acquire(&end_edge);  // the report is a thread's
  if (failure) std::rethrow_exception(failure);
  if (!report.empty())
    throw std::runtime_error(report + " [block " + std::to_string(index.x) + ", " + std::to_string(index.y) + ", " + std::to_string(index.z) + "]");
  if (shared > kMostShared) throw std::runtime_error(std::string(kernel) + ": " + std::to_string(shared) + " bytes of shared memory are more than a block may have");
}

void run(const Launch& launch, const std::function<void()>& body) {
  const std::string name = launch.name;
  const size_t threads = size_t{launch.block.x} * launch.block.y * launch.block.z;
  if (threads == 0 || threads > kMostThreads || launch.block.z > 64) throw std::runtime_error(name + ": impossible block size");
  if (launch.grid.x == 0 || launch.grid.y == 0 || launch.grid.z == 0 || launch.grid.x > 0x7fffffffu || launch.grid.y > 65535 || launch.grid.z > 65535)
    throw std::runtime_error(name + ": impossible grid");
  const auto allowed = allowed_shared.find(launch.kernel);
  if (launch.dynamic_bytes > std::max(kUsualShared, allowed == allowed_shared.end() ? 0 : allowed->second))
    throw std::runtime_error(name + ": more dynamic shared memory than it was allowed");
  if (this_thread != nullptr) throw std::runtime_error(name + ": launched from a kernel");
  Engine& e = engine();
  e.body = &body;
  e.kernel = launch.name;
  e.random = settings.seed * 0x9e3779b97f4a7c15ull + 1;
  ++e.launch;
  release(&e.start_edge);
  ++counts.launches;
  const uint64_t blocks = uint64_t{launch.grid.x} * launch.grid.y * launch.grid.z;
  for (uint64_t i = 0; i < blocks; ++i) {
    const uint64_t block = settings.order == Order::reverse ? blocks - 1 - i : i;
    e.run_block(e.residents[i & 1], launch,
                {static_cast<unsigned>(block % launch.grid.x), static_cast<unsigned>(block / launch.grid.x % launch.grid.y),
                 static_cast<unsigned>(block / launch.grid.x / launch.grid.y)});
  }
  acquire(&e.end_edge);
  this_block = nullptr;
}

void allow_shared(const void* kernel, size_t bytes) {
  if (bytes > kMostShared) throw std::runtime_error("a kernel asks for " + std::to_string(bytes) + " bytes of shared memory, more than the smallest target has");
  allowed_shared[kernel] = bytes;
}

void fail(const std::string& what) {
  if (this_thread == nullptr) throw std::runtime_error(what);
  engine().abandon(what);
}

void* static_shared(const void* tag, size_t bytes, size_t alignment) {
  Resident& resident = *engine().resident;
  for (const SharedArray& array : resident.arrays)
    if (array.tag == tag) return array.memory;
  void* memory = take_shared(bytes, alignment);
  poison(memory, bytes);
  resident.arrays.push_back({tag, memory, bytes});
  return memory;
}

}  // namespace emulator
