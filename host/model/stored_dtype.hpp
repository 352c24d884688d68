// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>

#include "base/dtype.hpp"

namespace kvhost {

// What most bytes of the checkpoint in `dir` are stored as, for a config.json that does not say;
// none where there is no checkpoint or no floating-point tensor. Throws Error(CannotLoad).
std::optional<DType> stored_dtype(const std::filesystem::path& dir);

}  // namespace kvhost
