# Compiles native/kernels/cpu/isa/*.cc once for each instruction set of this architecture; which one runs is chosen at run time (features.cc).
file(GLOB isa_sources CONFIGURE_DEPENDS native/kernels/cpu/isa/*.cc)

function(add_instruction_set name)
  add_library(kernels_${name} OBJECT ${isa_sources})
  target_include_directories(kernels_${name} PRIVATE native)
  string(TOUPPER ${name} upper)
  target_compile_definitions(kernels_${name} PRIVATE SDFT_ISA=${name} SDFT_ISA_${upper})
  # The kernels say themselves what is fused. GCC 12 warns about its own AVX-512 header.
  target_compile_options(kernels_${name} PRIVATE -O3 -ffp-contract=off -Wall -Wextra -Wno-uninitialized -Wno-maybe-uninitialized ${ARGN})
  target_sources(engine PRIVATE $<TARGET_OBJECTS:kernels_${name}>)
endfunction()

add_instruction_set(plain)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
  add_instruction_set(avx2 -mavx2 -mfma -mf16c)
  add_instruction_set(avx512 -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx2 -mfma -mf16c -mprefer-vector-width=512)
  target_compile_definitions(engine PRIVATE SDFT_KERNELS_X86)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64|ARM64)$")
  add_instruction_set(neon)
  target_compile_definitions(engine PRIVATE SDFT_KERNELS_NEON)
endif()
