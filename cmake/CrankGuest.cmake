# Guests: C and C++ for wasm32, made into components inside the host's build.
#
#   crank_guest_component(service WORLD http SOURCES service.cc [LIBRARIES crank_guest_http] [CLOCK] [SMALL])
#       build/PRESET/guests/service.wasm: compiled by clang 22 for wasm32-wasi, linked with the guest runtime and the
#       generated glue of wit/generated/WORLD, made a component by wasm-tools. Target guest_service, part of `guests`.
#       CLOCK: the guest sleeps or reads the time, and so imports wasi:clocks. SMALL: it takes the small allocator instead
#       of libc's (crank/guest/small/allocator.cc says for whom). NAME may hold a folder (tests/traps); the
#       target is then guest_tests_traps.
#   crank_guest_text(bench/source source.wat)          the same from a component in the text format
#   crank_guest_compose(bench/stream bench/sink bench/source)    one binary of a component and what it imports
#   crank_guest_library(name FLAGS … SOURCES …)        an archive of guest code for LIBRARIES
#
# All guests are optimised for size and keep their function names (a trap's backtrace needs them). Exceptions and RTTI
# are off: Debian's wasm32 libc++abi has neither. -mtail-call makes symmetric transfer of coroutines flat; --no-wasm-opt,
# because the driver would run Debian's wasm-opt, which breaks tail calls.
include_guard(GLOBAL)

set(CRANK_WASM_TOOLS ${CRANK_CACHE}/wt/bin/wasm-tools CACHE INTERNAL "")
if(NOT EXISTS ${CRANK_WASM_TOOLS})
  message(FATAL_ERROR "building the guests needs ${CRANK_WASM_TOOLS}: run tools/get_wasm_tools.sh, then configure again")
endif()
# Read by functions that are called from any folder.
set(CRANK_GUEST_DIR ${PROJECT_BINARY_DIR}/guests CACHE INTERNAL "where the components are built")
set(crank_guest_target --target=wasm32-wasi -Wno-deprecated CACHE INTERNAL "")
set(crank_guest_flags ${crank_guest_target} -Os -flto -g0 -mtail-call -mbulk-memory -fno-exceptions
  -ffunction-sections -fdata-sections -I${PROJECT_SOURCE_DIR} -I${PROJECT_SOURCE_DIR}/wit/generated CACHE INTERNAL "")
set(crank_guest_cxx_flags -std=c++23 -fno-rtti -Wall -Wextra -Werror -Wno-missing-field-initializers
  -Wno-unused-parameter -Wdangling CACHE INTERNAL "")
get_filename_component(crank_guest_tool_dir ${CMAKE_CXX_COMPILER} DIRECTORY)
find_program(CRANK_LLVM_AR NAMES llvm-ar-22 llvm-ar HINTS ${crank_guest_tool_dir} REQUIRED)
if(NOT TARGET guests)
  add_custom_target(guests ALL)
endif()

# One object a source; answers their paths in ${out}.
function(crank_guest_objects out prefix sources flags)
  set(objects)
  foreach(source IN LISTS sources)
    get_filename_component(source ${source} ABSOLUTE)
    get_filename_component(stem ${source} NAME)
    set(object ${CRANK_GUEST_DIR}/objects/${prefix}/${stem}.o)
    if(source MATCHES "\\.c$")
      set(compile ${CMAKE_C_COMPILER_LAUNCHER} ${CMAKE_C_COMPILER} ${crank_guest_flags} ${flags})
    else()
      set(compile ${CMAKE_CXX_COMPILER_LAUNCHER} ${CMAKE_CXX_COMPILER} ${crank_guest_flags} ${crank_guest_cxx_flags} ${flags})
    endif()
    file(RELATIVE_PATH shown ${PROJECT_SOURCE_DIR} ${source})
    if(shown MATCHES "^\\.\\.")
      set(shown ${stem})
    endif()
    add_custom_command(OUTPUT ${object}
      COMMAND ${CMAKE_COMMAND} -E make_directory ${CRANK_GUEST_DIR}/objects/${prefix}
      COMMAND ${compile} -MD -MF ${object}.d -c ${source} -o ${object}
      DEPENDS ${source} DEPFILE ${object}.d COMMENT "guest ${shown}" VERBATIM COMMAND_EXPAND_LISTS)
    list(APPEND objects ${object})
  endforeach()
  set(${out} ${objects} PARENT_SCOPE)
endfunction()

