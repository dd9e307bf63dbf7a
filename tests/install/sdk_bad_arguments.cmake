# What backplane_add_plugin cannot write into a manifest is an error at configure time that says what to change.
include(${CMAKE_CURRENT_LIST_DIR}/run.cmake)

function(refuse message)
  file(REMOVE_RECURSE ${WORK_DIR})
  list(JOIN ARGN " " arguments)
  file(WRITE ${WORK_DIR}/CMakeLists.txt
    "cmake_minimum_required(VERSION 3.20)\nproject(bad LANGUAGES NONE)\nfind_package(BackplanePlugin REQUIRED)\nbackplane_add_plugin(${arguments})\n")
  execute_process(COMMAND ${CMAKE_COMMAND} -S ${WORK_DIR} -B ${WORK_DIR}/build -DCMAKE_PREFIX_PATH=${SDK}
    RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE errors)
  string(REGEX REPLACE "[ \n]+" " " errors "${errors}")  # CMake breaks lines
  if(result EQUAL 0)
    message(FATAL_ERROR "accepted: ${arguments}")
  endif()
  expect("${errors}" "${message}")
endfunction()

string(REPEAT "x" 160 long)
refuse("NAME \"My-Chip\" must be of" NAME My-Chip SOURCES a.cpp)
refuse("SOURCES not empty" NAME mychip)
refuse("unknown arguments \"VENDER;me\"" VENDER me NAME mychip SOURCES a.cpp)
refuse("HINT has 160 bytes, at most 159" NAME mychip SOURCES a.cpp HINT ${long})
refuse("KIND \"GPU\" is neither" NAME mychip SOURCES a.cpp KIND GPU)
refuse("needs ATTACHES_TO" NAME mychip SOURCES a.cpp KIND ATTACHED)
refuse("DEVICE_CLASS \"My\" must be of" NAME mychip SOURCES a.cpp DEVICE_CLASS My)
file(REMOVE_RECURSE ${WORK_DIR})
