# backplane_add_plugin(NAME cpu SOURCES plugin.cpp … [LIBS dnnl …])
# A plugin: NAME.so, a module that exports bp_plugin_entry_v<N> and nothing else, links no part of the host, and lands in
# BACKPLANE_PLUGIN_BUILD_DIR when built and in BACKPLANE_PLUGIN_INSTALL_DIR when installed, where these are set.

function(backplane_add_plugin)
  cmake_parse_arguments(ARG "" "NAME" "SOURCES;LIBS" ${ARGN})
  add_library(${ARG_NAME} MODULE ${ARG_SOURCES})
  target_link_libraries(${ARG_NAME} PRIVATE backplane_plugin_api ${ARG_LIBS})
  set_target_properties(${ARG_NAME} PROPERTIES
    PREFIX "" SUFFIX ".so"
    CXX_VISIBILITY_PRESET hidden C_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON
    POSITION_INDEPENDENT_CODE ON)
  # Unique symbols of the C++ library would keep the file mapped after dlclose.
  target_compile_options(${ARG_NAME} PRIVATE $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-fno-gnu-unique>)
  target_link_options(${ARG_NAME} PRIVATE
    -Wl,--version-script=${CMAKE_CURRENT_FUNCTION_LIST_DIR}/plugin.map -Wl,-Bsymbolic -Wl,-z,now)
  if(NOT CMAKE_CXX_FLAGS MATCHES "-fsanitize")  # a sanitizer's runtime is the program's
    target_link_options(${ARG_NAME} PRIVATE -Wl,-z,defs)
  endif()
  set_property(GLOBAL APPEND PROPERTY BACKPLANE_PLUGINS ${ARG_NAME})
  set_property(TARGET ${ARG_NAME} PROPERTY LINK_DEPENDS ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/plugin.map)
  if(BACKPLANE_PLUGIN_BUILD_DIR)
    set_target_properties(${ARG_NAME} PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${BACKPLANE_PLUGIN_BUILD_DIR})
  endif()
  if(BACKPLANE_PLUGIN_INSTALL_DIR)
    install(TARGETS ${ARG_NAME} LIBRARY DESTINATION ${BACKPLANE_PLUGIN_INSTALL_DIR})
  endif()
endfunction()
