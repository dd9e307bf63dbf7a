# The OpenCL port, a stranger to this repository: built with nothing but the SDK, it runs a golden model on PoCL within the
# bounds of the other devices, no op of a step on the reference, and is graded.
include(${CMAKE_CURRENT_LIST_DIR}/run.cmake)
file(REMOVE_RECURSE ${WORK_DIR})
file(MAKE_DIRECTORY ${WORK_DIR})
set(ENV{XDG_CACHE_HOME} ${WORK_DIR}/cache)
set(ENV{POCL_CACHE_DIR} ${WORK_DIR}/pocl)
set(ENV{ASAN_OPTIONS} detect_leaks=0)  # the driver keeps what its compiler allocates

# What docs/porting.md says of its size is so.
file(GLOB_RECURSE sources ${SDK}/share/backplane/examples/opencl-plugin/*)
set(lines 0)
foreach(source IN LISTS sources)
  file(READ ${source} text)
  string(REGEX REPLACE "[^\n]" "" newlines "${text}")
  string(LENGTH "${newlines}" count)
  math(EXPR lines "${lines} + ${count}")
endforeach()
file(READ ${SDK}/share/doc/backplane/porting.md porting)
expect("${porting}" "\n${lines} lines: ")

build_port(${SDK}/share/backplane/examples/opencl-plugin ${WORK_DIR}/build)

execute_process(COMMAND ${SDK}/bin/backplane devices --json --plugin-dir ${WORK_DIR}/build OUTPUT_VARIABLE devices)
if(NOT devices MATCHES "\"id\": *\"opencl:0\"")
  message("skipped: this machine has no OpenCL device; scripts/install_packages --test installs PoCL\n${devices}")
  return()
endif()

run(${SDK}/bin/backplane explain ${MODEL} --json --device opencl:0 --plugin-dir ${WORK_DIR}/build)
expect("${run_output}" "\"fallback\": *\\[\\]")
foreach(kernel matmul_add matmul_silu_mul rope_kv_write_both gather_rms_norm attention)
  expect("${run_output}" "\"kernel\": *\"opencl.${kernel}\"")
endforeach()

set(ENV{BACKPLANE_GOLDEN_PLUGIN_DIR} ${WORK_DIR}/build)
run(${GOLDEN_TEST} --gtest_filter=Models/Golden.AgreesHoweverItIsFed/llama:Models/Golden.AgreesHoweverItIsFed/variant_gguf_q4_with_q8_0)

if(EXISTS ${SDK}/bin/backplane-conform)
  run(${SDK}/bin/backplane-conform ${WORK_DIR}/build/opencl.so --json --no-times --no-progress)
  expect("${run_output}" "\"grade\": *[345]")
endif()
file(REMOVE_RECURSE ${WORK_DIR})
