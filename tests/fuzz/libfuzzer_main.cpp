// SPDX-License-Identifier: Apache-2.0
// One target under libFuzzer: KVHOST_FUZZ_TARGET, or the environment variable of that name, tells
// which. JSON is mutated as a tree half of the time.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>

#include "fuzz/fuzz.hpp"
#include "fuzz/json_mutator.hpp"

namespace {

const kvhost::fuzz::Target& chosen() {
  static const kvhost::fuzz::Target* found = [] {
    const char* name = std::getenv("KVHOST_FUZZ_TARGET");
    for (const auto& target : kvhost::fuzz::targets())
      if (name != nullptr && target.name == name) return &target;
    std::fprintf(stderr, "KVHOST_FUZZ_TARGET: no such target; expected one of");
    for (const auto& target : kvhost::fuzz::targets())
      std::fprintf(stderr, " %s", target.name.c_str());
    std::fprintf(stderr, "\n");
    std::exit(2);
  }();
  return *found;
}

}  // namespace

extern "C" {

size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t most);

int LLVMFuzzerInitialize(int*, char***) {
  chosen();
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string fault =
      kvhost::fuzz::fault_of(chosen(), {reinterpret_cast<const char*>(data), size});
  if (fault.empty()) return 0;
  std::fprintf(stderr, "fault: %s\n", fault.c_str());
  std::abort();
}

size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t most, unsigned seed) {
  if (!chosen().json || seed % 2 == 0) return LLVMFuzzerMutate(data, size, most);
  const std::string changed =
      kvhost::fuzz::mutate_json({reinterpret_cast<const char*>(data), size}, seed);
  if (changed.empty() || changed.size() > most) return LLVMFuzzerMutate(data, size, most);
  std::memcpy(data, changed.data(), changed.size());
  return changed.size();
}
}
