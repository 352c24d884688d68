// SPDX-License-Identifier: Apache-2.0
// Some converters reorder the rows of queries and keys; this is the way back.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/config.hpp"
#include "model/gguf_architectures.hpp"

namespace kvhost {

// For each of the `n` rows that Hugging Face has, the row of the GGUF tensor; empty: the same.
std::vector<int64_t> gguf_row_order(const GgufArchitecture& architecture,
                                    const ModelConfig& config,
                                    const std::string& tensor,
                                    int64_t n);

}  // namespace kvhost
