# The example of an attached plugin, built with nothing but the SDK, loads; what it does, e2e.AttachedPlugin tests.
include(${CMAKE_CURRENT_LIST_DIR}/run.cmake)
file(REMOVE_RECURSE ${WORK_DIR})
set(ENV{XDG_CACHE_HOME} ${WORK_DIR}/cache)
build_port(${SDK}/share/backplane/examples/attached-kernel ${WORK_DIR}/build)
run(${SDK}/bin/backplane explain ${MODEL} --json --device cpu:0 --plugin-dir ${WORK_DIR}/build)
expect("${run_output}" "\"kernel\": *\"last_norm.gather_rms_norm\"")
file(REMOVE_RECURSE ${WORK_DIR})
