include(${CMAKE_CURRENT_LIST_DIR}/run.cmake)

file(REMOVE_RECURSE ${WORK_DIR})
run(${CMAKE_COMMAND} --install ${BUILD_DIR} --prefix ${WORK_DIR}/prefix --component library)
# New plugins are tried by it.
if(NOT EXISTS ${WORK_DIR}/prefix/libexec/backplane/probe)
  message(FATAL_ERROR "libexec/backplane/probe was not installed")
endif()
# Nothing of the core, and nothing of third parties, is needed to compile against it.
file(GLOB_RECURSE headers RELATIVE ${WORK_DIR}/prefix/include ${WORK_DIR}/prefix/include/*)
foreach(header IN LISTS headers)
  if(NOT header MATCHES "^backplane/(backplane\\.h|api/[a-z_]+\\.h)$")
    message(FATAL_ERROR "${header} was installed")
  endif()
endforeach()
run(${CMAKE_COMMAND} -G Ninja -S ${EXAMPLES} -B ${WORK_DIR}/build -DCMAKE_PREFIX_PATH=${WORK_DIR}/prefix -DCMAKE_CXX_COMPILER=${CXX}
  -DCMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER} "-DCMAKE_CXX_FLAGS=${FLAGS}" "-DCMAKE_EXE_LINKER_FLAGS=${LINK_FLAGS}"
  -DBACKPLANE_EXAMPLE_MODEL=${MODEL})
run(${CMAKE_COMMAND} --build ${WORK_DIR}/build)
set(ENV{BACKPLANE_PLUGIN_PATH} ${PLUGIN_DIR})
run(${CMAKE_CTEST_COMMAND} --test-dir ${WORK_DIR}/build --output-on-failure --no-tests=error)
file(REMOVE_RECURSE ${WORK_DIR})
