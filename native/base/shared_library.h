// Shared libraries as files.
#pragma once
#include <string>

namespace sdft {

/// Why an ELF file of 64 bits is shorter than its own headers say ("is cut off: 100 bytes of 4096"), or "" where nothing is missing or the file is something else: then
/// the loader has its say. The loader maps what the headers promise, and a read past the end of the file ends the process.
std::string cut_off(const std::string& path);

}  // namespace sdft
