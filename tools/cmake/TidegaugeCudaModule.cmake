# libtidegauge_cuda.so: everything that needs CUDA, loaded at run time (kernels/core/cuda_module.hpp). The CUDA runtime
# is inside it and hidden, so that neither the program nor another library sees its symbols; whatever else it misses
# is an error of the link, not of a user's first run.
add_library(tidegauge_cuda MODULE ${cuda_sources})
target_link_libraries(tidegauge_cuda PRIVATE tidegauge_kernels ${CMAKE_DL_LIBS})
if(CUDNN_INCLUDE_DIR)
  target_include_directories(tidegauge_cuda SYSTEM PRIVATE ${CUDNN_INCLUDE_DIR})
  target_compile_definitions(tidegauge_cuda PRIVATE TIDEGAUGE_CUDNN=1)
endif()
target_compile_options(tidegauge_cuda PRIVATE $<$<COMPILE_LANGUAGE:CUDA>:--expt-relaxed-constexpr -Xcompiler=-Wall,-Wextra -lineinfo>)
if(TIDEGAUGE_WERROR)
  target_compile_options(tidegauge_cuda PRIVATE $<$<COMPILE_LANGUAGE:CUDA>:--Werror=all-warnings -Xcompiler=-Werror>)
endif()
set(exports ${CMAKE_CURRENT_SOURCE_DIR}/device/cuda_module.map)
target_link_options(tidegauge_cuda PRIVATE -Wl,--exclude-libs,ALL -Wl,-z,defs -Wl,--version-script,${exports})
set_property(TARGET tidegauge_cuda APPEND PROPERTY LINK_DEPENDS ${exports})
set_target_properties(tidegauge_cuda PROPERTIES CUDA_VISIBILITY_PRESET hidden CUDA_SEPARABLE_COMPILATION OFF)

# Slopes have the same bits on the CPU and the GPU. Nothing in their rules can be contracted into a fused
# multiply-add today; this keeps it so for whoever adds a product.
set_source_files_properties(${CMAKE_CURRENT_SOURCE_DIR}/slope/slope_cuda.cu
  ${CMAKE_CURRENT_SOURCE_DIR}/slope/surge_cuda.cu PROPERTIES COMPILE_OPTIONS -fmad=false)

# The program says "not built" where this is not defined, and "not found" where it is.
target_compile_definitions(tidegauge_kernels PRIVATE TIDEGAUGE_CUDA_MODULE_BUILT=1)
install(TARGETS tidegauge_cuda LIBRARY DESTINATION lib/tidegauge)
