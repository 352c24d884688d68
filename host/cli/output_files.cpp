// SPDX-License-Identifier: Apache-2.0
#include "cli/output_files.hpp"

#include <filesystem>
#include <map>

#include "base/error.hpp"
#include "input/limits.hpp"

namespace kvhost {

namespace fs = std::filesystem;

void check_output_file(const std::string& flag, const std::string& file) {
  if (file.empty() || file == "-") return;
  std::error_code ignored;
  const fs::path folder = fs::path(file).parent_path();
  if (!folder.empty() && !fs::is_directory(folder, ignored))
    bad_request(flag, "found no folder " + quoted(folder.string()) + "; expected one that exists");
  if (fs::is_directory(file, ignored))
    bad_request(flag, quoted(file) + " is a folder; expected a file to write");
}

void check_output_files(const OutputOptions& output) {
  std::map<std::string, std::string> flag_of;  // by file
  for (const auto& [flag, file] : {std::pair<std::string, std::string>{"--json", output.json},
                                   {"--dump-keep", output.dump_keep},
                                   {"--dump-scores", output.dump_scores},
                                   {"--dump-budgets", output.dump_budgets}}) {
    if (file.empty()) continue;
    check_output_file(flag, file);
    const auto [other, is_new] = flag_of.emplace(file, flag);
    if (!is_new)
      bad_request(flag,
                  "names " + quoted(file) + ", which " + other->second +
                      " names too; expected another file");
  }
  if (output.dump_scores == "-")
    bad_request("--dump-scores", "found '-'; expected a file: its format is binary");
}

}  // namespace kvhost
