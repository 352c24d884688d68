// SPDX-License-Identifier: Apache-2.0
#include "report/results_files.hpp"

#include <functional>
#include <ostream>
#include <utility>

#include "base/error.hpp"
#include "base/output_file.hpp"
#include "base/output_place.hpp"
#include "report/results_tables.hpp"

namespace kvhost {

namespace fs = std::filesystem;

namespace {

bool is_page(const fs::path& place) {
  return place.extension() == ".html" || place.extension() == ".htm";
}

}  // namespace

std::string why_no_report_at(const fs::path& place) {
  std::error_code error;
  if (is_page(place)) return why_not_writable(place);
  if (fs::is_directory(place, error)) return why_not_writable(place / "results.html");
  if (fs::exists(place, error)) return "is no folder, and no name of an .html file";
  const fs::path parent = place.parent_path();
  if (!parent.empty() && !fs::is_directory(parent, error)) return "its folder is not there";
  return why_not_writable(parent / ".kvhost-report");  // could something be made there?
}

std::vector<fs::path> write_results_report(const fs::path& place, const ResultsView& view) {
  const auto page = [&](std::ostream& out) { write_results_page(out, view); };
  if (is_page(place)) {
    write_file(place, page);
    return {place};
  }
  std::error_code error;
  fs::create_directory(place, error);
  if (error) run_failed(place.string(), "no folder can be made there: " + error.message());
  const Ink plain{.color = false, .columns = 120, .utf8 = true};
  const std::pair<const char*, std::function<void(std::ostream&)>> files[] = {
      {"results.html", page},
      {"results.txt", [&](std::ostream& out) { print_results(out, plain, view.lines); }},
      {"results.csv", [&](std::ostream& out) { write_results_csv(out, view.lines); }},
      {"results.md", [&](std::ostream& out) { write_results_markdown(out, view.lines); }},
      {"results.tex", [&](std::ostream& out) { write_results_latex(out, view.lines); }},
      {"results.json", [&](std::ostream& out) { write_results_json(out, view.lines); }}};
  std::vector<fs::path> written;
  for (const auto& [name, fill] : files) {
    write_file(place / name, fill);
    written.push_back(place / name);
  }
  return written;
}

}  // namespace kvhost
