# Writes OUTPUT from TEMPLATE, only when that changes it:
#   cmake -DROOT=... -DTEMPLATE=... -DOUTPUT=... -DVERSION=... -DCOMPILER=... [-DREVISION=...] -P WriteVersion.cmake
# Run at each build: the commit that is built is not known when CMake configures. Without REVISION,
# git is asked for that of ROOT.
if(NOT REVISION)
  execute_process(COMMAND git -C ${ROOT} rev-parse --short=12 HEAD
    OUTPUT_VARIABLE REVISION OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
endif()
if(NOT REVISION)
  set(REVISION unknown)
endif()
configure_file(${TEMPLATE} ${OUTPUT} @ONLY)
