// SPDX-License-Identifier: Apache-2.0
// The server's page and its description, put into the program by cmake/embed_files.cmake.
#pragma once

#include <string_view>

namespace kvhost {

extern const std::string_view kServePageHtml, kServePageCss, kServePageJs, kServeOpenapi;

}  // namespace kvhost
