#include "base/shared_library.h"

#if defined(__linux__)
#include <elf.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <fstream>
#endif

namespace sdft {

#if defined(__linux__)

std::string cut_off(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) return "";
  const auto size = static_cast<uint64_t>(file.tellg());
  Elf64_Ehdr header{};
  if (!file.seekg(0).read(reinterpret_cast<char*>(&header), sizeof header) || std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
      header.e_ident[EI_CLASS] != ELFCLASS64)
    return "";
  uint64_t needed = std::max<uint64_t>(header.e_shoff + uint64_t{header.e_shnum} * header.e_shentsize, header.e_phoff + uint64_t{header.e_phnum} * header.e_phentsize);
  for (uint64_t i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr part{};
    if (!file.seekg(static_cast<std::streamoff>(header.e_phoff + i * header.e_phentsize)).read(reinterpret_cast<char*>(&part), sizeof part)) break;
    needed = std::max<uint64_t>(needed, part.p_offset + part.p_filesz);
  }
  return size < needed ? "is cut off: " + std::to_string(size) + " bytes of " + std::to_string(needed) : "";
}

#else

std::string cut_off(const std::string&) { return ""; }

#endif

}  // namespace sdft
