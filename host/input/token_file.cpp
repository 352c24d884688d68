// SPDX-License-Identifier: Apache-2.0
#include "input/token_file.hpp"

#include <nlohmann/json.hpp>

#include "base/json_file.hpp"
#include "input/json_object.hpp"
#include "input/limits.hpp"

namespace kvhost {

std::vector<int32_t> read_token_file(const std::filesystem::path& file, int64_t vocab_size) {
  const nlohmann::json root = read_json(file, ExitCode::BadRequest);
  const JsonAt at{root, file.string(), ""};
  if (!root.is_array() || root.empty()) at.refuse("an array of token ids, at least one");
  const Limits limits{0, static_cast<double>(vocab_size), false, /*below_max=*/true};
  std::vector<int32_t> tokens;
  tokens.reserve(root.size());
  for (size_t i = 0; i < root.size(); ++i)
    tokens.push_back(static_cast<int32_t>(
        integer_from_json(file.string() + " /" + std::to_string(i), root[i], limits)));
  return tokens;
}

}  // namespace kvhost
