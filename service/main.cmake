# taskforged: the composition root.
find_package(CLI11 REQUIRED)

set(version_source ${CMAKE_CURRENT_BINARY_DIR}/version.cc)
add_custom_target(taskforge_version
  COMMAND ${CMAKE_COMMAND} -DROOT=${CMAKE_SOURCE_DIR} -DTEMPLATE=${CMAKE_CURRENT_SOURCE_DIR}/version.cc.in
          -DOUTPUT=${version_source} -DVERSION=${PROJECT_VERSION} -DREVISION=${TASKFORGE_REVISION}
          "-DCOMPILER=${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}"
          -P ${CMAKE_SOURCE_DIR}/tools/cmake/WriteVersion.cmake
  BYPRODUCTS ${version_source}
  COMMENT "Asking git for the revision" VERBATIM)

taskforge_library(server
  SOURCES composition.cc composition_guarantees.cc doctor.cc doctor_addresses.cc doctor_files.cc doctor_machine.cc doctor_store.cc health_target.cc
          pool_setup.cc signals.cc storage.cc store_commands.cc ${version_source}
  DEPS taskforge_joints taskforge_rpc taskforge_intake taskforge_lifecycle taskforge_runner taskforge_handlers
    taskforge_queues taskforge_settings taskforge_schedules taskforge_persistence taskforge_store taskforge_bus taskforge_pool
    taskforge_config
    taskforge_metrics taskforge_admin taskforge_task taskforge_base)
add_dependencies(taskforge_server taskforge_version)

taskforge_binary(taskforged SOURCES main.cc DEPS taskforge_server CLI11::CLI11)
# A task is made on one thread and freed on another, millions of times. The C library's allocator
# takes the lock of the arena that a block came from; tcmalloc hands blocks over in batches.
# Sanitizers bring their own.
if(NOT TASKFORGE_SANITIZE)
  find_package(PkgConfig REQUIRED)
  pkg_check_modules(tcmalloc REQUIRED IMPORTED_TARGET libtcmalloc_minimal)
  target_link_libraries(taskforged PRIVATE PkgConfig::tcmalloc)
endif()
