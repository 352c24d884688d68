// SPDX-License-Identifier: Apache-2.0
// GPT-2's reversible spelling of bytes as printable characters: "Ġ" is a space, "Ċ" a newline.
#pragma once

#include <array>
#include <string>
#include <string_view>

namespace kvhost::tok {

// The character (UTF-8) that stands for each byte.
const std::array<std::string, 256>& byte_characters();

// Appends the spelling of `bytes`.
void append_byte_level(std::string& out, std::string_view bytes);

// Appends the bytes that `spelled` stands for; when a character in it stands for none, `spelled`
// itself.
void append_spelled_bytes(std::string& out, std::string_view spelled);

}  // namespace kvhost::tok
