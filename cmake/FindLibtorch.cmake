# Finds libtorch for C++ code that uses ATen: either an unpacked libtorch (Torch_DIR or CMAKE_PREFIX_PATH) or the
# `torch` wheel of a Python environment (KVHOST_TORCH_ROOT = .../site-packages/torch). Links torch_cpu and c10 only, so
# that a CUDA build of the wheel does not ask for the CUDA toolkit.
#
# Defines the target Libtorch::Libtorch, Libtorch_ROOT, Libtorch_VERSION.
set(_hints "${KVHOST_TORCH_ROOT}" "$ENV{KVHOST_TORCH_ROOT}")
if(Torch_DIR)
  list(APPEND _hints "${Torch_DIR}/../../..") # .../share/cmake/Torch
endif()
list(APPEND _hints ${CMAKE_PREFIX_PATH})
file(GLOB _venv "${CMAKE_SOURCE_DIR}/.venv/lib/python3*/site-packages/torch")
list(APPEND _hints ${_venv})

find_path(Libtorch_ROOT NAMES include/ATen/ATen.h HINTS ${_hints} NO_DEFAULT_PATH)
find_library(Libtorch_CPU_LIBRARY NAMES torch_cpu HINTS "${Libtorch_ROOT}/lib" NO_DEFAULT_PATH)
find_library(Libtorch_C10_LIBRARY NAMES c10 HINTS "${Libtorch_ROOT}/lib" NO_DEFAULT_PATH)
find_library(Libtorch_TORCH_LIBRARY NAMES torch HINTS "${Libtorch_ROOT}/lib" NO_DEFAULT_PATH)

# The version stands in one of two headers, by release; its three numbers are spelled alike in both.
foreach(_header torch/headeronly/version.h torch/csrc/api/include/torch/version.h)
  if(Libtorch_ROOT AND NOT Libtorch_VERSION AND EXISTS "${Libtorch_ROOT}/include/${_header}")
    file(STRINGS "${Libtorch_ROOT}/include/${_header}" _lines REGEX "#define TORCH_VERSION_(MAJOR|MINOR|PATCH) ")
    string(REGEX MATCHALL "[0-9]+" _numbers "${_lines}")
    string(JOIN "." Libtorch_VERSION ${_numbers})
  endif()
endforeach()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(
  Libtorch
  REQUIRED_VARS Libtorch_CPU_LIBRARY Libtorch_C10_LIBRARY Libtorch_ROOT
  VERSION_VAR Libtorch_VERSION
  REASON_FAILURE_MESSAGE
    "run `make setup` (installs the torch wheel into .venv), or pass -DKVHOST_TORCH_ROOT=<folder with include/ATen and lib/libtorch_cpu.so>")

if(Libtorch_FOUND AND NOT TARGET Libtorch::Libtorch)
  add_library(Libtorch::Libtorch INTERFACE IMPORTED)
  # -idirafter: the wheel carries fmt 12, which must not shadow the system's spdlog and fmt.
  target_compile_options(
    Libtorch::Libtorch
    INTERFACE "SHELL:-idirafter ${Libtorch_ROOT}/include"
              "SHELL:-idirafter ${Libtorch_ROOT}/include/torch/csrc/api/include")
  target_link_libraries(Libtorch::Libtorch INTERFACE "${Libtorch_CPU_LIBRARY}" "${Libtorch_C10_LIBRARY}")
endif()
