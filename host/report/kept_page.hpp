// SPDX-License-Identifier: Apache-2.0
// The files of the pages (what was kept; results; an analysis), put into the program by
// embed_page.cmake.
#pragma once

#include <string_view>

namespace kvhost {

extern const std::string_view kPageHtml, kPageColorsCss;
extern const std::string_view kKeptPageHtml, kKeptPageCss, kKeptSetsJs, kKeptPaintJs, kKeptPageJs;
extern const std::string_view kResultsPageHtml, kResultsPageCss, kResultsPageJs;
extern const std::string_view kAnalysisPageHtml, kAnalysisPageJs;

}  // namespace kvhost
