#include "storage/weight_table.h"

#include <limits>

#include "base/error.h"

namespace sdft {
namespace {

std::string describe(const WeightEntry& entry) {
  std::string shape;
  for (int64_t size : entry.shape) shape += (shape.empty() ? "" : ", ") + std::to_string(size);
  return "tensor " + entry.name + " (" + dtype_name(entry.type) + " [" + shape + "])";
}

/// Bytes the entry takes; throws where its shape is not one, its columns cut a block, or its size overflows.
int64_t checked_bytes(const WeightEntry& entry) {
  require(entry.shape.size() == 1 || entry.shape.size() == 2, "weights", "Expected one or two dimensions of " + describe(entry));
  for (int64_t size : entry.shape) require(size > 0, "weights", "Expected positive dimensions of " + describe(entry));
  const int64_t cols = entry.shape.back(), rows = entry.shape.size() == 2 ? entry.shape.front() : 1;
  const int64_t block = block_elements(entry.type);
  require(cols % block == 0, "weights",
          "Expected the row length of " + describe(entry) + " to be a multiple of its block of " + std::to_string(block) + " elements but it is " +
              std::to_string(cols));
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  const int64_t blocks = cols / block;
  const bool fits = blocks <= kMost / block_bytes(entry.type) && rows <= kMost / (blocks * block_bytes(entry.type));
  require(fits, "weights", "Expected a size below 2^63 bytes of " + describe(entry));
  return rows * blocks * block_bytes(entry.type);
}

StoredTensor checked(const WeightEntry& entry, const std::vector<MappedFile>& files) {
  const int64_t bytes = checked_bytes(entry);
  require(entry.file >= 0 && entry.file < static_cast<int64_t>(files.size()), "weights",
          "Expected " + describe(entry) + " in one of " + std::to_string(files.size()) + " files but its entry names file " + std::to_string(entry.file));
  const MappedFile& file = files[static_cast<size_t>(entry.file)];
  const bool inside = entry.offset >= 0 && entry.offset <= file.size() && bytes <= file.size() - entry.offset;
  if (!inside) {
    throw Error("weights", "Expected " + describe(entry) + " to take " + std::to_string(bytes) + " bytes from byte " + std::to_string(entry.offset) +
                               " of " + file.path() + " but the file has " + std::to_string(file.size()) + " bytes: it is cut short or its header is wrong");
  }
  return {file.data() + entry.offset, entry.type, entry.shape.size() == 2 ? entry.shape.front() : 1, entry.shape.back(), entry.order};
}

}  // namespace

WeightTable::WeightTable(const std::vector<std::string>& paths, const std::vector<WeightEntry>& entries) {
  files_.reserve(paths.size());
  for (const std::string& path : paths) files_.emplace_back(path);
  for (const WeightEntry& entry : entries) {
    const bool added = tensors_.emplace(entry.name, checked(entry, files_)).second;
    require(added, "weights", "Expected each tensor once but " + entry.name + " is listed twice");
  }
}

const StoredTensor* WeightTable::find(const std::string& name) const {
  const auto found = tensors_.find(name);
  return found == tensors_.end() ? nullptr : &found->second;
}

const StoredTensor& WeightTable::get(const std::string& name) const {
  if (const StoredTensor* tensor = find(name)) return *tensor;
  std::string where = files_.empty() ? "no file" : files_.front().path();
  if (files_.size() > 1) where += " and " + std::to_string(files_.size() - 1) + " more";
  throw Error("weights", "Expected tensor " + name + " among the " + std::to_string(tensors_.size()) + " tensors of " + where + " but it is missing");
}

int64_t WeightTable::mapped_bytes() const {
  int64_t bytes = 0;
  for (const MappedFile& file : files_) bytes += file.size();
  return bytes;
}

void WeightTable::forget(const StoredTensor& tensor) const {
  for (const MappedFile& file : files_) {
    if (tensor.data >= file.data() && tensor.data < file.data() + file.size()) file.forget(tensor.data, tensor.rows * stored_bytes(tensor.type, tensor.cols));
  }
}

std::vector<float> read_vector(const StoredTensor& tensor, int64_t head_size) {
  require(tensor.rows == 1, "weights", "Expected a vector but the tensor has " + std::to_string(tensor.rows) + " rows");
  require(tensor.order == RowOrder::natural || (head_size > 0 && head_size % 2 == 0 && tensor.cols % head_size == 0), "weights",
          "Expected an interleaved vector to hold whole heads of " + std::to_string(head_size) + " elements but it has " + std::to_string(tensor.cols));
  std::vector<float> stored(static_cast<size_t>(tensor.cols)), values(stored.size());
  dequantize(tensor.type, tensor.data, tensor.cols, stored.data());
  for (int64_t i = 0; i < tensor.cols; ++i) values[static_cast<size_t>(i)] = stored[static_cast<size_t>(stored_row(tensor.order, i, head_size))];
  return values;
}

}  // namespace sdft
