# The SDK as a stranger gets it: the tarball, unpacked elsewhere.
include(${CMAKE_CURRENT_LIST_DIR}/run.cmake)
file(REMOVE_RECURSE ${WORK_DIR})
file(MAKE_DIRECTORY ${WORK_DIR})
run(${CMAKE_COMMAND} -DBUILD_DIR=${BUILD_DIR} -DNAME=backplane-plugin-sdk -DOUT_DIR=${WORK_DIR} -P ${TARBALL_SCRIPT})
run(${CMAKE_COMMAND} -E chdir ${WORK_DIR} ${CMAKE_COMMAND} -E tar xzf backplane-plugin-sdk.tar.gz)
file(REMOVE ${WORK_DIR}/backplane-plugin-sdk.tar.gz)
