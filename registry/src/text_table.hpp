// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace kvhost::registry {

constexpr size_t kPageWidth = 100;

// Columns side by side, two spaces apart, each line opened by `indent` spaces. The last column is
// wrapped at the page's width and continued below itself. Widths count characters, not bytes.
std::string table_text(const std::vector<std::vector<std::string>>& rows, size_t indent);

// A paragraph wrapped at the page's width.
std::string paragraph_text(const std::string& text, size_t indent);

}  // namespace kvhost::registry
