# Reactors: bare core modules of docs/reactor-abi.md, written over crank/guest.
#
#   crank_reactor_module(hello SOURCES hello.cc SMALL STRIP DESCRIBE [FLAGS …] [LINK …])
#       build/PRESET/reactors/hello.wasm, target reactor_hello, part of `reactors`
#   crank_reactor_text(no_pump no_pump.wat)                      the same from the text format
#
# SMALL optimises for size, at a third more time for an await, and takes the small allocator instead of wasi-libc's
# (crank/guest/small/allocator.cc says when); STRIP drops the names of functions, which a trap's backtrace would show; DESCRIBE
# adds the export that says what a task waits for. Optimised at link time; --no-wasm-opt as in CrankGuest.cmake.
include_guard(GLOBAL)
include(CrankGuest)

# Read by functions that are called from any folder.
set(CRANK_REACTOR_DIR ${PROJECT_BINARY_DIR}/reactors CACHE INTERNAL "where the reactors are built")
set(crank_reactor_flags -O2 -flto -ffile-prefix-map=${PROJECT_SOURCE_DIR}/= CACHE INTERNAL "")
set(crank_reactor_small_flags -Oz -flto -ffile-prefix-map=${PROJECT_SOURCE_DIR}/= CACHE INTERNAL "")
include(${PROJECT_SOURCE_DIR}/crank/async/wasm_sources.cmake)
set(crank_reactor_sources ${CRANK_ASYNC_WASM_SOURCES} crank/base/result.cc crank/base/check.cc crank/guest/bridge.cc
  crank/guest/capture.cc crank/guest/exports.cc crank/guest/http.cc crank/guest/id_table.cc crank/guest/probe.cc
  crank/guest/pump.cc crank/guest/reactor_support.cc)
list(REMOVE_DUPLICATES crank_reactor_sources)
list(TRANSFORM crank_reactor_sources PREPEND ${PROJECT_SOURCE_DIR}/)
crank_guest_library(crank_reactor_runtime SOURCES ${crank_reactor_sources} FLAGS ${crank_reactor_flags})
crank_guest_library(crank_reactor_runtime_small SOURCES ${crank_reactor_sources} FLAGS ${crank_reactor_small_flags})
crank_guest_objects(crank_reactor_allocator crank_reactor_allocator ${PROJECT_SOURCE_DIR}/crank/guest/small/allocator.cc
  "-Oz;-fno-lto;-fno-builtin-malloc;-fno-builtin-calloc")
set(crank_reactor_allocator ${crank_reactor_allocator} CACHE INTERNAL "")
crank_guest_objects(crank_reactor_describe crank_reactor_describe
  "${PROJECT_SOURCE_DIR}/crank/guest/describe.cc;${PROJECT_SOURCE_DIR}/crank/async/backtrace.cc" "${crank_reactor_flags}")
set(crank_reactor_describe ${crank_reactor_describe} CACHE INTERNAL "")
add_custom_target(reactors ALL)

function(crank_reactor_add name file)
  add_custom_target(reactor_${name} DEPENDS ${file})
  set_property(TARGET reactor_${name} PROPERTY CRANK_WASM ${file})
  add_dependencies(reactors reactor_${name})
endfunction()

function(crank_reactor_module name)
  cmake_parse_arguments(arg "SMALL;STRIP;DESCRIBE" "" "SOURCES;FLAGS;LINK" ${ARGN})
  set(flags ${crank_reactor_flags})
  set(runtime crank_reactor_runtime)
  set(extras)
  if(arg_SMALL)
    set(flags ${crank_reactor_small_flags})
    set(runtime crank_reactor_runtime_small)
    list(APPEND extras ${crank_reactor_allocator})
  endif()
  if(arg_DESCRIBE)
    list(APPEND extras ${crank_reactor_describe})
  endif()
  set(strip debug)
  if(arg_STRIP)
    set(strip all)
  endif()
  crank_guest_objects(objects reactor_${name} "${arg_SOURCES}" "${flags};${arg_FLAGS}")
  get_property(archive TARGET ${runtime} PROPERTY CRANK_ARCHIVE)
  set(file ${CRANK_REACTOR_DIR}/${name}.wasm)
  add_custom_command(OUTPUT ${file}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${CRANK_REACTOR_DIR}
    COMMAND ${CMAKE_CXX_COMPILER} ${crank_guest_target} -mexec-model=reactor --no-wasm-opt
      -Wl,--gc-sections,--strip-${strip} ${arg_LINK} ${objects} ${extras} ${archive} -o ${file}
    DEPENDS ${objects} ${extras} ${archive} COMMENT "reactor ${name}.wasm" VERBATIM)
  crank_reactor_add(${name} ${file})
endfunction()

function(crank_reactor_text name source)
  get_filename_component(source ${source} ABSOLUTE)
  set(file ${CRANK_REACTOR_DIR}/${name}.wasm)
  add_custom_command(OUTPUT ${file}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${CRANK_REACTOR_DIR}
    COMMAND ${CRANK_WASM_TOOLS} parse ${source} -o ${file}
    COMMAND ${CRANK_WASM_TOOLS} validate ${file}
    DEPENDS ${source} ${CRANK_WASM_TOOLS} COMMENT "reactor ${name}.wasm" VERBATIM)
  crank_reactor_add(${name} ${file})
endfunction()
