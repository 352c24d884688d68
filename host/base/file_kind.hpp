// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace kvhost {

// What a file is that was taken for another, by how it begins: a Git LFS pointer, a GGUF file, a
// PyTorch archive, a page of HTML. "is X; expected Y; cure", to stand behind the file's name in an
// error, or "" when it is none of these. `expected` says what the file should have been.
std::string mistaken_file(std::string_view bytes, const std::string& expected);

bool is_lfs_pointer(std::string_view bytes);

// How to run a GGUF file that lies where another kind of file was expected.
extern const char* const kGgufCure;

}  // namespace kvhost
