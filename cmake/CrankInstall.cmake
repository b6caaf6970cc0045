# `cmake --install build/release --component crank_async --prefix DIR` puts the runtime there as a package of its own:
# find_package(crank) gives crank::async (and crank::base under it), which need the standard library and threads.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
install(TARGETS crank_base crank_async EXPORT crank ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT crank_async)
install(DIRECTORY crank/base crank/async DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/crank COMPONENT crank_async
  FILES_MATCHING PATTERN "*.h" PATTERN "laws*.h" EXCLUDE)
install(EXPORT crank NAMESPACE crank:: FILE crank-targets.cmake DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/crank COMPONENT crank_async)
file(WRITE ${PROJECT_BINARY_DIR}/crank-config.cmake [[
include(CMakeFindDependencyMacro)
find_dependency(Threads)
include(${CMAKE_CURRENT_LIST_DIR}/crank-targets.cmake)
]])
write_basic_package_version_file(${PROJECT_BINARY_DIR}/crank-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/crank-config.cmake ${PROJECT_BINARY_DIR}/crank-config-version.cmake
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/crank COMPONENT crank_async)
