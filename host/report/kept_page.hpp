// SPDX-License-Identifier: Apache-2.0
// The page's own files (kept_page.html and .css, three scripts), put into the program by
// embed_page.cmake.
#pragma once

#include <string_view>

namespace kvhost {

extern const std::string_view kKeptPageHtml, kKeptPageCss, kKeptSetsJs, kKeptPaintJs, kKeptPageJs;

}  // namespace kvhost
