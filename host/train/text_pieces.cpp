// SPDX-License-Identifier: Apache-2.0
#include "train/text_pieces.hpp"

#include <algorithm>
#include <string>

#include "base/error.hpp"
#include "base/json_file.hpp"

namespace kvhost::train {

std::vector<std::vector<int32_t>> pieces_of(const Model& model,
                                            const std::vector<std::filesystem::path>& files,
                                            int64_t length,
                                            size_t n_least) {
  std::vector<std::vector<int32_t>> pieces;
  const auto size = static_cast<size_t>(length);
  for (const auto& file : files) {
    const auto tokens = model.encode(read_file(file, ExitCode::BadRequest));
    for (size_t first = 0; first < tokens.size(); first += size) {
      const size_t n = std::min(size, tokens.size() - first);
      if (n < size && n < size / 2) break;
      const auto begin = tokens.begin() + static_cast<std::ptrdiff_t>(first);
      pieces.emplace_back(begin, begin + static_cast<std::ptrdiff_t>(n));
    }
  }
  if (pieces.size() < n_least)
    bad_request("--data",
                "gives " + std::to_string(pieces.size()) + " pieces of " + std::to_string(length) +
                    " tokens; expected " + std::to_string(n_least) +
                    " at least: more text, or a smaller --text-tokens");
  return pieces;
}

}  // namespace kvhost::train
