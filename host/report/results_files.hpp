// SPDX-License-Identifier: Apache-2.0
// A report: a page, and the tables beside it.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "report/results_page.hpp"

namespace kvhost {

// `place` ends in .html or .htm: the page alone. Else a folder, made where it is not there, with
// results.html, .txt, .csv, .md, .tex and .json. Returns what was written. Throws Error.
std::vector<std::filesystem::path> write_results_report(const std::filesystem::path& place,
                                                        const ResultsView& view);

// "": `place` can be written; else why not. Asked before any work.
std::string why_no_report_at(const std::filesystem::path& place);

}  // namespace kvhost
