# What a port's author is given: the component "sdk", and the target "sdk" that makes a tarball of it,
# backplane-plugin-sdk-VERSION-linux-x86_64.tar.gz in the build folder: headers, CMake package, template, examples, the
# pages on the border, and the programs that load and judge a plugin, with the CPU plugin to look at.
# Included last: by then all targets are there. What a plain install has as well is installed by those who make it.
include(CMakePackageConfigHelpers)
set(sdk_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/BackplanePlugin)
set(sdk_doc_dir ${CMAKE_INSTALL_DATADIR}/doc/backplane)
file(RELATIVE_PATH to_root /${sdk_package_dir} /)
string(REGEX REPLACE "/$" "" to_root ${to_root})
configure_file(plugin-api/cmake/BackplanePluginConfig.cmake.in ${CMAKE_BINARY_DIR}/BackplanePluginConfig.cmake @ONLY)
# The border has one version, whatever the library's.
write_basic_package_version_file(${CMAKE_BINARY_DIR}/BackplanePluginConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/BackplanePluginConfig.cmake ${CMAKE_BINARY_DIR}/BackplanePluginConfigVersion.cmake
  plugin-api/cmake/backplane_add_plugin.cmake plugin-api/cmake/manifest.in plugin-api/cmake/plugin.map
  DESTINATION ${sdk_package_dir} COMPONENT sdk)
install(DIRECTORY plugin-api/template DESTINATION ${CMAKE_INSTALL_DATADIR}/backplane COMPONENT sdk)
foreach(example first-kernel attached-kernel opencl-plugin)
  if(EXISTS ${PROJECT_SOURCE_DIR}/docs/examples/${example})
    install(DIRECTORY docs/examples/${example} DESTINATION ${CMAKE_INSTALL_DATADIR}/backplane/examples COMPONENT sdk)
  endif()
endforeach()
# Links that lead out of docs/ in the tree lead into the SDK's folders.
foreach(page plugin_abi porting opset conform tuning decisions/0001-plugin-border)
  set(source ${PROJECT_SOURCE_DIR}/docs/${page}.md)
  if(EXISTS ${source})
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${source})
    file(READ ${source} text)
    string(REPLACE "](../plugin-api/include/" "](../../../include/" text "${text}")
    string(REPLACE "](examples/" "](../../backplane/examples/" text "${text}")
    string(REPLACE "`core/reference`" "[reference/ops](../../backplane/reference/ops)" text "${text}")
    file(WRITE ${CMAKE_BINARY_DIR}/sdk_docs/${page}.md "${text}")
    get_filename_component(folder ${page} DIRECTORY)
    install(FILES ${CMAKE_BINARY_DIR}/sdk_docs/${page}.md DESTINATION ${sdk_doc_dir}/${folder} COMPONENT sdk)
  endif()
endforeach()
# To read, not to compile: what ops mean to the last case, and how blocks of weights lie.
set(sdk_reference_dir ${CMAKE_INSTALL_DATADIR}/backplane/reference)
install(DIRECTORY core/reference/ DESTINATION ${sdk_reference_dir}/ops COMPONENT sdk FILES_MATCHING PATTERN "*.cpp" PATTERN "*.h")
install(DIRECTORY core/quant/ DESTINATION ${sdk_reference_dir}/blocks COMPONENT sdk
  FILES_MATCHING REGEX "/(i?q[0-9][a-z0-9_]*|mxfp4|fp8|k_scales|minifloat|plain)\\.(cpp|h)$")
# Something to run: a golden's model, and a tokenizer of bytes beside it.
install(FILES tests/goldens/data/llama/config.json tests/goldens/data/llama/model.safetensors
  DESTINATION ${CMAKE_INSTALL_DATADIR}/backplane/tiny-llama COMPONENT sdk)
install(FILES tests/core/api/byte_tokenizer.json DESTINATION ${CMAKE_INSTALL_DATADIR}/backplane/tiny-llama RENAME tokenizer.json
  COMPONENT sdk)
install(FILES LICENSE DESTINATION ${sdk_doc_dir} COMPONENT sdk)
install(DIRECTORY plugin-api/include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT sdk EXCLUDE_FROM_ALL)
foreach(program backplane backplane-conform)
  if(TARGET ${program})
    install(TARGETS ${program} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT sdk EXCLUDE_FROM_ALL)
    list(APPEND sdk_targets ${program})
  endif()
endforeach()
if(TARGET backplane_probe)
  install(TARGETS backplane_probe RUNTIME DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/backplane COMPONENT sdk EXCLUDE_FROM_ALL)
  list(APPEND sdk_targets backplane_probe)
endif()
if(TARGET cpu)
  install(TARGETS cpu LIBRARY DESTINATION ${BACKPLANE_PLUGIN_INSTALL_DIR} COMPONENT sdk EXCLUDE_FROM_ALL)
  list(APPEND sdk_targets cpu)
endif()

set(sdk_name backplane-plugin-sdk-${PROJECT_VERSION}-linux-${CMAKE_SYSTEM_PROCESSOR})
add_custom_target(sdk
  COMMAND ${CMAKE_COMMAND} -DBUILD_DIR=${CMAKE_BINARY_DIR} -DNAME=${sdk_name} -DOUT_DIR=${CMAKE_BINARY_DIR}
          -P ${PROJECT_SOURCE_DIR}/plugin-api/cmake/make_tarball.cmake
  VERBATIM)
if(sdk_targets)
  add_dependencies(sdk ${sdk_targets})
endif()
