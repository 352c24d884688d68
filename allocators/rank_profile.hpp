// SPDX-License-Identifier: Apache-2.0
// A static rank profile: {"schema": 1, "ranks": [one per layer], ...}; other keys tell where it
// came from.
#pragma once

#include <string>
#include <vector>

namespace kvhost::allocators {

// [throws] sdk::Error (KVH_E_RESOURCE) that names the file and what is wrong with it, also when it
// does not hold `n_layers` positive numbers.
std::vector<double> read_rank_profile(const std::string& path, int32_t n_layers);

// The same from text; `path` is for messages.
std::vector<double> parse_rank_profile(const std::string& text,
                                       const std::string& path,
                                       int32_t n_layers);

}  // namespace kvhost::allocators
