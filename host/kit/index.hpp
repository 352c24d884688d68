// SPDX-License-Identifier: Apache-2.0
// A public index of plugins: a folder, as a rule a repository that anybody can open, with a file for
// every method, plugins/<id>.json, that says where its source is, which bytes were built from it, what
// the checks found and what it costs. No library lies in it.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "kit/fuzz.hpp"
#include "kit/validate.hpp"

namespace kvhost {

// What no library knows of itself.
struct IndexSource {
  std::string url;     // https://...
  std::string commit;  // 40 hexadecimal digits
  std::string build;   // the commands that make the library of it
};

// Unique among plugins: the library's name where it is reverse DNS, else vendor and method.
std::string index_id(const registry::MethodInfo& method);

// The file of a method. `measured`: as measured_in_model() gives it, or null.
nlohmann::json index_entry(const MethodReport& report,
                           const FuzzReport& fuzz,
                           const IndexSource& source,
                           const nlohmann::json& measured);

// Time of a layer of the prompt and agreement with the full cache, in the bundled model, by another
// process; null where it does not run.
nlohmann::json measured_in_model(const registry::MethodInfo& method, const std::string& program);

struct IndexProblem {
  std::string file;  // within the index
  std::string where;  // a JSON pointer, or ""
  std::string what;   // what was found; what was expected
  bool grave = true;  // false: worth knowing
};

struct IndexReport {
  size_t n_files = 0, n_checked_again = 0;
  std::vector<IndexProblem> problems;
};

// `libraries`: a folder in which libraries may lie; those whose bytes an entry names are validated
// again, and reach the level that it claims. "": none is. `taken`: names of built-in methods.
IndexReport check_index(const std::filesystem::path& folder,
                        const std::filesystem::path& libraries,
                        const std::vector<std::string>& taken);

// README.md and a CI file for a new index; what is there stays as it is.
void begin_index(const std::filesystem::path& folder);

}  // namespace kvhost
