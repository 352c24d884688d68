// SPDX-License-Identifier: Apache-2.0
// libtorch makes its tables while it is loaded, before main(): where there is no memory for them,
// this is who says so. Not under sanitizers, which must come first.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#include <unistd.h>

#include <exception>

namespace {

[[noreturn]] void tell() {
  constexpr char kLine[] =
      "kvhost: error: memory: the system gave too little to load libtorch; expected some 600 MB of "
      "address space for the program alone (ulimit -v); allow more\n";
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, kLine, sizeof kLine - 1);
  _exit(4);
}

// main() puts a better one in its place.
void tell_what_fails_early(int, char**, char**) { std::set_terminate(tell); }

using Initialiser = void (*)(int, char**, char**);
[[gnu::section(".preinit_array"), gnu::used]] const Initialiser first_of_all = tell_what_fails_early;

}  // namespace

#endif
