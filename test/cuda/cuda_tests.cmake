# The cuda backend built with the host compiler on the emulator: the same sources as nvcc compiles, each through a one-line file, because a source has one
# language in a directory. cuda_tests runs its kernels and a tiny model; libsdft_cuda_emulated.so is the library as the addon opens it.
file(GLOB cuda_kernel_sources CONFIGURE_DEPENDS native/kernels/cuda/*.cu)
set(emulated_sources)
foreach(source IN LISTS cuda_kernel_sources)
  get_filename_component(name "${source}" NAME_WE)
  set(wrapper "${CMAKE_BINARY_DIR}/emulated/${name}.cc")
  file(CONFIGURE OUTPUT "${wrapper}" CONTENT "#include \"kernels/cuda/${name}.cu\"\n" @ONLY)
  list(APPEND emulated_sources "${wrapper}")
endforeach()
file(GLOB emulator_sources CONFIGURE_DEPENDS test/cuda/emulator/*.cc)

# The engine of the emulator is never sanitised: it switches stacks.
add_library(cuda_emulator OBJECT ${emulator_sources})
target_include_directories(cuda_emulator PUBLIC test/cuda/emulator)
target_compile_options(cuda_emulator PRIVATE -O2 -Wall -Wextra -fvisibility=default)

# add_emulated(NAME SOURCES FLAGS…): the backend, or a part of it, as an object library.
function(add_emulated target sources)
  add_library(${target} OBJECT ${sources})
  target_include_directories(${target} PUBLIC native test/cuda/emulator)
  target_compile_definitions(${target} PRIVATE SDFT_CUDA_ARCHITECTURES="emulated")
  target_compile_options(${target} PRIVATE -Wall -Wextra -ffp-contract=off ${ARGN})
endfunction()

# Compiled once, whatever they are linked with.
file(GLOB cuda_test_sources CONFIGURE_DEPENDS test/cuda/*.cc)
add_library(cuda_test_cases OBJECT ${cuda_test_sources} test/native/harness.cc test/native/tiny_model.cc test/native/cpu_fixture.cc)
target_include_directories(cuda_test_cases PRIVATE native test/cuda test/native test/cuda/emulator)
target_compile_definitions(cuda_test_cases PRIVATE SDFT_STAND_IN_CUBLASLT="${CMAKE_BINARY_DIR}/libstand_in_cublaslt.so")
# add_cuda_tests(NAME OBJECTS…)
function(add_cuda_tests target)
  add_executable(${target} ${ARGN} $<TARGET_OBJECTS:cuda_test_cases> $<TARGET_OBJECTS:cuda_emulator>)
  target_link_libraries(${target} PRIVATE engine ${CMAKE_DL_LIBS})
  set_target_properties(${target} PROPERTIES ENABLE_EXPORTS ON)  # the stand-in for cuBLASLt calls back into the emulator's streams
endfunction()

# Stand-ins for NVIDIA's libraries, opened as they would be.
add_library(stand_in_cublaslt MODULE test/cuda/stand-ins/cublaslt.cc)
target_include_directories(stand_in_cublaslt PRIVATE test/cuda/emulator)
set_target_properties(stand_in_cublaslt PROPERTIES LIBRARY_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}" CXX_VISIBILITY_PRESET default)
add_library(stand_in_driver MODULE test/cuda/stand-ins/driver.cc)
set_target_properties(stand_in_driver PROPERTIES PREFIX "" OUTPUT_NAME libcuda SUFFIX .so.1 LIBRARY_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/stand-in-driver"
  CXX_VISIBILITY_PRESET default)

add_emulated(cuda_emulated "${emulated_sources}" -O2)
add_cuda_tests(cuda_tests $<TARGET_OBJECTS:cuda_emulated>)
add_library(sdft_cuda_emulated MODULE $<TARGET_OBJECTS:cuda_emulated> $<TARGET_OBJECTS:cuda_emulator> ${cuda_host_sources})
target_include_directories(sdft_cuda_emulated PRIVATE native)
target_link_libraries(sdft_cuda_emulated PRIVATE ${CMAKE_DL_LIBS})
set_target_properties(sdft_cuda_emulated PROPERTIES LIBRARY_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}")

# The same under sanitizers. ThreadSanitizer (races within a block and between neighbouring ones): always, where the compiler has it, of the kernels whose threads
# share memory; the rest is as above. With SDFT_CUDA_SANITIZERS=ON in the environment of the whole backend, and again under AddressSanitizer with undefined
# behaviour. Sanitised objects come first, so that inline functions are theirs.
set(SDFT_CUDA_SANITIZERS "$ENV{SDFT_CUDA_SANITIZERS}")
include(CheckCXXSourceCompiles)
function(add_sanitized_tests name sources)
  set(flags -O1 -g1 ${ARGN})
  set(CMAKE_REQUIRED_FLAGS "-fsanitize=${name}")
  check_cxx_source_compiles("int main() { return 0; }" SDFT_HAVE_${name}_SANITIZER)
  if(NOT SDFT_HAVE_${name}_SANITIZER)
    message(STATUS "The compiler has no ${name} sanitizer: tests under it are left out")
    return()
  endif()
  add_emulated(cuda_emulated_${name} "${sources}" ${flags})
  set(units ${sources})
  list(TRANSFORM units REPLACE "^.*/" "")
  list(JOIN units "|" units)
  add_cuda_tests(cuda_tests_${name} $<TARGET_OBJECTS:cuda_emulated_${name}> "$<FILTER:$<TARGET_OBJECTS:cuda_emulated>,EXCLUDE,/(${units})>")
  target_link_options(cuda_tests_${name} PRIVATE ${flags})
endfunction()
set(shared_memory_sources)
foreach(source IN LISTS cuda_kernel_sources)
  get_filename_component(name "${source}" NAME_WE)
  file(STRINGS "${source}" sharing REGEX "SDFT_SHARED|SDFT_DYNAMIC_SHARED|atomic")
  if(sharing OR SDFT_CUDA_SANITIZERS)
    list(APPEND shared_memory_sources "${CMAKE_BINARY_DIR}/emulated/${name}.cc")
  endif()
endforeach()
add_sanitized_tests(thread "${shared_memory_sources}" -fsanitize=thread)
if(SDFT_CUDA_SANITIZERS)
  add_sanitized_tests(address "${emulated_sources}" -fsanitize=address,undefined -fno-sanitize-recover=undefined)
endif()
