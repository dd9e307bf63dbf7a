# run(COMMAND…): fails the test with what the command printed, unless it returns 0. Its standard output is in run_output.
function(run)
  execute_process(COMMAND ${ARGV} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE errors)
  if(NOT result EQUAL 0)
    list(JOIN ARGV " " command)
    message(FATAL_ERROR "${command}\n${output}${errors}")
  endif()
  set(run_output "${output}" PARENT_SCOPE)
endfunction()

# build_port(SOURCE BUILD OPTION…): configured against the SDK alone, and built.
function(build_port source build)
  run(${CMAKE_COMMAND} -G Ninja -S ${source} -B ${build} -DCMAKE_PREFIX_PATH=${SDK} -DCMAKE_CXX_COMPILER=${CXX}
    -DCMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER} "-DCMAKE_CXX_FLAGS=${FLAGS} -Wall -Wextra -Werror" "-DCMAKE_MODULE_LINKER_FLAGS=${LINK_FLAGS}" ${ARGN})
  run(${CMAKE_COMMAND} --build ${build})
endfunction()

# expect(TEXT REGEX): fails the test where the text does not match.
function(expect text regex)
  if(NOT text MATCHES "${regex}")
    message(FATAL_ERROR "wanted: ${regex}\ngot: ${text}")
  endif()
endfunction()
