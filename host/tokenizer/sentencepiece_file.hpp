// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "tokenizer/tokenizer_parts.hpp"

namespace kvhost::tok {

// A tokenizer.model. Throws Error(CannotLoad).
TokenizerParts read_sentencepiece(const std::filesystem::path& path);

}  // namespace kvhost::tok
