# cmake -DBUILD_DIR=build/release -DNAME=backplane-plugin-sdk-… -DOUT_DIR=… -P make_tarball.cmake: writes OUT_DIR/NAME.tar.gz,
# of one folder NAME, from what is built.
set(stage ${OUT_DIR}/${NAME}.stage)
file(REMOVE_RECURSE ${stage} ${OUT_DIR}/${NAME}.tar.gz)
file(COPY ${CMAKE_CURRENT_LIST_DIR}/../README.md DESTINATION ${stage}/${NAME})
foreach(command "--install;${BUILD_DIR};--component;sdk;--strip;--prefix;${stage}/${NAME}"
                "-E;chdir;${stage};${CMAKE_COMMAND};-E;tar;czf;${OUT_DIR}/${NAME}.tar.gz;${NAME}")
  execute_process(COMMAND ${CMAKE_COMMAND} ${command} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "${output}")
  endif()
endforeach()
file(REMOVE_RECURSE ${stage})
