// SPDX-License-Identifier: Apache-2.0
// Small helpers for messages.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kvhost {

// The candidate that other programs call `name` ("gpu": cuda), else the one with the smallest edit
// distance to it, or "" when none is near enough to be meant.
std::string nearest(const std::string& name, const std::vector<std::string>& candidates);

// "; did you mean 'x'?" or "".
std::string did_you_mean(const std::string& name, const std::vector<std::string>& candidates);

std::string join(const std::vector<std::string>& parts, const std::string& separator);

// For a message or a terminal, on one line: control characters become spaces, bytes that are not
// UTF-8 question marks.
std::string printable(std::string_view text);

// `text` in quotes for a message: printable, at most about 60 characters.
std::string quoted(const std::string& text);

// "1.5 MB" (powers of 1000).
std::string format_bytes(int64_t bytes);

}  // namespace kvhost
