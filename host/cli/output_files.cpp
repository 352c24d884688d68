// SPDX-License-Identifier: Apache-2.0
#include "cli/output_files.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <map>

#include "base/error.hpp"
#include "base/output_place.hpp"
#include "input/limits.hpp"

namespace kvhost {

namespace {

// A report beside the text on standard output, by which the shell fills the same file, would take
// that file's place.
bool is_file_of_stdout(const std::string& file) {
  struct stat out = {};
  return fstat(STDOUT_FILENO, &out) == 0 && S_ISREG(out.st_mode) &&
         output_identity(file) == output_identity("-");
}

}  // namespace

bool goes_to_stdout(const std::string& file) { return !file.empty() && is_standard_output(file); }

void check_output_file(const std::string& flag, const std::string& file) {
  check_output_files(std::vector<NamedOutput>{{flag, file}});
}

void check_output_files(const std::vector<NamedOutput>& outputs) {
  std::map<std::string, std::string> flag_of;  // by what the output ends in
  for (const auto& [flag, file] : outputs) {
    if (file.empty()) continue;
    if (const std::string wrong = why_not_writable(file); !wrong.empty())
      bad_request(flag, file == "-" ? "standard output " + wrong : quoted(file) + " " + wrong);
    const bool to_stdout = goes_to_stdout(file);
    if (!to_stdout && is_file_of_stdout(file))
      bad_request(flag,
                  "names " + quoted(file) +
                      ", which standard output is written to; expected another file, or -");
    const std::string identity = to_stdout ? "stdout" : output_identity(file);
    if (identity.empty()) continue;
    const auto [other, is_new] = flag_of.emplace(identity, flag);
    if (!is_new)
      bad_request(flag,
                  "names " + quoted(file) + ", which " + other->second +
                      " names too; expected another file");
  }
}

void check_output_files(const OutputOptions& output) {
  check_output_files({{"--json", output.json},
                      {"--dump-keep", output.dump_keep},
                      {"--dump-scores", output.dump_scores},
                      {"--dump-budgets", output.dump_budgets},
                      {"--kept-html", output.kept_html}});
  if (goes_to_stdout(output.dump_scores))
    bad_request("--dump-scores", "found '-'; expected a file: its format is binary");
}

}  // namespace kvhost
