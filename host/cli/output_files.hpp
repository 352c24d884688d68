// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "input/options.hpp"

namespace kvhost {

// Before any work: throws Error(BadRequest) when the folder of an output file is absent, the file
// is a folder, two outputs name the same file or more than one asks for standard output.
void check_output_files(const OutputOptions& output);
void check_output_file(const std::string& flag, const std::string& file);

}  // namespace kvhost
