# What an installed tree holds beside the targets' own rules: models, texts, licence, libtorch.
#
#   bin/kvhost   lib/libkvhost.so   lib/kvhost/plugins/1   lib/kvhost/torch   lib/kvhost/deps   share/kvhost/models
#   include/kvhost   share/man/man1   share/doc/kvhost
#
# Every run path is relative to its own file, so the tree may be moved. What is used of libtorch comes along (about 450 MB) with whatever
# that needs from beside itself, which of a CUDA wheel is its runtime, not its gigabytes of kernels; so do the libraries whose versions differ between distributions (Boost, ICU, PCRE2, OpenSSL, libedit, cpp-httplib,
# libzip, SQLite). The C and C++ libraries stay the system's.
option(KVHOST_BUNDLE_TORCH "Install libtorch beside the program; OFF: find it where it was at build time" ON)

set(KVHOST_TORCH_DIR "lib/kvhost/torch")
set(KVHOST_DEPS_DIR "lib/kvhost/deps")
# DT_RPATH rather than DT_RUNPATH: it serves what the bundled libraries need of each other, too.
set(KVHOST_RPATH_FLAGS "LINKER:--disable-new-dtags")
if(KVHOST_BUNDLE_TORCH)
  set(CMAKE_INSTALL_RPATH "$ORIGIN/../lib:$ORIGIN/../${KVHOST_TORCH_DIR}:$ORIGIN/../${KVHOST_DEPS_DIR}")
  set(_roots "")
  foreach(name torch_cpu c10)
    list(APPEND _roots "${Libtorch_ROOT}/lib/lib${name}.so")
  endforeach()
  configure_file("${CMAKE_CURRENT_LIST_DIR}/InstallTorch.cmake.in" "${CMAKE_BINARY_DIR}/InstallTorch.cmake" @ONLY)
  install(SCRIPT "${CMAKE_BINARY_DIR}/InstallTorch.cmake" COMPONENT torch)
  file(GLOB _licences LIST_DIRECTORIES true "${Libtorch_ROOT}/../torch-*.dist-info/licenses")
  if(_licences)
    install(DIRECTORY "${_licences}/" DESTINATION share/doc/kvhost/libtorch COMPONENT torch)
  endif()
else()
  set(CMAKE_INSTALL_RPATH "$ORIGIN/../lib:$ORIGIN/../${KVHOST_DEPS_DIR}:${Libtorch_ROOT}/lib")
endif()
configure_file("${CMAKE_CURRENT_LIST_DIR}/InstallDeps.cmake.in" "${CMAKE_BINARY_DIR}/InstallDeps.cmake" @ONLY)
install(SCRIPT "${CMAKE_BINARY_DIR}/InstallDeps.cmake" COMPONENT program)

install(
  DIRECTORY models/
  DESTINATION share/kvhost/models
  COMPONENT models
  PATTERN "recipe" EXCLUDE) # how the models were made, no model
install(DIRECTORY examples/suites DESTINATION share/kvhost/examples COMPONENT models)
install(FILES LICENSE NOTICE README.md CHANGELOG.md DESTINATION share/doc/kvhost COMPONENT docs)
install(DIRECTORY docs/ DESTINATION share/doc/kvhost COMPONENT docs FILES_MATCHING PATTERN "*.md")
# What authors of methods begin with comes with the SDK: their pages, and plugins to look at.
install(DIRECTORY docs/authors DESTINATION share/doc/kvhost COMPONENT sdk)
install(DIRECTORY examples/plugins DESTINATION share/kvhost/examples COMPONENT sdk)
# By the program itself, which is there by then and knows its commands.
install(
  CODE "execute_process(COMMAND \"${CMAKE_COMMAND}\" \"-DKVHOST=${CMAKE_BINARY_DIR}/bin/kvhost\"
        \"-DOUT=\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/share/man/man1\" -P \"${CMAKE_CURRENT_LIST_DIR}/ManPages.cmake\"
        COMMAND_ERROR_IS_FATAL ANY)"
  COMPONENT docs)
