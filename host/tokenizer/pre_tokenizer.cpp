// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/pre_tokenizer.hpp"

#include "tokenizer/byte_level.hpp"
#include "tokenizer/pattern_json.hpp"
#include "tokenizer/stages.hpp"
#include "tokenizer/unicode.hpp"
#include "tokenizer/utf8.hpp"

namespace kvhost::tok {

namespace {

const std::vector<std::string> kPreTokenizers = {"ByteLevel",
                                             "Split",
                                             "Digits",
                                             "Whitespace",
                                             "WhitespaceSplit",
                                             "Metaspace",
                                             "Punctuation",
                                             "Sequence"};

constexpr const char* kGpt2Pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

Finder find_pattern(Pattern pattern, bool invert) {
  return [pattern = std::move(pattern), invert](std::string_view text, std::vector<Span>* spans) {
    pattern.find(text, spans);
    if (invert)
      for (Span& s : *spans) s.match = !s.match;
  };
}

void spell_bytes(std::vector<Piece>* pieces) {
  std::string spelled;
  for (Piece& piece : *pieces) {
    spelled.clear();
    append_byte_level(spelled, piece.text);
    piece.text = spelled;
  }
}

// Runs of word characters and runs of what is neither word nor space stay; the space goes.
void find_space_between_words(std::string_view text, std::vector<Span>* spans) {
  int kind_before = -1;
  for (size_t pos = 0; pos < text.size();) {
    const size_t start = pos;
    const char32_t c = utf8::next(text, pos);
    const int kind = unicode::is_whitespace(c) ? 0 : unicode::is_word(c) ? 1 : 2;
    if (kind == kind_before) {
      spans->back().end = pos;
    } else {
      spans->push_back({start, pos, kind == 0});
    }
    kind_before = kind;
  }
}

size_t bytes_of(const std::vector<Piece>& pieces) {
  size_t n = 0;
  for (const Piece& piece : pieces) n += piece.text.size();
  return n;
}

}  // namespace

PreTokenizer::PreTokenizer(const JsonNode& node) { add(node); }

void PreTokenizer::apply(std::vector<Piece>* pieces) const {
  const size_t before = bytes_of(*pieces);
  for (const Step& step : steps_) {
    step(pieces);
    check_growth(before, bytes_of(*pieces));
  }
}

void PreTokenizer::add(const JsonNode& node) {
  check_stages(node, steps_.size());
  const std::string type = node.type();
  const auto add_finder = [this](Finder find, Behavior behavior) {
    steps_.push_back(
        [find = std::move(find), behavior](std::vector<Piece>* p) { split(p, find, behavior); });
  };
  if (type == "ByteLevel") {
    add_byte_level(node);
  } else if (type == "Split") {
    add_split(node);
  } else if (type == "Digits") {
    const bool single = node.bool_or("individual_digits", false);
    add_finder(find_characters(unicode::is_numeric),
               single ? Behavior::Isolated : Behavior::Contiguous);
  } else if (type == "Whitespace") {
    add_finder(find_space_between_words, Behavior::Removed);
  } else if (type == "WhitespaceSplit") {
    add_finder(find_characters(unicode::is_whitespace), Behavior::Removed);
  } else if (type == "Punctuation") {
    const auto behavior = node.find("behavior");
    add_finder(find_characters(unicode::is_punctuation),
               behavior ? load_behavior(*behavior) : Behavior::Isolated);
  } else if (type == "Metaspace") {
    add_metaspace(node);
  } else if (type == "Sequence") {
    for (const JsonNode& item : node.at("pretokenizers").items()) add(item);
  } else {
    node.fail_type(kPreTokenizers);
  }
}

void PreTokenizer::add_byte_level(const JsonNode& node) {
  if (node.bool_or("add_prefix_space", true))
    steps_.push_back([](std::vector<Piece>* pieces) {
      for (Piece& p : *pieces)
        if (!p.text.starts_with(' ')) p.text.insert(p.text.begin(), ' ');
    });
  if (node.bool_or("use_regex", true))
    steps_.push_back([find = find_pattern(Pattern::regex(kGpt2Pattern), /*invert=*/false)](
                         std::vector<Piece>* pieces) { split(pieces, find, Behavior::Isolated); });
  steps_.push_back(spell_bytes);
  byte_level_ = true;
}

void PreTokenizer::add_split(const JsonNode& node) {
  Finder find = find_pattern(load_pattern(node.at("pattern")), node.bool_or("invert", false));
  const Behavior behavior = load_behavior(node.at("behavior"));
  steps_.push_back(
      [find = std::move(find), behavior](std::vector<Piece>* p) { split(p, find, behavior); });
}

void PreTokenizer::add_metaspace(const JsonNode& node) {
  const std::string mark = node.string_or("replacement", "\xE2\x96\x81");
  const std::string scheme = load_prepend_scheme(node);
  steps_.push_back([space = Pattern::literal(" "), mark, scheme](std::vector<Piece>* pieces) {
    for (Piece& p : *pieces) {
      p.text = space.replace(p.text, mark);
      if (p.text.starts_with(mark) || scheme == "never" || (scheme == "first" && !p.first))
        continue;
      p.text.insert(0, mark);
    }
  });
  if (node.bool_or("split", true))
    steps_.push_back(
        [find = find_pattern(Pattern::literal(mark), /*invert=*/false)](
            std::vector<Piece>* pieces) { split(pieces, find, Behavior::MergedWithNext); });
}

std::string load_prepend_scheme(const JsonNode& node) {
  const auto scheme = node.find("prepend_scheme");
  if (!scheme) return node.bool_or("add_prefix_space", true) ? "always" : "never";
  const std::string name = scheme->as_string();
  if (name != "always" && name != "first" && name != "never")
    scheme->fail("found '" + name + "'; expected always, first or never");
  return name;
}

}  // namespace kvhost::tok
