# dsrt_parallel: what a target links that uses Parallel.h. Debian has libgomp.so.1 in the library path, and the plain
# libgomp.so only inside gcc's folder.
include_guard(GLOBAL)
find_library(GOMP_LIBRARY NAMES gomp libgomp.so.1 REQUIRED)
add_library(dsrt_parallel INTERFACE)
target_link_libraries(dsrt_parallel INTERFACE ${GOMP_LIBRARY})
