# Fails unless every schema in SOURCE_DIR is a compatible successor of its frozen copy in SOURCE_DIR/released.
# Usage: cmake -DFLATC=… -DSOURCE_DIR=… -P conform.cmake
file(GLOB released ${SOURCE_DIR}/released/*.fbs)
foreach(frozen IN LISTS released)
  get_filename_component(name ${frozen} NAME)
  set(current ${SOURCE_DIR}/${name})
  if(NOT EXISTS ${current})
    message(FATAL_ERROR "released schema ${name} is gone")
  endif()
  execute_process(
    COMMAND ${FLATC} --require-explicit-ids -I ${SOURCE_DIR} --conform-includes ${SOURCE_DIR}/released
            --conform ${frozen} ${current}
    RESULT_VARIABLE failed OUTPUT_VARIABLE text ERROR_VARIABLE text)
  if(failed)
    message(FATAL_ERROR "${name} does not conform to its released copy:\n${text}")
  endif()
endforeach()
