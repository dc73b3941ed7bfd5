# ds_toy_artifact(name DEFINES...): ToyArtifact.c as ${CMAKE_BINARY_DIR}/test/toy/<name>.dsx.
set(DS_TOY_SOURCE ${CMAKE_CURRENT_LIST_DIR}/ToyArtifact.c)
add_custom_target(toy_artifacts)
function(ds_toy_artifact name)
  add_library(toy_${name} MODULE ${DS_TOY_SOURCE})
  add_dependencies(toy_${name} dsrt_generated)
  add_dependencies(toy_artifacts toy_${name})
  target_compile_definitions(toy_${name} PRIVATE ${ARGN})
  # Its calls are answered by the program that opens it; sanitizers stay out: an artifact has none.
  target_compile_options(toy_${name} PRIVATE -fno-sanitize=all)
  target_link_options(toy_${name} PRIVATE -fno-sanitize=all -nostdlib)
  set_target_properties(toy_${name} PROPERTIES PREFIX "" SUFFIX ".dsx" OUTPUT_NAME ${name} LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/test/toy)
endfunction()
