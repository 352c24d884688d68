// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <nlohmann/json.hpp>

#include "report/kept_bits.hpp"
#include "report/kept_html_parts.hpp"
#include "report/kept_pieces.hpp"

namespace kvhost::kept_html {

namespace {

constexpr size_t kChunk = 150;     // tokens
constexpr size_t kLineBytes = 90;  // of a line of prose as wide as the style lets it be

// `text` is what show_text or show_pieces gave.
std::string escape_shown(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

// <i> before a line break shows that a token is there; the mark itself comes from the style.
std::string piece_html(const std::string& text) {
  std::string out;
  for (const char c : escape_shown(text)) out += c == '\n' ? "<i></i>\n" : std::string(1, c);
  return out;
}

// s0 to s10: how many heads kept it; u: it came after the cut; j: part of an earlier piece's
// character; e: no text.
std::string piece_class(const ShownPiece& piece, const std::string& shade) {
  std::string name = shade;
  if (piece.joined) name += " j";
  if (piece.text.empty() && !piece.joined) name += " e";
  return name.find(' ') == name.npos ? name : '"' + name + '"';
}

// A chunk is laid out only when it comes into sight. It ends with a line, so that its edge does not
// show; a text without line breaks is one chunk.
size_t chunk_end(const std::vector<ShownPiece>& pieces, size_t begin) {
  for (size_t i = begin + kChunk; i < pieces.size(); ++i)
    if (!pieces[i].text.empty() && pieces[i].text.back() == '\n') return i + 1;
  return pieces.size();
}

// Lines that a chunk will take, about: what its height is until it has been laid out.
size_t guessed_lines(const std::vector<ShownPiece>& pieces, size_t begin, size_t end) {
  size_t lines = 0, in_line = 0;
  for (size_t i = begin; i < end; ++i) {
    for (const char c : pieces[i].text) {
      const bool full = c == '\n' || ++in_line > kLineBytes;
      lines += full ? 1 : 0;
      if (full) in_line = 0;
    }
  }
  return lines + (in_line > 0 ? 1 : 0);
}

void write_pane(std::ostream& out, const KeptView& view, size_t index, const auto& pieces) {
  const KeptPress& press = view.presses[index];
  const std::vector<int32_t> counts = heads_that_kept(press);
  const auto n_heads = static_cast<int64_t>(n_kept_heads(press));
  out << "<section class=pane id=pane-" << index << " aria-label=\"Prompt under "
      << escape(press.spec) << "\">\n<h2 class=\"spec p" << index << "\">" << escape(press.spec)
      << "</h2>\n";
  if (press.renumbered)
    out << "<p class=note>This method gave the entries it kept new positions: how many there are "
           "is known, which tokens they came from is not, so the text is not shaded.</p>\n";
  out << "<div class=text tabindex=0 role=group aria-label=\"Text of the prompt, token by token; "
         "full stop and comma move between tokens\">";
  size_t end = 0;  // of the present chunk
  for (size_t i = 0; i < pieces.size(); ++i) {
    if (i == end) {
      out << (i > 0 ? "</div>" : "");
      end = chunk_end(pieces, i);
      out << "<div class=c style=\"--n:" << guessed_lines(pieces, i, end) << "\">";
    }
    const bool seen = i < counts.size();
    const std::string shade = press.renumbered ? "r"
                              : seen           ? "s" + std::to_string(kept_step(counts[i], n_heads))
                                               : "u";
    const bool marked = std::binary_search(
        view.marked.begin(), view.marked.end(), static_cast<int32_t>(i));
    out << "<span class=" << piece_class(pieces[i], shade) << (marked ? " data-m>" : ">")
        << piece_html(pieces[i].text) << "</span>";
  }
  out << "</div></div>\n</section>\n";
}

}  // namespace

std::string escape(std::string_view text) { return escape_shown(show_text(text)); }

void write_panes(std::ostream& out, const KeptView& view) {
  const std::vector<ShownPiece> pieces = show_pieces(view.pieces);
  for (size_t i = 0; i < view.presses.size(); ++i) write_pane(out, view, i, pieces);
}

void write_data(std::ostream& out, const KeptView& view) {
  nlohmann::json presses = nlohmann::json::array();
  for (const KeptPress& press : view.presses) {
    nlohmann::json layers = nlohmann::json::array();
    for (const auto& layer : press.kept) {
      nlohmann::json heads = nlohmann::json::array();
      for (const auto& head : layer)
        heads.push_back(press.renumbered ? "" : encode_kept(head, press.n_seen));
      layers.push_back(std::move(heads));
    }
    presses.push_back({{"spec", show_text(press.spec)},
                       {"n_seen", press.n_seen},
                       {"renumbered", press.renumbered},
                       {"kept", std::move(layers)}});
  }
  // Only ASCII, and no "<" that could end the element.
  const std::string text = nlohmann::json{{"presses", std::move(presses)}}.dump(-1, ' ', true);
  for (const char c : text) {
    if (c == '<')
      out << "\\u003c";
    else
      out << c;
  }
}

}  // namespace kvhost::kept_html
