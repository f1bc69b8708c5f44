# SPDX-License-Identifier: Apache-2.0
# Compiler settings that hold for every target.
set(CLEW_SANITIZE "" CACHE STRING "Sanitizers to build with, as -fsanitize takes them")
option(CLEW_FUZZ "Build fuzz targets with libFuzzer instead of the corpus replayer" OFF)

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 17)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
# Symbols for stack traces without the size of full debug information.
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1")
set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O2 -g1")

add_compile_options(-Wall -Wextra -Wshadow -Werror -fno-omit-frame-pointer -fstack-protector-strong)
add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor> $<$<COMPILE_LANGUAGE:CXX>:-Woverloaded-virtual>)
add_compile_options($<$<CXX_COMPILER_ID:Clang>:-Wthread-safety>)
# stable_sort of libstdc++ 12 uses a function that the same library calls deprecated.
add_compile_options($<$<CXX_COMPILER_ID:Clang>:-Wno-deprecated-declarations>)
if(CLEW_SANITIZE)
  # A third of the compiler's time of -O2, which sanitized code is not run for.
  set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O1 -g1")
  set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O1 -g1")
  add_compile_options(-fsanitize=${CLEW_SANITIZE} -fno-sanitize-recover=undefined)
  add_link_options(-fsanitize=${CLEW_SANITIZE})
  # g++ 12 warns about its own library once sanitizers have rewritten the code.
  add_compile_options($<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized> $<$<CXX_COMPILER_ID:GNU>:-Wno-stringop-overflow>)
endif()

if(CLEW_FUZZ)
  # Libraries too: a fuzzer that sees no coverage of what it tests only guesses.
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()
find_program(MOLD mold)
if(MOLD)
  add_link_options(-fuse-ld=mold)
endif()
find_package(Threads REQUIRED)
