// A file mapped read-only into memory for as long as the object lives. The file must not be cut meanwhile: the system then ends the process on a read.
#pragma once
#include <cstdint>
#include <string>

namespace sdft {

class MappedFile {
 public:
  /// Throws Error("file") naming the path and the system's reason.
  explicit MappedFile(const std::string& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  MappedFile& operator=(MappedFile&&) = delete;

  const std::string& path() const { return path_; }
  /// Page-aligned; null when the file is empty.
  const uint8_t* data() const { return data_; }
  int64_t size() const { return size_; }
  /// Lets go of the memory behind these bytes of the file, and behind the rest of their first and last page: read again, they come from the file anew.
  void forget(const uint8_t* from, int64_t length) const;

 private:
  std::string path_;
  const uint8_t* data_ = nullptr;
  int64_t size_ = 0;
};

}  // namespace sdft
