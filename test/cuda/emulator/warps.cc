// What lanes of a warp do together, and asynchronous copies. Shuffles and votes make nothing visible that was written to memory, as CUDA has it; only barriers
// give ThreadSanitizer an edge.
#include "fibers.h"

#include <algorithm>

namespace emulator {
namespace {

constexpr unsigned kWholeWarp = 0xffffffffu;

const char* meeting_name(Meeting meeting) {
  switch (meeting) {
    case Meeting::shuffle: return "a shuffle";
    case Meeting::vote: return "a vote";
    case Meeting::barrier: return "__syncwarp";
    case Meeting::product: return "a matrix product";
    case Meeting::matrices: break;
  }
  return "a matrix load";
}

Lanes& lanes_of(Warp& warp, unsigned mask) {
  for (const auto& group : warp.groups)
    if (group->mask == mask) return *group;
  warp.groups.push_back(std::make_unique<Lanes>());
  warp.groups.back()->mask = mask;
  return *warp.groups.back();
}

/// Returns the generation of this meeting.
unsigned arrive(Engine& e, Lanes& lanes, Meeting meeting, const char* file, int line) {
  const Fiber& self = *e.running;
  const std::string name = meeting_name(meeting);
  if ((lanes.mask >> self.lane & 1) == 0) e.abandon("the mask of " + name + " does not contain the calling lane at " + place(file, line));
  if ((lanes.mask & ~e.warp_of(self).alive) != 0) e.abandon("the mask of " + name + " names lanes that have left or never were, at " + place(file, line));
  if (lanes.arrived == 0) {
    lanes.meeting = meeting;
    lanes.file = file;
    lanes.line = line;
  } else if (lanes.meeting != meeting || lanes.line != line) {
    e.abandon("lanes of one warp meet for different things: " + std::string(meeting_name(lanes.meeting)) + " at " + place(lanes.file, lanes.line) + " and " + name +
              " at " + place(file, line));
  }
  lanes.arrived |= 1u << self.lane;
  return lanes.generation & 1;
}

/// The last lane wakes the others.
void complete(Engine& e, Lanes& lanes) {
  const Fiber& self = *e.running;
  lanes.arrived = 0;
  ++lanes.generation;
  for (unsigned lane = 0; lane < 32; ++lane) {
    if ((lanes.mask >> lane & 1) == 0 || lane == self.lane) continue;
    const unsigned fiber = self.warp * 32 + lane;
    e.resident->fibers[fiber]->state = State::ready;
    e.push(fiber);
  }
}

void meet(Engine& e, Lanes& lanes, Meeting meeting, const char* file, int line) {
  if (lanes.arrived == lanes.mask) complete(e, lanes);
  else e.wait(State::in_meeting, meeting_name(meeting), lanes.mask, file, line);
}

typedef float Eight __attribute__((vector_size(32)));

float of_bf16(uint32_t bits) { return __uint_as_float((bits & 0xffffu) << 16); }

/// Words 0 … 3 of a slot are a, 4 and 5 are b, 8 … 11 are c, which becomes the result.
void multiply_fragments(Slot* slots) {
  float a[16][16];
  alignas(32) float b[16][8], c[16][8];
  for (int lane = 0; lane < 32; ++lane) {
    const int row = lane / 4, col = lane % 4 * 2;
    const uint32_t* words = slots[lane].words;
    for (int r = 0; r < 4; ++r) {
      a[row + r % 2 * 8][col + r / 2 * 8] = of_bf16(words[r]);
      a[row + r % 2 * 8][col + r / 2 * 8 + 1] = of_bf16(words[r] >> 16);
    }
    for (int r = 0; r < 2; ++r) {
      b[col + r * 8][row] = of_bf16(words[4 + r]);
      b[col + r * 8 + 1][row] = of_bf16(words[4 + r] >> 16);
    }
    __builtin_memcpy(&c[row][col], &words[8], 8);
    __builtin_memcpy(&c[row + 8][col], &words[10], 8);
  }
  for (int i = 0; i < 16; ++i) {
    Eight sum, values;
    __builtin_memcpy(&sum, c[i], sizeof sum);
    for (int k = 0; k < 16; ++k) {
      __builtin_memcpy(&values, b[k], sizeof values);
      sum += a[i][k] * values;
    }
    __builtin_memcpy(c[i], &sum, sizeof sum);
  }
  for (int lane = 0; lane < 32; ++lane) {
    __builtin_memcpy(&slots[lane].words[8], &c[lane / 4][lane % 4 * 2], 8);
    __builtin_memcpy(&slots[lane].words[10], &c[lane / 4 + 8][lane % 4 * 2], 8);
  }
}

void require_shared(Engine& e, const void* memory, size_t bytes, const std::string& what) {
  const Resident& resident = *e.resident;
  const auto* from = static_cast<const char*>(memory);
  const auto inside = [&](const void* start, size_t size) {
    const auto* begin = static_cast<const char*>(start);
    return from >= begin && from + bytes <= begin + size;
  };
  if (inside(resident.dynamic, resident.dynamic_bytes)) return;
  for (const SharedArray& array : resident.arrays)
    if (inside(array.memory, array.bytes)) return;
  e.abandon(what + " outside this block's shared memory");
}

void perform(const PendingCopy& copy) {
  __builtin_memcpy(copy.to, copy.from, copy.read_bytes);
  __builtin_memset(static_cast<char*>(copy.to) + copy.read_bytes, 0, copy.bytes - copy.read_bytes);
}

}  // namespace

void warp_barrier(unsigned mask, const char* file, int line) {
  Engine& e = engine();
  Lanes& lanes = lanes_of(e.warp_of(*e.running), mask);
  const unsigned generation = arrive(e, lanes, Meeting::barrier, file, line);
  release(&lanes.edge[generation]);
  meet(e, lanes, Meeting::barrier, file, line);
  acquire(&lanes.edge[generation]);
}

const Slot* exchange(unsigned mask, Meeting meeting, const Slot& slot, const char* file, int line) {
  Engine& e = engine();
  Lanes& lanes = lanes_of(e.warp_of(*e.running), mask);
  const unsigned generation = arrive(e, lanes, meeting, file, line);
  lanes.slots[generation][e.running->lane] = slot;
  meet(e, lanes, meeting, file, line);
  return lanes.slots[generation];
}

void multiply_add(float (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], const char* file, int line) {
  Engine& e = engine();
  Lanes& lanes = lanes_of(e.warp_of(*e.running), kWholeWarp);
  const unsigned generation = arrive(e, lanes, Meeting::product, file, line);
  const Fiber* self = e.running;
  Slot& slot = lanes.slots[generation][self->lane];
  __builtin_memcpy(slot.words, a, sizeof a);
  __builtin_memcpy(slot.words + 4, b, sizeof b);
  __builtin_memcpy(slot.words + 8, c, sizeof c);
  if (lanes.arrived == kWholeWarp) {
    multiply_fragments(lanes.slots[generation]);
    ++counts.products;
  }
  meet(e, lanes, Meeting::product, file, line);
  __builtin_memcpy(c, slot.words + 8, sizeof c);
}

void load_matrices(bool transposed, uint32_t (&words)[4], const void* row, const char* file, int line) {
  Engine& e = engine();
  if (reinterpret_cast<uintptr_t>(row) % 16 != 0) e.abandon("a matrix load from an address that is not 16-byte aligned at " + place(file, line));
  require_shared(e, row, 16, "a matrix load at " + place(file, line) + " from an address");
  const Slot* slots = exchange(kWholeWarp, Meeting::matrices, to_slot(row), file, line);
  const unsigned lane = e.running->lane, line_of = lane / 4, pair = lane % 4 * 2;
  const auto row_of = [&](unsigned matrix, unsigned r) { return static_cast<const uint16_t*>(of_slot<const void*>(slots[matrix * 8 + r])); };
  if (lane == 0) {
    ++counts.matrix_loads;
    for (unsigned matrix = 0; matrix < 4; ++matrix) {
      unsigned banks[8] = {};
      for (unsigned r = 0; r < 8; ++r) ++banks[reinterpret_cast<uintptr_t>(row_of(matrix, r)) / 16 % 8];
      counts.bank_conflicts += *std::max_element(banks, banks + 8) - 1;
    }
  }
  for (unsigned matrix = 0; matrix < 4; ++matrix) {
    const uint16_t* low = transposed ? row_of(matrix, pair) + line_of : row_of(matrix, line_of) + pair;
    const uint16_t* high = transposed ? row_of(matrix, pair + 1) + line_of : low + 1;
    if (__tsan_read2) __tsan_read2(const_cast<uint16_t*>(low)), __tsan_read2(const_cast<uint16_t*>(high));
    words[matrix] = *low | uint32_t{*high} << 16;
  }
}

void copy_async(void* shared, const void* global, size_t bytes, size_t read_bytes) {
  Engine& e = engine();
  require_shared(e, shared, bytes, std::string(e.kernel) + ": an asynchronous copy to an address");
  if ((reinterpret_cast<uintptr_t>(shared) | (read_bytes > 0 ? reinterpret_cast<uintptr_t>(global) : 0)) % bytes != 0)
    e.abandon(std::string(e.kernel) + ": an asynchronous copy with an address that is not aligned");
  Fiber& self = *e.running;
  self.copies.push_back({shared, global, bytes, read_bytes, self.copy_group});
  if (settings.copies == Timing::eager) perform(self.copies.back());
}

void commit_copies() { ++engine().running->copy_group; }

void wait_copies(unsigned pending) {
  Fiber& self = *engine().running;
  const unsigned arrived = self.copy_group > pending ? self.copy_group - pending : 0;
  const auto kept = std::stable_partition(self.copies.begin(), self.copies.end(), [&](const PendingCopy& copy) { return copy.group >= arrived; });
  if (settings.copies == Timing::lazy)
    for (auto copy = kept; copy != self.copies.end(); ++copy) perform(*copy);
  self.copies.erase(kept, self.copies.end());
}

}  // namespace emulator
