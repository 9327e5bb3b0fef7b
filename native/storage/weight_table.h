// Stored tensors by name: where each lies in the mapped files. Every entry is checked against its file when the table is made, so that what it hands out
// can be read to the last byte.
#pragma once
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/dtype.h"
#include "storage/mapped_file.h"

namespace sdft {

/// What a file's header says of one tensor.
struct WeightEntry {
  std::string name;
  DType type;
  std::vector<int64_t> shape;  // (rows, cols) or (length)
  int64_t file;                // index into the table's files
  int64_t offset;              // bytes from the file's start
  RowOrder order;
};

/// A checked view into a mapped file; a vector has one row. Alignment is not promised.
struct StoredTensor {
  const uint8_t* data;
  DType type;
  int64_t rows, cols;
  RowOrder order;
};

class WeightTable {
 public:
  /// Maps the files and checks the entries. Throws Error("file") or Error("weights") naming tensor, file, bytes expected and bytes present.
  WeightTable(const std::vector<std::string>& paths, const std::vector<WeightEntry>& entries);

  bool has(const std::string& name) const { return find(name) != nullptr; }
  /// Null where the table has no such tensor.
  const StoredTensor* find(const std::string& name) const;
  /// Throws Error("weights") where the table has no such tensor.
  const StoredTensor& get(const std::string& name) const;
  int64_t mapped_bytes() const;
  /// Lets go of the memory that reading the tensor took; it can still be read.
  void forget(const StoredTensor& tensor) const;

 private:
  std::vector<MappedFile> files_;
  std::unordered_map<std::string, StoredTensor> tensors_;
};

/// The values of a vector, its rows of heads in natural order (a bias of an interleaved matrix is interleaved too).
std::vector<float> read_vector(const StoredTensor& tensor, int64_t head_size);

}  // namespace sdft
