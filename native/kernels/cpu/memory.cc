#include "kernels/cpu/memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <mutex>
#include <string>

#include "base/error.h"

namespace sdft::cpu {
namespace {

constexpr size_t kAlignment = 64;
/// From here on memory comes straight from the system, as untouched pages that cost nothing until they are used, and goes straight back: the heap would keep a
/// training step's buffers after it.
constexpr size_t kMapFrom = size_t{256} << 10;
constexpr size_t kHugePage = size_t{2} << 20, kSlab = 16 * kHugePage;
/// A larger piece loses little by what of it stands in small pages.
constexpr size_t kLargestPiece = 4 * kHugePage;

/// Begins with a huge page. Null where the system has no more.
void* map(size_t bytes) {
  // A mapping begins with any small page: what lies before the first huge page, and as much less at the end, is given back.
  const size_t whole = bytes + kHugePage;
  void* mapped = mmap(nullptr, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return nullptr;
  const size_t before = -reinterpret_cast<uintptr_t>(mapped) % kHugePage;
  char* block = static_cast<char*>(mapped) + before;
  if (before > 0) munmap(mapped, before);
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const size_t end = (bytes + page - 1) / page * page;
  if (before + end < whole) munmap(block + end, whole - before - end);
  madvise(block, bytes, MADV_HUGEPAGE);
  return block;
}

/// A mapping that is handed out piece by piece, front to back, and goes back when all of them have. No piece is handed out twice: each is untouched.
struct Slab {
  char* memory;
  size_t used = 0;
  int64_t pieces = 0;
};

class Slabs {
 public:
  /// Null where the system has no more.
  void* take(size_t bytes, Slab*& slab) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (open_ == nullptr || open_->used + bytes > kSlab) {
      void* memory = map(kSlab);
      if (memory == nullptr) return nullptr;
      open_ = new Slab{static_cast<char*>(memory)};  // the one before goes when its last piece does
    }
    slab = open_;
    char* piece = slab->memory + slab->used;
    slab->used += (bytes + kAlignment - 1) / kAlignment * kAlignment;
    ++slab->pieces;
    return piece;
  }

  void give_back(Slab* slab) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (--slab->pieces > 0) return;
    if (slab == open_) open_ = nullptr;
    munmap(slab->memory, kSlab);
    delete slab;
  }

 private:
  std::mutex mutex_;
  Slab* open_ = nullptr;
};

Slabs& slabs() {
  static Slabs& all = *new Slabs;  // outlives whatever gives its memory back while the process ends
  return all;
}

/// Stands in front of each piece of memory.
struct Origin {
  void* block;
  size_t mapped;  // bytes; 0: of a slab or of the heap
  Slab* slab;
};
static_assert(sizeof(Origin) <= kAlignment);

Origin take_block(size_t bytes) {
  return bytes < kMapFrom ? Origin{std::calloc(1, bytes), 0, nullptr} : Origin{map(bytes), bytes, nullptr};
}

Origin take_piece(size_t bytes) {
  Origin origin{};
  origin.block = slabs().take(bytes, origin.slab);
  return origin;
}

/// `take` is handed what it takes to align the memory and to keep its origin as well.
template <class Take>
void* allocate(int64_t bytes, const Take& take) {
  const Origin origin = bytes < 0 || bytes > INT64_MAX / 2 ? Origin{} : take(static_cast<size_t>(bytes) + 2 * kAlignment);
  require(origin.block != nullptr, "memory", "Expected " + std::to_string(bytes) + " bytes of memory but the system has no more");
  void* memory = reinterpret_cast<void*>((reinterpret_cast<uintptr_t>(origin.block) + 2 * kAlignment - 1) & ~(kAlignment - 1));
  static_cast<Origin*>(memory)[-1] = origin;
  return memory;
}

}  // namespace

void* allocate_aligned(int64_t bytes) { return allocate(bytes, take_block); }

void* allocate_side_by_side(int64_t bytes) {
  return allocate(bytes, [](size_t whole) { return whole <= kLargestPiece ? take_piece(whole) : take_block(whole); });
}

void release_aligned(void* memory) {
  if (memory == nullptr) return;
  const Origin origin = static_cast<Origin*>(memory)[-1];
  if (origin.slab != nullptr) slabs().give_back(origin.slab);
  else if (origin.mapped > 0) munmap(origin.block, origin.mapped);
  else std::free(origin.block);
}

}  // namespace sdft::cpu
