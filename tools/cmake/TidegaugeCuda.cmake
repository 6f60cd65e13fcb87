# Decides whether the CUDA module is built: sets TIDEGAUGE_HAVE_CUDA and says why not.
set(TIDEGAUGE_HAVE_CUDA OFF)
if(TIDEGAUGE_CUDA STREQUAL "OFF")
  message(STATUS "CUDA module: left out (TIDEGAUGE_CUDA=OFF)")
  return()
endif()

include(CheckLanguage)
find_program(TIDEGAUGE_NVCC nvcc HINTS ENV CUDA_HOME ENV CUDA_PATH PATHS ${TIDEGAUGE_CUDA_HINTS} PATH_SUFFIXES bin
             NO_CMAKE_SYSTEM_PATH)
if(TIDEGAUGE_NVCC AND NOT CMAKE_CUDA_COMPILER AND NOT DEFINED ENV{CUDACXX})
  set(ENV{CUDACXX} ${TIDEGAUGE_NVCC})   # check_language looks only here and in PATH
endif()
# CMAKE_CUDA_COMPILER must not be preset: check_language would skip its probe and a broken nvcc would end the build.
if(DEFINED ENV{CUDACXX})
  check_language(CUDA)
endif()
if(NOT CMAKE_CUDA_COMPILER)
  if(TIDEGAUGE_CUDA STREQUAL "ON")
    message(FATAL_ERROR "TIDEGAUGE_CUDA=ON, but no working nvcc was found. Install the CUDA Toolkit 13, or set CUDACXX.")
  endif()
  message(STATUS "CUDA module: left out (no working nvcc in PATH, CUDA_HOME or ${TIDEGAUGE_CUDA_HINTS})")
  return()
endif()

if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
  execute_process(COMMAND nvidia-smi --query-gpu=compute_cap --format=csv,noheader
                  OUTPUT_VARIABLE caps ERROR_QUIET RESULT_VARIABLE rc)
  if(rc EQUAL 0 AND caps MATCHES "([0-9]+)\\.([0-9]+)")
    set(CMAKE_CUDA_ARCHITECTURES "${CMAKE_MATCH_1}${CMAKE_MATCH_2}-real")   # the card that is here
  else()
    set(CMAKE_CUDA_ARCHITECTURES 75-real 80-real 86-real 89-real 90-real 100-real 120-real)
    if(TIDEGAUGE_CUDA_PTX)
      list(APPEND CMAKE_CUDA_ARCHITECTURES 120-virtual)   # runs on newer cards after a compile at load
    endif()
  endif()
endif()
enable_language(CUDA)
if(NOT DEFINED CMAKE_CUDA20_STANDARD_COMPILE_OPTION AND CMAKE_CUDA_COMPILER_ID STREQUAL NVIDIA
   AND CMAKE_CUDA_COMPILER_VERSION VERSION_GREATER_EQUAL 12)
  set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION "-std=c++20")   # CMake 3.25 does not know it
  set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION "-std=c++20")
endif()
set(CMAKE_CUDA_STANDARD 20)
set(CMAKE_CUDA_STANDARD_REQUIRED ON)
set(CMAKE_CUDA_RUNTIME_LIBRARY Static)
find_package(CUDAToolkit REQUIRED)
set(TIDEGAUGE_HAVE_CUDA ON)
message(STATUS "CUDA module: nvcc ${CMAKE_CUDA_COMPILER_VERSION}, architectures ${CMAKE_CUDA_ARCHITECTURES}")

# Only headers: the library is loaded at run time (kernels/core/cudnn_library.hpp).
find_path(CUDNN_INCLUDE_DIR cudnn_adv.h HINTS ${CUDNN_ROOT} ENV CUDNN_ROOT ENV CUDNN_PATH ${CUDAToolkit_INCLUDE_DIRS}
          PATH_SUFFIXES include include/x86_64-linux-gnu)
if(CUDNN_INCLUDE_DIR)
  file(STRINGS ${CUDNN_INCLUDE_DIR}/cudnn_version.h version REGEX "^#define CUDNN_(MAJOR|MINOR) ")
  string(REGEX REPLACE ".*MAJOR ([0-9]+).*MINOR ([0-9]+).*" "\\1.\\2" version "${version}")
  message(STATUS "LSTM in the CUDA module: cuDNN ${version} headers in ${CUDNN_INCLUDE_DIR}")
else()
  message(STATUS "LSTM in the CUDA module: left out (no cudnn_adv.h; install cuDNN 9 or set CUDNN_ROOT)")
endif()
