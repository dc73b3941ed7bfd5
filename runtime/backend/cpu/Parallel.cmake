# dsrt_parallel: what a target links that uses Parallel.h. Debian has libgomp.so.1 in the library path, and the plain
# libgomp.so only inside gcc's folder. LLVM's folder, which is in CMAKE_PREFIX_PATH, has a libgomp.so that is libomp: with
# oneDNN's libgomp that would be two thread pools.
include_guard(GLOBAL)
find_library(GOMP_LIBRARY NAMES libgomp.so.1 gomp REQUIRED NO_CMAKE_PATH NO_CMAKE_ENVIRONMENT_PATH)
add_library(dsrt_parallel INTERFACE)
target_link_libraries(dsrt_parallel INTERFACE ${GOMP_LIBRARY})
