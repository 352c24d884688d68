// SPDX-License-Identifier: Apache-2.0
#include "report/page.hpp"

#include <cassert>

#include "report/kept_page.hpp"

namespace kvhost {

namespace {

void fill(std::ostream& out, std::string_view text, const PagePart& part) {
  for (size_t open = text.find("{{"); open != text.npos; open = text.find("{{")) {
    const size_t close = text.find("}}", open);
    assert(close != text.npos);
    out << text.substr(0, open);
    part(out, text.substr(open + 2, close - open - 2));
    text.remove_prefix(close + 2);
  }
  out << text;
}

}  // namespace

void write_page(std::ostream& out, std::string_view body, const PagePart& part) {
  fill(out, kPageHtml, [&](std::ostream& to, std::string_view name) {
    if (name == "body")
      fill(to, body, part);
    else
      part(to, name);
  });
}

}  // namespace kvhost
