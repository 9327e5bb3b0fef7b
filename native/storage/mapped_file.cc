// POSIX mapping.
#include "storage/mapped_file.h"

#ifdef _WIN32
#error "Mapping model files is written for POSIX systems (Linux, macOS) only; on Windows build inside WSL."
#endif

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/error.h"

namespace sdft {
namespace {

/// Closes on every way out; the mapping outlives the descriptor.
struct Descriptor {
  int value;
  ~Descriptor() {
    if (value >= 0) close(value);
  }
};

[[noreturn]] void fail(const std::string& path, const std::string& reason) {
  throw Error("file", "Expected a readable model file at " + path + " but " + reason);
}

}  // namespace

MappedFile::MappedFile(const std::string& path) : path_(path) {
  const Descriptor file{open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (file.value < 0) fail(path, std::string("opening it failed: ") + std::strerror(errno));
  struct stat status;
  if (fstat(file.value, &status) != 0) fail(path, std::string("its size could not be read: ") + std::strerror(errno));
  if (!S_ISREG(status.st_mode)) fail(path, "it is not a regular file");
  if (status.st_size == 0) return;
  void* memory = mmap(nullptr, static_cast<size_t>(status.st_size), PROT_READ, MAP_PRIVATE, file.value, 0);
  if (memory == MAP_FAILED) fail(path, std::string("mapping it failed: ") + std::strerror(errno));
  data_ = static_cast<const uint8_t*>(memory);
  size_ = status.st_size;
}

MappedFile::~MappedFile() {
  if (data_) munmap(const_cast<uint8_t*>(data_), static_cast<size_t>(size_));
}

void MappedFile::forget(const uint8_t* from, int64_t length) const {
  const int64_t page = sysconf(_SC_PAGESIZE), begin = (from - data_) / page * page;
  // Advice: where the system does not take it, the pages merely stay.
  madvise(const_cast<uint8_t*>(data_) + begin, static_cast<size_t>(from - data_ + length - begin), MADV_DONTNEED);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : path_(std::move(other.path_)), data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

}  // namespace sdft