function(crank_guest_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;FLAGS" ${ARGN})
  crank_guest_objects(objects ${name} "${arg_SOURCES}" "${arg_FLAGS}")
  set(archive ${CRANK_GUEST_DIR}/lib${name}.a)
  add_custom_command(OUTPUT ${archive}
    COMMAND ${CMAKE_COMMAND} -E rm -f ${archive}
    COMMAND ${CRANK_LLVM_AR} crs ${archive} ${objects}
    DEPENDS ${objects} COMMENT "guest lib${name}.a" VERBATIM)
  add_custom_target(${name} DEPENDS ${archive})
  set_property(TARGET ${name} PROPERTY CRANK_ARCHIVE ${archive})
endfunction()

# The glue of one world, compiled once.
function(crank_guest_world out world)
  set(folder ${PROJECT_SOURCE_DIR}/wit/generated/${world})
  if(NOT TARGET crank_guest_world_${world})
    crank_guest_objects(object world_${world} ${folder}/${world}.c "")
    add_custom_target(crank_guest_world_${world} DEPENDS ${object})
    set_property(TARGET crank_guest_world_${world} PROPERTY CRANK_OBJECTS ${object} ${folder}/${world}_component_type.o)
  endif()
  get_property(objects TARGET crank_guest_world_${world} PROPERTY CRANK_OBJECTS)
  set(${out} ${objects} PARENT_SCOPE)
endfunction()

function(crank_guest_add name file)
  string(MAKE_C_IDENTIFIER guest_${name} target)
  add_custom_target(${target} DEPENDS ${file})
  set_property(TARGET ${target} PROPERTY CRANK_WASM ${file})
  add_dependencies(guests ${target})
endfunction()

function(crank_guest_component name)
  cmake_parse_arguments(arg "CLOCK;SMALL" "WORLD" "SOURCES;LIBRARIES;FLAGS" ${ARGN})
  crank_guest_objects(objects ${name} "${arg_SOURCES}" "${arg_FLAGS}")
  set(parts libc)
  if(arg_CLOCK)
    list(APPEND parts clock)
  endif()
  if(arg_SMALL)
    list(APPEND parts small)
  endif()
  foreach(part ${parts})
    get_property(part TARGET crank_guest_${part} PROPERTY CRANK_OBJECTS)
    list(APPEND objects ${part})
  endforeach()
  crank_guest_world(world ${arg_WORLD})
  set(archives)
  foreach(library ${arg_LIBRARIES} crank_guest)
    get_property(archive TARGET ${library} PROPERTY CRANK_ARCHIVE)
    list(APPEND archives ${archive})
  endforeach()
  set(core ${CRANK_GUEST_DIR}/objects/${name}/core.wasm)
  set(file ${CRANK_GUEST_DIR}/${name}.wasm)
  get_filename_component(folder ${file} DIRECTORY)
  add_custom_command(OUTPUT ${file}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${folder}
    COMMAND ${CMAKE_CXX_COMPILER} ${crank_guest_target} -mexec-model=reactor --no-wasm-opt
      -Wl,--gc-sections,--strip-debug ${objects} ${world} ${archives} -o ${core}
    COMMAND ${CRANK_WASM_TOOLS} component new ${core} -o ${file}
    DEPENDS ${objects} ${world} ${archives} ${CRANK_WASM_TOOLS} COMMENT "component ${name}.wasm" VERBATIM)
  crank_guest_add(${name} ${file})
endfunction()

function(crank_guest_text name source)
  get_filename_component(source ${source} ABSOLUTE)
  set(file ${CRANK_GUEST_DIR}/${name}.wasm)
  get_filename_component(folder ${file} DIRECTORY)
  add_custom_command(OUTPUT ${file}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${folder}
    COMMAND ${CRANK_WASM_TOOLS} parse ${source} -o ${file}
    COMMAND ${CRANK_WASM_TOOLS} validate --features all ${file}
    DEPENDS ${source} ${CRANK_WASM_TOOLS} COMMENT "component ${name}.wasm" VERBATIM)
  crank_guest_add(${name} ${file})
endfunction()

function(crank_guest_compose name root)
  set(file ${CRANK_GUEST_DIR}/${name}.wasm)
  set(definitions)
  set(parts ${CRANK_GUEST_DIR}/${root}.wasm)
  foreach(part ${ARGN})
    list(APPEND definitions -d ${CRANK_GUEST_DIR}/${part}.wasm)
    list(APPEND parts ${CRANK_GUEST_DIR}/${part}.wasm)
  endforeach()
  # The tool says on stderr that it is deprecated in favour of one that takes minutes to build: only failures are shown.
  add_custom_command(OUTPUT ${file}
    COMMAND sh -c "\"$@\" >\"$0\" 2>&1 || { cat \"$0\" >&2; exit 1; }" ${file}.log
      ${CRANK_WASM_TOOLS} compose --output=${file} ${definitions} ${CRANK_GUEST_DIR}/${root}.wasm
    DEPENDS ${parts} COMMENT "composed ${name}.wasm" VERBATIM)
  crank_guest_add(${name} ${file})
endfunction()

if(NOT TARGET crank_guest)
  add_subdirectory(${PROJECT_SOURCE_DIR}/crank/guest ${PROJECT_BINARY_DIR}/crank/guest)
endif()
