# Compiles native/kernels/cpu/isa/*.cc once for each instruction set of this architecture; which one runs is chosen at run time (features.cc).
file(GLOB isa_sources CONFIGURE_DEPENDS native/kernels/cpu/isa/*.cc)

# add_instruction_set(NAME SOURCES… OPTIONS OPTION…)
function(add_instruction_set name)
  cmake_parse_arguments(set "" "" "OPTIONS" ${ARGN})
  add_library(kernels_${name} OBJECT ${set_UNPARSED_ARGUMENTS})
  target_include_directories(kernels_${name} PRIVATE native)
  string(TOUPPER ${name} upper)
  target_compile_definitions(kernels_${name} PRIVATE SDFT_ISA=${name} SDFT_ISA_${upper})
  # The kernels say themselves what is fused. GCC 12 warns about its own AVX-512 header.
  target_compile_options(kernels_${name} PRIVATE -O3 -ffp-contract=off -Wall -Wextra -Wno-uninitialized -Wno-maybe-uninitialized ${set_OPTIONS})
  target_sources(engine PRIVATE $<TARGET_OBJECTS:kernels_${name}>)
endfunction()

add_instruction_set(plain ${isa_sources})
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
  add_instruction_set(avx2 ${isa_sources} OPTIONS -mavx2 -mfma -mf16c)
  set(avx512_options -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx2 -mfma -mf16c -mprefer-vector-width=512)
  add_instruction_set(avx512 ${isa_sources} OPTIONS ${avx512_options})
  # With VNNI the integer products are others, and all the rest is avx512's.
  set(integer_sources native/kernels/cpu/isa/integer.cc native/kernels/cpu/isa/integer_tiles.cc)
  add_instruction_set(avx512vnni ${integer_sources} OPTIONS ${avx512_options} -mavx512vnni)
  target_compile_definitions(kernels_avx512vnni PRIVATE SDFT_ISA_AVX512)
  target_compile_definitions(engine PRIVATE SDFT_KERNELS_X86)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64|ARM64)$")
  add_instruction_set(neon ${isa_sources})
  target_compile_definitions(engine PRIVATE SDFT_KERNELS_NEON)
endif()
