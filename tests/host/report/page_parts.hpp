// SPDX-License-Identifier: Apache-2.0
// Reads a page back: what a browser would see of it.
#pragma once

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "report/kept_html.hpp"

namespace kvhost {

inline std::string page_of(const KeptView& view) {
  std::ostringstream out;
  write_kept_html(out, view);
  return out.str();
}

inline size_t count_of(const std::string& text, const std::string& part) {
  size_t n = 0;
  for (size_t at = text.find(part); at != text.npos; at = text.find(part, at + part.size())) ++n;
  return n;
}

inline std::string between(const std::string& text,
                           const std::string& begin,
                           const std::string& end) {
  const size_t from = text.find(begin);
  if (from == text.npos) return "";
  const size_t start = from + begin.size();
  return text.substr(start, text.find(end, start) - start);
}

inline nlohmann::json data_of(const std::string& page) {
  return nlohmann::json::parse(between(page, "id=\"kept-data\">", "</script>"));
}

// The text of a press, tags and all.
inline std::string pane_of(const std::string& page, size_t press) {
  const std::string pane =
      between(page, "<section class=pane id=pane-" + std::to_string(press), "</section>");
  const std::string text = between(pane, "<div class=text", "\x01");  // to the end
  return text.substr(text.find('>') + 1);
}

inline std::string text_of(std::string html) {
  std::string text;
  for (size_t i = 0; i < html.size(); ++i) {
    if (html[i] == '<')
      i = html.find('>', i);
    else
      text += html[i];
  }
  const std::vector<std::pair<std::string, std::string>> names = {
      {"&lt;", "<"}, {"&gt;", ">"}, {"&quot;", "\""}, {"&#39;", "'"}, {"&amp;", "&"}};
  for (const auto& [name, character] : names)
    for (size_t at = text.find(name); at != text.npos; at = text.find(name, at + 1))
      text.replace(at, name.size(), character);
  return text;
}

// "s3", "s0 j", ... of each token.
inline std::vector<std::string> classes_of(const std::string& pane) {
  std::vector<std::string> classes;
  for (size_t at = pane.find("<span class="); at != pane.npos;
       at = pane.find("<span class=", at + 1)) {
    std::string name = pane.substr(at + 12, pane.find('>', at) - at - 12);
    if (name.front() == '"') name = name.substr(1, name.size() - 2);
    classes.push_back(name);
  }
  return classes;
}

// What encode_kept wrote, read bit by bit.
inline std::vector<int32_t> decode_kept(const std::string& base64) {
  std::vector<int32_t> positions;
  const std::string digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (size_t i = 0; i < base64.size() && base64[i] != '='; ++i) {
    const size_t digit = digits.find(base64[i]);
    for (size_t bit = 0; bit < 6; ++bit) {
      // of the whole text's bits, the highest of a byte first
      const size_t from_left = 6 * i + bit;
      if (digit >> (5 - bit) & 1U)
        positions.push_back(static_cast<int32_t>(from_left / 8 * 8 + 7 - from_left % 8));
    }
  }
  std::sort(positions.begin(), positions.end());
  return positions;
}

}  // namespace kvhost
