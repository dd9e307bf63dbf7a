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
# A prefix may be moved, and knows where it is; a project of old policies finds it.
file(RENAME ${WORK_DIR}/prefix ${WORK_DIR}/moved)
file(WRITE ${WORK_DIR}/consumer/CMakeLists.txt [[
cmake_minimum_required(VERSION 3.5)
project(consumer CXX)
find_package(Backplane 0.1 REQUIRED)
file(REAL_PATH ${CMAKE_PREFIX_PATH} prefix)
string(FIND "${Backplane_PLUGIN_DIR}" "${prefix}/" at)
if(NOT at EQUAL 0)
  message(FATAL_ERROR "Backplane_PLUGIN_DIR is ${Backplane_PLUGIN_DIR}, not below ${prefix}")
endif()
file(WRITE ${CMAKE_BINARY_DIR}/shared.cpp "#include <backplane/backplane.h>\nbp::Tensor mine(const bp::Tensor& x) { return 1 / x; }\n")
add_library(shared SHARED ${CMAKE_BINARY_DIR}/shared.cpp)
target_link_libraries(shared PRIVATE Backplane::backplane)
]])
run(${CMAKE_COMMAND} -G Ninja -S ${WORK_DIR}/consumer -B ${WORK_DIR}/consumer/build -DCMAKE_PREFIX_PATH=${WORK_DIR}/moved
  -DCMAKE_CXX_COMPILER=${CXX} -DCMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER} "-DCMAKE_CXX_FLAGS=${FLAGS}"
  "-DCMAKE_SHARED_LINKER_FLAGS=${LINK_FLAGS}")
run(${CMAKE_COMMAND} --build ${WORK_DIR}/consumer/build)
# Each header stands on its own, in a program that is strict.
foreach(header IN LISTS headers)
  string(MAKE_C_IDENTIFIER ${header} name)
  file(WRITE ${WORK_DIR}/headers/${name}.cpp "#include <${header}>\n")
  run(${CXX} -std=c++20 -fno-rtti -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror -I${WORK_DIR}/moved/include -fsyntax-only
    ${WORK_DIR}/headers/${name}.cpp)
endforeach()
run(${CMAKE_COMMAND} -G Ninja -S ${EXAMPLES} -B ${WORK_DIR}/build -DCMAKE_PREFIX_PATH=${WORK_DIR}/moved -DCMAKE_CXX_COMPILER=${CXX}
  -DCMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER} "-DCMAKE_CXX_FLAGS=${FLAGS}" "-DCMAKE_EXE_LINKER_FLAGS=${LINK_FLAGS}"
  -DBACKPLANE_EXAMPLE_MODEL=${MODEL})
run(${CMAKE_COMMAND} --build ${WORK_DIR}/build)
set(ENV{BACKPLANE_PLUGIN_PATH} ${PLUGIN_DIR})
run(${CMAKE_CTEST_COMMAND} --test-dir ${WORK_DIR}/build --output-on-failure --no-tests=error)
file(REMOVE_RECURSE ${WORK_DIR})
