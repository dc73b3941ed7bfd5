# The CUDA backend is built where there is a CUDA 13 toolkit (nvcc on the PATH, in CUDACXX or in /usr/local/cuda); nothing else needs one.
option(DSMLIR_CUDA "Build the CUDA backend where a CUDA 13 toolkit is found" ON)
set(DSMLIR_CUDA_FOUND OFF)
if(DSMLIR_CUDA)
  find_program(NVCC nvcc HINTS ENV CUDACXX PATHS /usr/local/cuda/bin)
  # nvcc 13.0 takes gcc up to 15 and clang up to 20 as its host compiler; ours is clang 22.
  find_program(NVCC_HOST_COMPILER g++)
  if(NVCC AND NVCC_HOST_COMPILER)
    set(CMAKE_CUDA_COMPILER ${NVCC})
    set(CMAKE_CUDA_HOST_COMPILER ${NVCC_HOST_COMPILER})
    # wgmma and setmaxnreg are in sm_90a alone.
    set(CMAKE_CUDA_ARCHITECTURES 90a-real)
    # Enabling the language links a test with g++, which does not know lld-22 by name. What has kernels in it is linked by clang.
    set(flags ${CMAKE_EXE_LINKER_FLAGS})
    set(CMAKE_EXE_LINKER_FLAGS "")
    enable_language(CUDA)
    set(CMAKE_EXE_LINKER_FLAGS ${flags})
    # CMake 3.25 does not know this of nvcc 13.
    set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
    set(CMAKE_CUDA_STANDARD 20)
    find_package(CUDAToolkit 13 REQUIRED)
    if(CCACHE)
      set(CMAKE_CUDA_COMPILER_LAUNCHER ${CCACHE})
    endif()
    set(DSMLIR_CUDA_FOUND ON)
  else()
    message(STATUS "no nvcc and g++: the CUDA backend is left out")
  endif()
endif()
