// SPDX-License-Identifier: Apache-2.0
// Words of libraries, files and the system, as they may stand on a terminal and in JSON.
#pragma once

#include <string>
#include <string_view>

namespace kvhost::registry {

// On one line: control characters (escape sequences begin with one) become spaces, bytes that are
// not UTF-8 question marks.
std::string plain(std::string_view text);

// Why `text` may not stand in a listing: "is not UTF-8", "holds a control character", or null.
// Lines may be broken where `lines` says so.
const char* unfit(std::string_view text, bool lines);

}  // namespace kvhost::registry
