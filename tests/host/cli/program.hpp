// SPDX-License-Identifier: Apache-2.0
// Runs the built program in a folder of its own.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "temp_folder.hpp"

namespace kvhost::test {

struct Outcome {
  int exit_code = -1;  // 128 + signal when it was killed
  std::string out, err;
};

class Scratch {
 public:
  const std::filesystem::path& folder() const { return folder_.path(); }
  void write(const std::string& name, const std::string& bytes) const;
  std::vector<std::string> files() const;  // relative, sorted

 private:
  TempFolder folder_;
};

// `environment` adds to the current one; stdin is a file that holds `input`. `signal_after_output` is
// sent, once, when something was printed.
Outcome run_program(const std::vector<std::string>& args,
                    const std::filesystem::path& folder,
                    const std::map<std::string, std::string>& environment = {},
                    int signal_after_output = 0,
                    const std::string& input = "");

// Likewise another program.
Outcome run_other(const std::vector<std::string>& words,
                  const std::filesystem::path& folder,
                  const std::map<std::string, std::string>& environment);

// That it ended with `code` and one line on stderr, which says `says`, and printed nothing.
void check_refused(const Outcome& outcome, int code, const std::string& says);

// A line of bash, in which $KVHOST is the program: for pipes and redirections. stdin is empty.
Outcome run_bash(const std::string& script, const std::filesystem::path& folder);

// On a terminal of its own with so many columns: `out` holds what it showed, stderr included.
Outcome run_on_terminal(const std::vector<std::string>& args,
                        const std::filesystem::path& folder,
                        const std::map<std::string, std::string>& environment,
                        int columns = 80,
                        int signal_after_output = 0);

}  // namespace kvhost::test
