// SPDX-License-Identifier: Apache-2.0
// What the checks found of methods, kept by the SHA-256 of their libraries: other bytes are another
// plugin, of which nothing is known.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "kit/validate.hpp"

namespace kvhost {

struct Record {
  std::string level;                // as MethodReport::level()
  std::vector<std::string> failed;  // ids of checks
  std::string kvhost;               // the version that checked
  std::string date;                 // 2026-11-27
  int64_t n_fuzzed = 0, n_findings = 0;
};

// $XDG_CACHE_HOME/kvhost/validated-1.json; "" where there is no home.
std::filesystem::path default_record_file();

class Records {
 public:
  // A file that is absent or damaged holds nothing.
  explicit Records(std::filesystem::path file);

  // Null when nothing is known of these bytes.
  const Record* find(const registry::MethodInfo& method) const;
  // Of a report on all checks. One without the run in a model does not take the place of one with it
  // that found as much.
  void put(const MethodReport& report, int64_t n_fuzzed = 0, int64_t n_findings = 0);
  // Throws Error(RunFailed) where it cannot be written.
  void save() const;

 private:
  std::filesystem::path file_;
  std::map<std::string, Record> all_;  // by sha256 and name
};

}  // namespace kvhost
