# kvhost_add_plugin(<name> SOURCES <file>... [TORCH] [INCLUDES <folder>...] [LIBS <target>...] [OUTPUT <folder>])
#
# Builds lib<name>.so, a kvhost plugin, and beside it lib<name>.kvh.json, the manifest that kvhost reads instead of
# opening the library. Both lie in <build>/lib/kvhost/plugins/1 and are installed to <prefix>/lib/kvhost/plugins/1.
# TORCH links libtorch (ATen); without it the plugin is portable: one binary for every kvhost of this ABI major.
# With OUTPUT the two files go to that folder and are not installed.
#
# The variables KVHOST_PLUGIN_VENDOR, KVHOST_PLUGIN_LICENSE (an SPDX identifier) and KVHOST_PLUGIN_VERSION, where they are
# set, say whose it is; kvhost/sdk.hpp puts them into the library.
#
# The same file serves kvhost's own build and, through find_package(kvhost_sdk), anybody else's. It uses the targets
# kvhost::sdk (headers) and kvhost::describe (the tool that writes manifests).
set(KVHOST_PLUGIN_DIR "lib/kvhost/plugins/1")

function(kvhost_add_plugin name)
  cmake_parse_arguments(P "TORCH" "OUTPUT" "SOURCES;INCLUDES;LIBS" ${ARGN})
  if(NOT P_SOURCES)
    message(FATAL_ERROR "kvhost_add_plugin(${name}): no SOURCES; expected at least one file")
  endif()
  set(folder "${CMAKE_BINARY_DIR}/${KVHOST_PLUGIN_DIR}")
  if(P_OUTPUT)
    set(folder "${P_OUTPUT}")
  endif()

  add_library(${name} MODULE ${P_SOURCES})
  target_link_libraries(${name} PRIVATE kvhost::sdk ${P_LIBS} m)
  target_include_directories(${name} PRIVATE ${P_INCLUDES})
  if(TARGET kvhost_flags)
    target_link_libraries(${name} PRIVATE kvhost_flags)
  endif()
  foreach(fact VENDOR LICENSE VERSION)
    if(KVHOST_PLUGIN_${fact})
      target_compile_definitions(${name} PRIVATE KVHOST_PLUGIN_${fact}="${KVHOST_PLUGIN_${fact}}")
    endif()
  endforeach()
  # What the author's project says, where it is enough for the SDK.
  set(standard 17)
  if(CMAKE_CXX_STANDARD GREATER 17 AND NOT CMAKE_CXX_STANDARD EQUAL 98 AND NOT TARGET kvhost_flags)
    set(standard "${CMAKE_CXX_STANDARD}")
  endif()
  # The manifest binds the library's bytes, and installing must not change them: the run path is final from the start,
  # and empty, because libtorch is in the process before any plugin is.
  set_target_properties(
    ${name}
    PROPERTIES PREFIX lib
               SUFFIX .so
               LIBRARY_OUTPUT_DIRECTORY "${folder}"
               POSITION_INDEPENDENT_CODE ON
               C_VISIBILITY_PRESET hidden
               CXX_VISIBILITY_PRESET hidden
               VISIBILITY_INLINES_HIDDEN ON
               DEFINE_SYMBOL "" # NAME_EXPORTS would keep one precompiled header from serving several plugins
               CXX_STANDARD ${standard}
               CXX_STANDARD_REQUIRED ON
               CXX_EXTENSIONS OFF
               BUILD_WITH_INSTALL_RPATH ON
               INSTALL_RPATH "")
  _kvhost_plugin_link_options(${name})

  set(environment "")
  if(P_TORCH)
    if(NOT TARGET Libtorch::Libtorch)
      find_package(Libtorch REQUIRED)
    endif()
    if(standard LESS 20)
      set_target_properties(${name} PROPERTIES CXX_STANDARD 20) # what ATen's headers ask for
    endif()
    target_link_libraries(${name} PRIVATE Libtorch::Libtorch)
    set(environment "${CMAKE_COMMAND}" -E env "LD_LIBRARY_PATH=${Libtorch_ROOT}/lib:$ENV{LD_LIBRARY_PATH}")
  endif()

  set(manifest "${folder}/lib${name}.kvh.json")
  add_dependencies(${name} kvhost::describe)
  add_custom_command(
    TARGET ${name}
    POST_BUILD
    COMMAND ${environment} $<TARGET_FILE:kvhost::describe> $<TARGET_FILE:${name}> --out "${manifest}"
    BYPRODUCTS "${manifest}"
    VERBATIM)
  if(NOT P_OUTPUT)
    install(TARGETS ${name} LIBRARY DESTINATION "${KVHOST_PLUGIN_DIR}" COMPONENT plugins)
    install(FILES "${manifest}" DESTINATION "${KVHOST_PLUGIN_DIR}" COMPONENT plugins)
  endif()
endfunction()

# One exported symbol, nothing unresolved, everything bound at load. Without -fno-gnu-unique two C++ plugins would share
# template statics in spite of RTLD_LOCAL.
function(_kvhost_plugin_link_options name)
  set(map "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/kvhost_plugin.map")
  target_link_options(${name} PRIVATE "LINKER:--version-script=${map}" "LINKER:-z,now")
  set_property(TARGET ${name} APPEND PROPERTY LINK_DEPENDS "${map}" $<TARGET_FILE:kvhost::describe>)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(${name} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-fno-gnu-unique>)
  endif()
  if(KVHOST_SANITIZE)
    # The sanitizers' symbols come from the executable, so -z,defs cannot hold.
    set(flags -fsanitize=address,undefined -fno-omit-frame-pointer -fno-sanitize-recover=undefined)
    target_compile_options(${name} PRIVATE ${flags})
    target_link_options(${name} PRIVATE -fsanitize=address,undefined)
  else()
    target_link_options(${name} PRIVATE "LINKER:-z,defs")
  endif()
endfunction()
