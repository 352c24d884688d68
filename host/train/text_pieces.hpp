// SPDX-License-Identifier: Apache-2.0
// Texts cut into pieces that a model reads one at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "engine/model.hpp"

namespace kvhost::train {

// Pieces of `length` tokens of whole texts, one after the other; what is left of one at its end
// counts when it is at least half as long. Error(BadRequest) where there are fewer than `n_least`.
std::vector<std::vector<int32_t>> pieces_of(const Model& model,
                                            const std::vector<std::filesystem::path>& files,
                                            int64_t length,
                                            size_t n_least);

}  // namespace kvhost::train
