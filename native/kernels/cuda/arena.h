// The device memory of one backend. With reserve() one piece is taken up front and everything is cut from it; what it can't hold, or without it everything, is
// asked of the device one by one. Blocks are handed on without waiting: all work is in one stream, in order.
#pragma once
#include <cstdint>
#include <map>

namespace sdft::cuda {

class Arena {
 public:
  Arena() = default;
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  /// Once, before anything is taken. Throws Error("memory") naming the bytes wanted and free.
  void reserve(int64_t bytes);
  /// 256-byte aligned. Throws Error("memory") likewise.
  void* take(int64_t bytes);
  /// What was taken; null is nothing.
  void give_back(void* memory);
  /// Of the reserved piece.
  int64_t free_bytes() const;

 private:
  struct Block {
    int64_t bytes;
    bool free;
  };
  using Blocks = std::map<char*, Block>;
  Blocks blocks_;  // by address; together they are the piece
  char* piece_ = nullptr;
  int64_t piece_bytes_ = 0;
};

}  // namespace sdft::cuda
