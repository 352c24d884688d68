// SPDX-License-Identifier: Apache-2.0
// What all pages have in common: one file that needs no network, in a skeleton (page.html) whose
// parts are written by whoever makes the page.
#pragma once

#include <functional>
#include <ostream>
#include <string_view>

namespace kvhost {

// Writes the part that stands as {{name}} in the skeleton or in `body`: attributes, kind, title,
// css, js, and the body's own.
using PagePart = std::function<void(std::ostream& out, std::string_view name)>;

void write_page(std::ostream& out, std::string_view body, const PagePart& part);

}  // namespace kvhost
