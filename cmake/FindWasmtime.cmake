# The engine as the imported target `crank_wasmtime`. Looked for in CRANK_WASMTIME_DIR, else in the cache where
# tools/get_wasmtime.sh puts it. The library has no SONAME, so it is linked as -lwasmtime (IMPORTED_NO_SONAME): a binary
# that recorded the full path given to the linker would not survive an installation elsewhere.
set(CRANK_WASMTIME_VERSION 50.0.1)
if(NOT CRANK_WASMTIME_DIR AND DEFINED ENV{CRANK_WASMTIME_DIR})
  set(CRANK_WASMTIME_DIR "$ENV{CRANK_WASMTIME_DIR}" CACHE PATH "include/wasmtime.h and lib/libwasmtime.so")
endif()
set(_wasmtime_dir "${CRANK_WASMTIME_DIR}")
if(NOT _wasmtime_dir)
  set(_wasmtime_dir "${CRANK_CACHE}/wasmtime-${CRANK_WASMTIME_VERSION}")
endif()
find_path(Wasmtime_INCLUDE_DIR wasmtime.h PATHS "${_wasmtime_dir}/include" NO_DEFAULT_PATH)
find_library(Wasmtime_LIBRARY wasmtime PATHS "${_wasmtime_dir}/lib" NO_DEFAULT_PATH)

if(Wasmtime_INCLUDE_DIR)
  file(STRINGS "${Wasmtime_INCLUDE_DIR}/wasmtime.h" _wasmtime_version REGEX "^#define WASMTIME_VERSION \"")
  string(REGEX REPLACE ".*\"(.*)\".*" "\\1" Wasmtime_VERSION "${_wasmtime_version}")
endif()
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Wasmtime REQUIRED_VARS Wasmtime_LIBRARY Wasmtime_INCLUDE_DIR VERSION_VAR Wasmtime_VERSION
  REASON_FAILURE_MESSAGE "run tools/get_wasmtime.sh, or set CRANK_WASMTIME_DIR (looked in ${_wasmtime_dir})")

if(Wasmtime_FOUND AND NOT TARGET crank_wasmtime)
  if(NOT Wasmtime_VERSION STREQUAL CRANK_WASMTIME_VERSION)
    message(WARNING "Wasmtime ${Wasmtime_VERSION} instead of ${CRANK_WASMTIME_VERSION}: several suspended activations in one "
      "store rest on the inner workings of that version; run the engine's canary tests")
  endif()
  add_library(crank_wasmtime SHARED IMPORTED GLOBAL)
  set_target_properties(crank_wasmtime PROPERTIES IMPORTED_LOCATION "${Wasmtime_LIBRARY}" IMPORTED_NO_SONAME TRUE
    INTERFACE_INCLUDE_DIRECTORIES "${Wasmtime_INCLUDE_DIR}")
endif()
