// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "input/options.hpp"

namespace kvhost {

struct NamedOutput {
  std::string flag, file;  // `file` "": not asked for
};

// Before any work: throws Error(BadRequest) that names the flag when an output cannot be written
// where it points, or ends in the same file as another one or as standard output.
void check_output_files(const std::vector<NamedOutput>& outputs);
void check_output_files(const OutputOptions& output);
void check_output_file(const std::string& flag, const std::string& file);

// "-", or any other name of standard output: the command prints nothing else then.
bool goes_to_stdout(const std::string& file);

}  // namespace kvhost
