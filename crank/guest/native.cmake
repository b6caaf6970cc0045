# The reactor front of a guest, compiled natively: for unit tests, and for modules carried inside their host (`bundled`).
#   include(${PROJECT_SOURCE_DIR}/crank/guest/native.cmake)      target crank_guest_native
include_guard(GLOBAL)
set(crank_guest_folder ${PROJECT_SOURCE_DIR}/crank/guest)
add_library(crank_guest_native STATIC ${crank_guest_folder}/bridge.cc ${crank_guest_folder}/capture.cc
  ${crank_guest_folder}/describe.cc
  ${crank_guest_folder}/http.cc ${crank_guest_folder}/id_table.cc ${crank_guest_folder}/probe.cc
  ${crank_guest_folder}/pump.cc)
target_include_directories(crank_guest_native PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>)
target_link_libraries(crank_guest_native PUBLIC crank::async PRIVATE crank_flags)
target_compile_options(crank_guest_native PRIVATE -fno-exceptions)

# Every header compiled alone, with those of the layers.
file(GLOB crank_guest_headers CONFIGURE_DEPENDS ${crank_guest_folder}/*.h)
list(FILTER crank_guest_headers EXCLUDE REGEX "/(component.*|canonical)\\.h$")
set(crank_guest_alone "")
foreach(header ${crank_guest_headers})
  get_filename_component(stem ${header} NAME_WE)
  set(unit ${PROJECT_BINARY_DIR}/crank/guest_native/alone/${stem}.cc)
  file(CONFIGURE OUTPUT ${unit} CONTENT "#include \"crank/guest/${stem}.h\"\n")
  list(APPEND crank_guest_alone ${unit})
endforeach()
add_library(crank_guest_alone OBJECT EXCLUDE_FROM_ALL ${crank_guest_alone})
target_link_libraries(crank_guest_alone PRIVATE crank_guest_native crank_flags)
target_compile_options(crank_guest_alone PRIVATE -O0 -g0 -fno-exceptions)
add_dependencies(crank_headers_alone crank_guest_alone)
