// SPDX-License-Identifier: Apache-2.0
// What every fuzz target is made of. A target reads one input as its part of the program would; the
// oracle lets nothing pass but success and the project's own errors, each one line that says what
// was found; what was expected.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace kvhost::fuzz {

struct Target {
  std::string name;
  bool json = false;  // inputs are mutated as trees
  std::function<void(std::string_view input)> read;
};

// All targets of the program this is linked into, by name.
const std::vector<Target>& targets();

// Runs `target` on `input`; "" when all is well, else what it let through.
std::string fault_of(const Target& target, std::string_view input);

// A folder of this process, in memory where there is such a place; what stands in it is replaced by
// every input.
const std::filesystem::path& folder();
// `bytes` as a file there.
std::filesystem::path file(const std::string& name, std::string_view bytes);
// Several: "=== NAME" on a line of its own begins each; what stands before the first is `first`.
// Names have no slash, so nothing is written elsewhere.
void files(std::string_view input, const std::string& first);
void clear_folder();

struct Registered {
  Registered(const char* name, bool json, void (*read)(std::string_view));
};

}  // namespace kvhost::fuzz

// FUZZ_TARGET(name, json) { ... input ... }
#define FUZZ_TARGET(target, json)                                                          \
  static void fuzz_##target(std::string_view input);                                       \
  static const kvhost::fuzz::Registered registered_##target(#target, json, fuzz_##target); \
  static void fuzz_##target(std::string_view input)
