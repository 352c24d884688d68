// SPDX-License-Identifier: Apache-2.0
// Models in several files, NAME-00001-of-00003.gguf and so on: the first holds the metadata, each
// holds some of the tensors.
#pragma once

#include "format/gguf.hpp"

namespace kvhost::gguf {

// One file by itself.
GgufFile read_part(const std::filesystem::path& path, Held held);

// Reads the parts that follow `first` and adds their tensors; nothing for a model in one file.
void add_parts(GgufFile& first, Held held);

}  // namespace kvhost::gguf
