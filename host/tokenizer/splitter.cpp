// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/splitter.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "tokenizer/utf8.hpp"

namespace kvhost::tok {

namespace {

// Joins a match to the span before it; of several matches in a row only the first.
void merge_with_previous(std::vector<Span>* spans) {
  std::vector<Span> out;
  bool previous_match = false;
  for (const Span& s : *spans) {
    if (s.match && !previous_match && !out.empty()) {
      out.back().end = s.end;
    } else {
      out.push_back(s);
    }
    previous_match = s.match;
  }
  *spans = std::move(out);
}

// Joins a match to the span behind it; of several matches in a row only the last.
void merge_with_next(std::vector<Span>* spans) {
  std::vector<Span> out;
  bool previous_match = false;
  for (auto s = spans->rbegin(); s != spans->rend(); ++s) {
    if (s->match && !previous_match && !out.empty()) {
      out.back().begin = s->begin;
    } else {
      out.push_back(*s);
    }
    previous_match = s->match;
  }
  std::reverse(out.begin(), out.end());
  *spans = std::move(out);
}

void merge_alike(std::vector<Span>* spans) {
  std::vector<Span> out;
  for (const Span& s : *spans) {
    if (!out.empty() && out.back().match == s.match) {
      out.back().end = s.end;
    } else {
      out.push_back(s);
    }
  }
  *spans = std::move(out);
}

}  // namespace

Behavior load_behavior(const JsonNode& node) {
  static const std::vector<std::string> kNames = {
      "Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"};
  const std::string name = node.as_string();
  const auto it = std::find(kNames.begin(), kNames.end(), name);
  if (it == kNames.end())
    node.fail("found '" + name + "'; expected one of " + join(kNames, ", ") +
              did_you_mean(name, kNames));
  return static_cast<Behavior>(it - kNames.begin());
}

void arrange(Behavior behavior, std::vector<Span>* spans) {
  switch (behavior) {
    case Behavior::Isolated:
      return;
    case Behavior::Removed:
      std::erase_if(*spans, [](const Span& s) { return s.match; });
      return;
    case Behavior::MergedWithPrevious:
      return merge_with_previous(spans);
    case Behavior::MergedWithNext:
      return merge_with_next(spans);
    case Behavior::Contiguous:
      return merge_alike(spans);
  }
}

void split(std::vector<Piece>* pieces, const Finder& find, Behavior behavior) {
  std::vector<Piece> out;
  std::vector<Span> spans;
  for (Piece& piece : *pieces) {
    spans.clear();
    find(piece.text, &spans);
    arrange(behavior, &spans);
    if (spans.size() == 1 && spans[0].begin == 0 && spans[0].end == piece.text.size()) {
      if (!piece.text.empty()) out.push_back(std::move(piece));
      continue;
    }
    for (const Span& s : spans)
      if (s.end > s.begin)
        out.push_back({piece.text.substr(s.begin, s.end - s.begin), piece.first && s.begin == 0});
  }
  *pieces = std::move(out);
}

Finder find_characters(bool (*wanted)(char32_t)) {
  return [wanted](std::string_view text, std::vector<Span>* spans) {
    size_t done = 0;
    for (size_t pos = 0; pos < text.size();) {
      const size_t start = pos;
      if (!wanted(utf8::next(text, pos))) continue;
      if (start > done) spans->push_back({done, start, false});
      spans->push_back({start, pos, true});
      done = pos;
    }
    if (done < text.size()) spans->push_back({done, text.size(), false});
  };
}

}  // namespace kvhost::tok
