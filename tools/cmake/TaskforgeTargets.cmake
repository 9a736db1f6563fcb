find_package(Threads REQUIRED)
find_package(absl REQUIRED)

# taskforge_library(<folder> SOURCES ... DEPS ... [PRIVATE_DEPS ...])
# One static library for each folder of service/, named taskforge_<folder>.
function(taskforge_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS;PRIVATE_DEPS" ${ARGN})
  if(ARG_SOURCES)
    add_library(taskforge_${name} STATIC ${ARG_SOURCES})
    target_include_directories(taskforge_${name} PUBLIC ${CMAKE_SOURCE_DIR}/service)
    target_link_libraries(taskforge_${name}
      PUBLIC ${ARG_DEPS} Threads::Threads
      PRIVATE ${ARG_PRIVATE_DEPS} taskforge_flags)
    # Sanitizers must reach whatever links the library.
    target_link_options(taskforge_${name} PUBLIC $<TARGET_PROPERTY:taskforge_flags,INTERFACE_LINK_OPTIONS>)
  else()
    add_library(taskforge_${name} INTERFACE)
    target_include_directories(taskforge_${name} INTERFACE ${CMAKE_SOURCE_DIR}/service)
    target_link_libraries(taskforge_${name} INTERFACE ${ARG_DEPS} Threads::Threads)
  endif()
endfunction()

# taskforge_binary(<name> SOURCES ... DEPS ...): a program that ships; it lies in <build>/bin/.
function(taskforge_binary name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} taskforge_flags)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
  install(TARGETS ${name} RUNTIME)
endfunction()

# tests_<label> builds what the tests of one label need, tests_all what all of them need.
function(taskforge_tests_need label)
  foreach(group ${label} all)
    if(NOT TARGET tests_${group})
      add_custom_target(tests_${group})
    endif()
    if(ARGN)
      add_dependencies(tests_${group} ${ARGN})
    endif()
  endforeach()
endfunction()

set(TASKFORGE_SANITIZER_ENVIRONMENT
  "TSAN_OPTIONS=detect_deadlocks=1:second_deadlock_stack=1:halt_on_error=1:history_size=4"
  "ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1"
  "UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1")

# A server that a test starts keeps its tasks in memory, unless the test names a directory.
set(TASKFORGE_SERVER_ENVIRONMENT "TASKFORGE_DATA_DIR=none")

# taskforge_test(<name> LABEL unit|integration|... SOURCES ... DEPS ... [TIMEOUT s] [ENV "K=V" ...] [SERIAL])
# A GoogleTest executable; each of its cases is a ctest test of its own, with the label (and, in a
# sanitizer build, the label `sanitize` as well).
function(taskforge_test name)
  cmake_parse_arguments(ARG "SERIAL" "LABEL;TIMEOUT" "SOURCES;DEPS;ENV" ${ARGN})
  if(NOT ARG_LABEL)
    set(ARG_LABEL unit)
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  set(labels ${ARG_LABEL})
  if(TASKFORGE_SANITIZE)
    list(APPEND labels sanitize)
  endif()
  set(environment ${TASKFORGE_SANITIZER_ENVIRONMENT} ${TASKFORGE_SERVER_ENVIRONMENT} ${ARG_ENV})
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests)
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} GTest::gmock GTest::gtest GTest::gtest_main taskforge_flags)
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 120)
  # gtest_discover_tests() flattens a property that is a list, and loses what follows it. So the
  # properties are set when ctest reads the tests that it discovered.
  set(properties "${CMAKE_CURRENT_BINARY_DIR}/${name}_properties.cmake")
  file(WRITE "${properties}" "foreach(test IN LISTS ${name}_TESTS)
  set_tests_properties(\"\${test}\" PROPERTIES LABELS \"${labels}\" TIMEOUT ${ARG_TIMEOUT}
    ENVIRONMENT \"${environment}\" RUN_SERIAL ${ARG_SERIAL})
endforeach()
")
  set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES "${properties}")
  taskforge_tests_need(${ARG_LABEL} ${name})
endfunction()

# taskforge_script_test(<name> LABEL <label> COMMAND <command>... [NEEDS target...] [TIMEOUT s]
#                       [ENV "K=V" ...] [SERIAL])
# A test that is a program of its own: one ctest test, with the label. Those of the labels integration
# and crash run our binaries, so that in a sanitizer build they have the label `sanitize` as well.
function(taskforge_script_test name)
  cmake_parse_arguments(ARG "SERIAL" "LABEL;TIMEOUT" "COMMAND;NEEDS;ENV" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  set(labels ${ARG_LABEL})
  set(environment ${TASKFORGE_SERVER_ENVIRONMENT} ${ARG_ENV})
  if(TASKFORGE_SANITIZE AND ARG_LABEL MATCHES "^(integration|crash)$")
    list(APPEND labels sanitize)
    list(APPEND environment ${TASKFORGE_SANITIZER_ENVIRONMENT})
  endif()
  add_test(NAME ${name} COMMAND ${ARG_COMMAND})
  set_tests_properties(${name} PROPERTIES TIMEOUT ${ARG_TIMEOUT} LABELS "${labels}" ENVIRONMENT "${environment}"
    RUN_SERIAL ${ARG_SERIAL})
  taskforge_tests_need(${ARG_LABEL} ${ARG_NEEDS})
endfunction()
