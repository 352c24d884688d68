// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <string_view>

namespace kvhost::tok {

// Calls `each` for what a reader takes for one character: a letter and the marks on it, a flag, a
// family of emoji, CR LF. `text` is valid UTF-8.
void for_each_grapheme(std::string_view text, const std::function<void(std::string_view)>& each);

}  // namespace kvhost::tok
