// SPDX-License-Identifier: Apache-2.0
#include "report/kept_html.hpp"

#include "report/kept_html_parts.hpp"
#include "report/kept_page.hpp"
#include "report/page.hpp"

namespace kvhost {

namespace {

using namespace kept_html;

void write_part(std::ostream& out, std::string_view name, const KeptView& view) {
  if (name == "title") out << escape(view.title);
  if (name == "model") out << escape(view.model);
  if (name == "attributes")
    out << " data-presses=\"" << view.presses.size() << '"' << (view.marked.empty() ? "" : " data-marked");
  if (name == "kind") out << "What was kept";
  if (name == "css") out << kPageColorsCss << kKeptPageCss;
  if (name == "js") out << kKeptSetsJs << kKeptPaintJs << kKeptPageJs;
  if (name == "presses") write_presses(out, view);
  if (name == "panes") write_panes(out, view);
  if (name == "exchanges") write_exchanges(out, view);
  if (name == "data") write_data(out, view);
}

}  // namespace

void write_kept_html(std::ostream& out, const KeptView& view) {
  check_kept_view(view);
  write_page(out, kKeptPageHtml, [&](std::ostream& to, std::string_view name) {
    write_part(to, name, view);
  });
}

}  // namespace kvhost
