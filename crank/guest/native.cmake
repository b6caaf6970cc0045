# The reactor front of a guest, compiled natively: for unit tests, and for modules carried inside their host (`bundled`).
#   include(${PROJECT_SOURCE_DIR}/crank/guest/native.cmake)      target crank_guest_native
include_guard(GLOBAL)
set(crank_guest_folder ${PROJECT_SOURCE_DIR}/crank/guest)
add_library(crank_guest_native STATIC ${crank_guest_folder}/bridge.cc ${crank_guest_folder}/capture.cc
  ${crank_guest_folder}/http.cc ${crank_guest_folder}/id_table.cc ${crank_guest_folder}/probe.cc
  ${crank_guest_folder}/pump.cc)
target_include_directories(crank_guest_native PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>)
target_link_libraries(crank_guest_native PUBLIC crank::async PRIVATE crank_flags)
target_compile_options(crank_guest_native PRIVATE -fno-exceptions)
