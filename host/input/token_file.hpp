// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace kvhost {

// A JSON array of token ids, each in [0, vocab_size). Throws Error(BadRequest) naming the JSON
// pointer of the first element that is not; an empty array is refused too.
std::vector<int32_t> read_token_file(const std::filesystem::path& file, int64_t vocab_size);

}  // namespace kvhost
