# Warnings as errors for our own code, ccache where present, sanitizers by name.
find_program(TIDEGAUGE_CCACHE ccache)
if(TIDEGAUGE_CCACHE)
  # Precompiled headers need these allowances, or every object misses.
  set(launcher ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${TIDEGAUGE_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${launcher})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
  set(CMAKE_CUDA_COMPILER_LAUNCHER ${launcher})
endif()

set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)

add_library(tidegauge_warnings INTERFACE)
target_compile_options(tidegauge_warnings INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Werror>)
option(TIDEGAUGE_WERROR "A warning in our code is an error; off for compilers that it was never built with" ON)
if(NOT TIDEGAUGE_WERROR)
  target_compile_options(tidegauge_warnings INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wno-error>)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # GCC 12 sees an overlap in `"literal" + std::string` that is not there (GCC bug 105651).
  target_compile_options(tidegauge_warnings INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wno-restrict>)
endif()

if(TIDEGAUGE_FUZZ)
  # Clang builds the fuzzers and nothing else; the warnings that count are those of the compiler that builds the rest.
  target_compile_options(tidegauge_warnings INTERFACE -w)
endif()

if(TIDEGAUGE_SANITIZE)
  add_compile_options($<$<COMPILE_LANGUAGE:C,CXX>:-fsanitize=${TIDEGAUGE_SANITIZE}>
                      $<$<COMPILE_LANGUAGE:C,CXX>:-fno-omit-frame-pointer>
                      $<$<COMPILE_LANGUAGE:C,CXX>:-fno-sanitize-recover=all> -g1)
  add_link_options(-fsanitize=${TIDEGAUGE_SANITIZE})
  # Both sanitizers keep a table of places for the run-time linker to fill: 100 MB a program, at each of a thousand starts.
  # A program at a fixed address needs none of that.
  if(TIDEGAUGE_SANITIZE MATCHES "address" AND NOT TIDEGAUGE_FUZZ)
    add_link_options(-no-pie)
  endif()
  # GCC sees members of an empty std::optional, and of std::regex, used when it instruments them; they are not.
  add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-Wno-maybe-uninitialized>)
endif()
