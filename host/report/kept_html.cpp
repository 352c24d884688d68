// SPDX-License-Identifier: Apache-2.0
#include "report/kept_html.hpp"

#include <cassert>

#include "report/kept_html_parts.hpp"
#include "report/kept_page.hpp"

namespace kvhost {

namespace {

using namespace kept_html;

void write_part(std::ostream& out, std::string_view name, const KeptView& view) {
  if (name == "title") out << escape(view.title);
  if (name == "model") out << escape(view.model);
  if (name == "n_presses") out << view.presses.size();
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
  std::string_view rest = kKeptPageHtml;
  for (size_t open = rest.find("{{"); open != rest.npos; open = rest.find("{{")) {
    const size_t close = rest.find("}}", open);
    assert(close != rest.npos);
    out << rest.substr(0, open);
    write_part(out, rest.substr(open + 2, close - open - 2), view);
    rest.remove_prefix(close + 2);
  }
  out << rest;
}

}  // namespace kvhost
