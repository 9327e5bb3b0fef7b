// Runs an operation on the reference and on the cpu backend: each instruction set that this machine has, one to three threads. Outputs must be close to the
// reference's, the same to the bit for every number of threads, and nothing may be written outside them.
#pragma once
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "harness.h"
#include "kernels/backend.h"
#include "tolerances.h"

namespace sdft::test {

/// A tensor of the backend between guard zones; gaps between its rows are guarded too.
class Guarded {
 public:
  Guarded(Backend& backend, int64_t rows, int64_t cols, const std::vector<float>& values = {}, int64_t gap = 0);
  ~Guarded() { backend_.release(memory_); }
  Guarded(const Guarded&) = delete;
  Guarded& operator=(const Guarded&) = delete;

  operator Tensor() const { return tensor_; }
  /// Fails if anything around the elements was overwritten.
  std::vector<float> values(const std::string& name = "tensor") const;

 private:
  Backend& backend_;
  void* memory_;
  Tensor tensor_;
};

class Integers {
 public:
  Integers(Backend& backend, std::vector<int32_t> values);
  ~Integers() { backend_.release(indices_.data); }
  Integers(const Integers&) = delete;
  Integers& operator=(const Integers&) = delete;
  operator Indices() const { return indices_; }

 private:
  Backend& backend_;
  Indices indices_;
};

struct Output {
  std::string name;
  std::vector<float> values;
  int64_t columns;
  Tolerance tolerance;
};
using Operation = std::function<std::vector<Output>(Backend&)>;

/// Instruction sets of this machine, by the names SDFT_CPU takes.
std::vector<std::string> levels();
/// Whether one multiplies floats with weights of 4 and 8 bits as integers of some 24 bits (native/kernels/cpu/digits/digits.h).
bool takes_digits(const std::string& level);
/// One backend of each kind for the whole program.
Backend& cpu_backend(const std::string& level, int threads);
Backend& reference_backend();

void compare_with_reference(const std::string& what, const Operation& operation);
/// Calls body once for each instruction set, with two threads.
void for_each_level(const std::function<void(Backend&, const std::string& level)>& body);

/// A stored matrix of uniform random numbers in the given type (quantised types get random blocks with small scales), owned.
struct Stored {
  std::vector<uint8_t> bytes;
  WeightSource source;
};
std::unique_ptr<Stored> random_stored(DType type, int64_t rows, int64_t cols, uint64_t seed, RowOrder order = RowOrder::natural, int64_t head_size = 0);

}  // namespace sdft::test
