# CASES on PLUGIN: some must fail, and the program must say so.
execute_process(COMMAND ${PROGRAM} ${PLUGIN} --only ${CASES} --set isa=avx2 --no-times --no-progress --json
                RESULT_VARIABLE result OUTPUT_VARIABLE report ERROR_VARIABLE errors)
if(NOT result EQUAL 1)
  message(FATAL_ERROR "not caught: exit code ${result}\n${errors}${report}")
endif()
string(JSON n_failed GET "${report}" counts failed)
string(JSON n_passed GET "${report}" counts passed)
if(n_failed EQUAL 0)
  message(FATAL_ERROR "exit code 1, but nothing has failed")
endif()
message(STATUS "caught: ${n_failed} cases failed, ${n_passed} passed")
