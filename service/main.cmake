# taskforged: the composition root.
find_package(CLI11 REQUIRED)
if(NOT TASKFORGE_REVISION)
  execute_process(COMMAND git -C ${CMAKE_SOURCE_DIR} rev-parse --short=12 HEAD
    OUTPUT_VARIABLE TASKFORGE_REVISION OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
endif()
if(NOT TASKFORGE_REVISION)
  set(TASKFORGE_REVISION unknown)
endif()
configure_file(${CMAKE_CURRENT_SOURCE_DIR}/version.h.in ${CMAKE_CURRENT_BINARY_DIR}/version/version.h @ONLY)

taskforge_library(server
  SOURCES composition.cc
  DEPS taskforge_rpc taskforge_intake taskforge_lifecycle taskforge_runner taskforge_handlers
    taskforge_queues taskforge_store taskforge_bus taskforge_pool taskforge_config
    taskforge_metrics taskforge_admin taskforge_task taskforge_base)
target_include_directories(taskforge_server PUBLIC ${CMAKE_CURRENT_BINARY_DIR}/version)

add_executable(taskforged main.cc)
target_link_libraries(taskforged PRIVATE taskforge_server CLI11::CLI11 taskforge_flags)
set_target_properties(taskforged PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
