# Options, language level, warnings, hardening and sanitizers: one place, used by every target.
option(TASKFORGE_WITH_GRPC "Build what links gRPC: the server, the command line, their tests" ON)
option(TASKFORGE_BUILD_TESTS "Build the tests" ON)
option(TASKFORGE_BUILD_BENCH "Build the benchmarks and their peers" OFF)
option(TASKFORGE_POOL_STATISTICS "Count each dispatch of the pool; OFF only to measure what that costs" ON)
option(TASKFORGE_WERROR "Warnings are errors" OFF)
set(TASKFORGE_SANITIZE "" CACHE STRING "Value of -fsanitize=, for example thread or address,undefined")

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_POLICY_DEFAULT_CMP0083 NEW)
include(CheckPIESupported)
check_pie_supported()

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_C_COMPILER_LAUNCHER "${CCACHE_PROGRAM}")
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CCACHE_PROGRAM}")
endif()

add_library(taskforge_flags INTERFACE)
target_compile_options(taskforge_flags INTERFACE -Wall -Wextra -Wpedantic -fno-omit-frame-pointer)
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  target_compile_options(taskforge_flags INTERFACE -Wthread-safety)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # GCC 12 warns of impossible overlaps inside std::string's own operator+ (GCC bug 105651).
  target_compile_options(taskforge_flags INTERFACE -Wno-restrict)
endif()
if(TASKFORGE_WERROR)
  target_compile_options(taskforge_flags INTERFACE -Werror)
endif()

if(TASKFORGE_SANITIZE)
  target_compile_options(taskforge_flags INTERFACE -fsanitize=${TASKFORGE_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(taskforge_flags INTERFACE -fsanitize=${TASKFORGE_SANITIZE})
  if(TASKFORGE_SANITIZE MATCHES "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # GCC warns that TSan does not model fences; we use none (seq_cst RMWs instead), but libstdc++ headers do.
    target_compile_options(taskforge_flags INTERFACE -Wno-tsan)
  endif()
  # -Og-like cost with usable speed; RelWithDebInfo's -O2 -g is heavy on two cores.
  set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O1 -g1 -DNDEBUG")
elseif(CMAKE_BUILD_TYPE STREQUAL "Release")
  target_compile_options(taskforge_flags INTERFACE
    -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -D_GLIBCXX_ASSERTIONS
    -fstack-protector-strong -fstack-clash-protection -fcf-protection)
  target_link_options(taskforge_flags INTERFACE -Wl,-z,relro,-z,now)
  set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1 -DNDEBUG")
endif()
