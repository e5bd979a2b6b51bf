# Flags for our own code: tarn_options is linked by every target of ours and by nothing else.
add_library(tarn_options INTERFACE)
target_compile_options(tarn_options INTERFACE
  -Wall -Wextra -Wshadow -Wconversion -Werror -fno-omit-frame-pointer
  $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety>
  # gcc 12 warns about its own std::string inlining at -O2 (PR 105329, PR 105651).
  $<$<AND:$<COMPILE_LANGUAGE:CXX>,$<CXX_COMPILER_ID:GNU>>:-Wno-restrict>)
target_include_directories(tarn_options INTERFACE ${PROJECT_SOURCE_DIR})
# Line tables are enough for a backtrace, perf and the sanitizers; full debug information costs a third of the compile time.
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1 -DNDEBUG")
if(TARN_SANITIZE)
  set(CMAKE_CXX_FLAGS_DEBUG "-g1")
  add_compile_options(-fsanitize=${TARN_SANITIZE} -fno-sanitize-recover=all -g1)
  add_link_options(-fsanitize=${TARN_SANITIZE})
endif()
if(TARN_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# tarn_library(name SOURCES a.cc … LINK other …): a static library of ours.
function(tarn_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK;PRIVATE_LINK" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC tarn_options ${ARG_LINK} PRIVATE ${ARG_PRIVATE_LINK})
endfunction()

# tarn_test(name SOURCES a_test.cc … LINK libs …): one GoogleTest binary, each case a ctest.
function(tarn_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;LINK" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)  # Under sanitizers on two busy cores; a hang is found all the same.
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE tarn_options ${ARG_LINK} GTest::gmock GTest::gtest_main)
  # The tested libraries keep their optimisation; the tests themselves compile twice as fast without.
  target_compile_options(${name} PRIVATE -O0)
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES TIMEOUT ${ARG_TIMEOUT} LABELS unit)
endfunction()
