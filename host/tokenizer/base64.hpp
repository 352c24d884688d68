// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace kvhost::tok {

// The bytes that `text` spells; empty when it is not base64.
std::optional<std::string> decode_base64(std::string_view text);

}  // namespace kvhost::tok
