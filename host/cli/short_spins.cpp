// SPDX-License-Identifier: Apache-2.0
// libgomp's threads spin between parallel regions; when another process has a core, decoding gets
// ten times slower. 700 turns last about as long as what lies between two regions of a token: with
// 400, threads of a model of 0.6B parameters fell asleep there and a token took 9 % longer; beside
// a busy process on two cores SmolLM2 takes 15 ms a token, 14 with 400, 23 to 80 with 10,000. libgomp
// reads its settings while it is loaded, so a program that wants other ones starts itself again,
// here: before the initialisers of any library, because those of libtorch take a quarter of a
// second.
// Not under sanitizers, which must come first: scripts/sanitize.sh sets the variable.
#if !defined(__SANITIZE_ADDRESS__)
#include <alloca.h>
#include <unistd.h>

namespace {

bool begins_with(const char* text, const char* beginning) {
  for (; *beginning != '\0'; ++text, ++beginning)
    if (*text != *beginning) return false;
  return true;
}

// Nothing of the C library is set up yet but its system calls.
void start_with_short_spins(int, char** argv, char** environment) {
  long n = 0;
  for (; environment[n] != nullptr; ++n)
    if (begins_with(environment[n], "OMP_WAIT_POLICY=") ||
        begins_with(environment[n], "GOMP_SPINCOUNT="))
      return;
  static char setting[] = "GOMP_SPINCOUNT=700";
  auto** longer = static_cast<char**>(alloca(static_cast<unsigned long>(n + 2) * sizeof(char*)));
  for (long i = 0; i < n; ++i) longer[i] = environment[i];
  longer[n] = setting;
  longer[n + 1] = nullptr;
  // Returns only where that is not allowed; then all goes on as it is.
  execve("/proc/self/exe", argv, longer);
}

using Initialiser = void (*)(int, char**, char**);
[[gnu::section(".preinit_array"), gnu::used]] const Initialiser before_all = start_with_short_spins;

}  // namespace

#endif
