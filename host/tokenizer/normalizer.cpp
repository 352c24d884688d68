// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/normalizer.hpp"

#include <unicode/bytestream.h>
#include <unicode/normalizer2.h>

#include <algorithm>

#include "base/error.hpp"
#include "tokenizer/base64.hpp"
#include "tokenizer/charsmap.hpp"
#include "tokenizer/graphemes.hpp"
#include "tokenizer/pattern_json.hpp"
#include "tokenizer/stages.hpp"
#include "tokenizer/unicode.hpp"
#include "tokenizer/utf8.hpp"

namespace kvhost::tok {

namespace {

const std::vector<std::string> kNormalizers = {
    "NFC",     "NFD",   "NFKC",        "NFKD",         "Lowercase",     "Prepend",
    "Replace", "Strip", "Precompiled", "StripAccents", "Nmt",       "Sequence"};

// Null for a name that is no normal form.
const icu::Normalizer2* normal_form(const std::string& name) {
  UErrorCode status = U_ZERO_ERROR;
  const icu::Normalizer2* form = nullptr;
  if (name == "NFC") form = icu::Normalizer2::getNFCInstance(status);
  if (name == "NFD") form = icu::Normalizer2::getNFDInstance(status);
  if (name == "NFKC") form = icu::Normalizer2::getNFKCInstance(status);
  if (name == "NFKD") form = icu::Normalizer2::getNFKDInstance(status);
  if (U_FAILURE(status))
    run_failed("ICU", std::string("no data for ") + name + ": " + u_errorName(status));
  return form;
}

void to_form(const icu::Normalizer2& form, std::string& text) {
  if (std::all_of(
          text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; }))
    return;
  UErrorCode status = U_ZERO_ERROR;
  const icu::StringPiece source(text.data(), static_cast<int32_t>(text.size()));
  if (form.isNormalizedUTF8(source, status)) return;
  std::string out;
  icu::StringByteSink<std::string> sink(&out, source.length());
  form.normalizeUTF8(0, source, sink, nullptr, status);
  if (U_FAILURE(status))
    run_failed("ICU", std::string("normalisation failed: ") + u_errorName(status));
  text = std::move(out);
}

void to_lower(std::string& text) {
  std::string out;
  out.reserve(text.size());
  for (size_t pos = 0; pos < text.size();) unicode::append_lower(out, utf8::next(text, pos));
  text = std::move(out);
}

void strip(std::string& text, bool left, bool right) {
  size_t begin = 0, end = text.size();
  for (size_t pos = 0; left && begin < end; begin = pos)
    if (!unicode::is_whitespace(utf8::next(text, pos))) break;
  while (right && end > begin) {
    const size_t start = utf8::previous(text, end);
    size_t pos = start;
    if (!unicode::is_whitespace(utf8::next(text, pos))) break;
    end = start;
  }
  text = text.substr(begin, end - begin);
}

// Replaces characters as the reference library does: the shortest entry of the map that a grapheme
// begins with stands for all of it, for long graphemes and those without one for a character.
void replace_mapped(const Charsmap& map, std::string& text) {
  constexpr size_t kLongestGrapheme = 5;  // bytes
  std::string out;
  out.reserve(text.size());
  for_each_grapheme(text, [&](std::string_view grapheme) {
    if (grapheme.size() <= kLongestGrapheme)
      if (const auto found = map.shortest(grapheme)) {
        out += found->text;
        return;
      }
    for (size_t pos = 0; pos < grapheme.size();) {
      const size_t begin = pos;
      utf8::next(grapheme, pos);
      const std::string_view character = grapheme.substr(begin, pos - begin);
      const auto found = map.shortest(character);
      out += found ? found->text : character;
    }
  });
  text = std::move(out);
}

Charsmap load_charsmap(const JsonNode& node) {
  const auto blob = decode_base64(node.as_string());
  if (!blob) node.fail("is not base64; expected the map of a SentencePiece model in it");
  std::string fault;
  auto map = Charsmap::read(*blob, &fault);
  if (!map) node.fail(fault);
  return std::move(*map);
}

void keep_or_change(std::string& text, const std::function<void(char32_t, std::string&)>& each) {
  std::string out;
  out.reserve(text.size());
  for (size_t pos = 0; pos < text.size();) each(utf8::next(text, pos), out);
  text = std::move(out);
}

// What machine translation does to controls and odd spaces.
void nmt(char32_t c, std::string& out) {
  if ((c >= 0x01 && c <= 0x08) || c == 0x0B || (c >= 0x0E && c <= 0x1F) || c == 0x7F || c == 0x8F ||
      c == 0x9F)
    return;
  const bool space = c == 0x09 || c == 0x0A || c == 0x0C || c == 0x0D || c == 0x1680 ||
                     (c >= 0x200B && c <= 0x200F) || c == 0x2028 || c == 0x2029 || c == 0x2581 ||
                     c == 0xFEFF || c == 0xFFFD;
  utf8::append(out, space ? U' ' : c);
}

}  // namespace

Normalizer::Normalizer(const JsonNode& node) { add(node); }

void Normalizer::add(const JsonNode& node) {
  check_stages(node, steps_.size());
  const std::string type = node.type();
  if (const icu::Normalizer2* form = normal_form(type)) {
    steps_.push_back([form](std::string& text, bool) { to_form(*form, text); });
  } else if (type == "Lowercase") {
    steps_.push_back([](std::string& text, bool) { to_lower(text); });
  } else if (type == "Prepend") {
    steps_.push_back([prefix = node.at("prepend").as_string()](std::string& text, bool) {
      if (!text.empty()) text.insert(0, prefix);
    });
  } else if (type == "Replace") {
    steps_.push_back([pattern = load_pattern(node.at("pattern")),
                      content = node.at("content").as_string()](std::string& text, bool) {
      text = pattern.replace(text, content);
    });
  } else if (type == "Strip") {
    steps_.push_back([left = node.bool_or("strip_left", true),
                      right = node.bool_or("strip_right", true)](std::string& text, bool) {
      strip(text, left, right);
    });
  } else if (type == "Precompiled") {
    steps_.push_back([map = load_charsmap(node.at("precompiled_charsmap"))](
                         std::string& text, bool) { replace_mapped(map, text); });
  } else if (type == "StripAccents") {
    steps_.push_back([](std::string& text, bool) {
      keep_or_change(text, [](char32_t c, std::string& out) {
        if (!unicode::is_mark(c)) utf8::append(out, c);
      });
    });
  } else if (type == "Nmt") {
    steps_.push_back([](std::string& text, bool) { keep_or_change(text, nmt); });
  } else if (type == "Sequence") {
    for (const JsonNode& item : node.at("normalizers").items()) add(item);
  } else {
    node.fail_type(kNormalizers);
  }
}

std::string Normalizer::apply(std::string text, bool first) const {
  const size_t before = text.size();
  for (const Step& step : steps_) {
    step(text, first);
    check_growth(before, text.size());
  }
  return text;
}

}  // namespace kvhost::tok
