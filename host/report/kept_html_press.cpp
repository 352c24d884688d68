// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "base/text.hpp"
#include "report/kept_html_parts.hpp"
#include "report/table.hpp"

namespace kvhost::kept_html {

namespace {

void write_press(std::ostream& out, const KeptPress& press, size_t index, double most) {
  const int64_t entries = n_kept_entries(press);
  const int64_t all = static_cast<int64_t>(n_kept_heads(press)) * press.n_seen;
  out << "<section class=press data-press=" << index << ">\n<h2 class=\"spec p" << index << "\">"
      << escape(press.spec) << "</h2>\n<dl>";
  if (!press.budget_line.empty())
    out << "<dt>budget</dt><dd>" << escape(press.budget_line) << "</dd>";
  out << "<dt>entries</dt><dd>" << grouped(entries) << " of " << grouped(all) << " kept ("
      << format_percent(share_of(entries, all)) << ")</dd>";
  if (press.bytes_full > 0)
    out << "<dt>cache</dt><dd>" << format_bytes(press.bytes_full) << " full, "
        << format_bytes(press.bytes_kept) << " kept ("
        << format_percent(share_of(press.bytes_kept, press.bytes_full)) << ")</dd>";
  out << "</dl>\n";
  write_matrix(out, press, most);
  out << "</section>\n";
}

void write_exchange(std::ostream& out, const KeptPress& press, size_t index, size_t row) {
  out << "<div class=\"exchange p" << index << "\">";
  if (row < press.exchanges.size()) {
    const KeptExchange& x = press.exchanges[row];
    if (!x.question.empty())
      out << "<p class=q><b>asked</b><span dir=auto>" << escape(x.question) << "</span></p>";
    out << "<p class=a><b>answered</b><span dir=auto>" << escape(x.answer) << "</span></p>";
    if (!x.expect.empty()) {
      const bool right = x.answer.find(x.expect) != std::string::npos;
      out << "<p class=\"x " << (right ? "right" : "wrong") << "\"><b>"
          << (right ? "&#10003;" : "&#10007;") << "</b><span>"
          << (right ? "contains" : "does not contain") << " what was expected: <q dir=auto>"
          << escape(x.expect) << "</q></span></p>";
    }
  }
  out << "</div>\n";
}

}  // namespace

double share_of(int64_t part, int64_t whole) {
  return whole > 0 ? static_cast<double>(part) / static_cast<double>(whole) : 0;
}

std::string grouped(int64_t n) {
  std::string text = std::to_string(n);
  const size_t first = n < 0 ? 1 : 0;
  for (size_t at = text.size(); at > first + 3;) text.insert(at -= 3, ",");
  return text;
}

void write_presses(std::ostream& out, const KeptView& view) {
  const double most = largest_head_share(view);
  for (size_t i = 0; i < view.presses.size(); ++i) write_press(out, view.presses[i], i, most);
}

void write_exchanges(std::ostream& out, const KeptView& view) {
  size_t rows = 0;
  for (const KeptPress& press : view.presses) rows = std::max(rows, press.exchanges.size());
  if (rows == 0) return;
  out << "<section class=exchanges aria-label=\"Questions and answers\">\n"
         "<h2>Asked of the compressed cache</h2>\n<div class=columns>\n";
  for (size_t i = 0; view.presses.size() > 1 && i < view.presses.size(); ++i)
    out << "<h3 class=\"spec p" << i << "\">" << escape(view.presses[i].spec) << "</h3>\n";
  for (size_t row = 0; row < rows; ++row)
    for (size_t i = 0; i < view.presses.size(); ++i) write_exchange(out, view.presses[i], i, row);
  out << "</div>\n</section>\n";
}

}  // namespace kvhost::kept_html
