// SPDX-License-Identifier: Apache-2.0
// Where bytes go that are meant for a path: the file at the end of its links, or what is there
// already and cannot be replaced.
#pragma once

#include <filesystem>
#include <string>

namespace kvhost {

struct OutputPlace {
  enum class Kind {
    Beside,      // a regular file or nothing yet: written beside and renamed
    InPlace,     // a fifo, terminal or other device: opened and written
    Descriptor,  // an open descriptor of this process: "-", /dev/stdout, /dev/fd/N, >(command)
    Unusable     // `wrong` says why
  };
  Kind kind = Kind::Beside;
  std::filesystem::path file;  // at the end of the links
  int descriptor = -1;
  std::string wrong;
};

OutputPlace find_output_place(const std::filesystem::path& path);

// "-" and whatever names descriptor 1. What goes there goes there alone: a command prints nothing
// else beside it.
bool is_standard_output(const std::filesystem::path& path);

// Why nothing can be written to `path`, told before any work; "" when it can.
std::string why_not_writable(const std::filesystem::path& path);

// Equal for two paths whose outputs would end in the same file or pipe; "" for devices, which take
// any number of outputs.
std::string output_identity(const std::filesystem::path& path);

}  // namespace kvhost
