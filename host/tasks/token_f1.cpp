// SPDX-License-Identifier: Apache-2.0
// What words two answers share: SQuAD's F1 and exact match, and InfiniteBench's F1 for Chinese.
#include <map>

#include "tasks/metric_rules.hpp"
#include "tasks/python_text.hpp"

namespace kvhost::tasks {

namespace {

template <class Token>
double f1(const std::vector<Token>& prediction, const std::vector<Token>& reference) {
  std::map<Token, int64_t> left;
  for (const Token& token : reference) ++left[token];
  int64_t n_same = 0;
  for (const Token& token : prediction) {
    const auto found = left.find(token);
    if (found == left.end() || found->second == 0) continue;
    --found->second;
    ++n_same;
  }
  if (n_same == 0) return 0;
  const double precision = static_cast<double>(n_same) / static_cast<double>(prediction.size());
  const double recall = static_cast<double>(n_same) / static_cast<double>(reference.size());
  return 2 * precision * recall / (precision + recall);
}

bool is_article(std::u32string_view word) {
  return word == U"a" || word == U"an" || word == U"the";
}

// re.sub(r"\b(a|an|the)\b", " ", text)
std::u32string without_articles(const std::u32string& text) {
  std::u32string out;
  for (size_t at = 0; at < text.size();) {
    size_t end = at;
    while (end < text.size() && is_word(text[end])) ++end;
    if (end == at) {
      out += text[at++];
      continue;
    }
    const std::u32string_view word(text.data() + at, end - at);
    out += is_article(word) ? std::u32string_view(U" ") : word;
    at = end;
  }
  return out;
}

constexpr std::u32string_view kChinesePunctuation =
    U"！？｡。＂＃＄％＆＇（）＊＋，－／：；＜＝＞＠［＼］＾＿｀｛｜｝～｟｠｢｣､、〃》「」『』【】〔〕〖〗"
    U"〘〙〚〛〜〝〞〟〰〾〿–—‘’‛“”„‟…‧﹏.";

std::vector<char32_t> chinese_characters(const std::string& text) {
  std::vector<char32_t> out;
  for (const char32_t c : characters(lower(text)))
    if (!is_space(c) && !is_ascii_punctuation(c) &&
        kChinesePunctuation.find(c) == std::u32string_view::npos)
      out.push_back(c);
  return out;
}

}  // namespace

std::string normalized_answer(const std::string& text) {
  std::u32string kept;
  for (const char32_t c : characters(lower(text)))
    if (!is_ascii_punctuation(c)) kept += c;
  std::string out;
  for (const std::string& word : words(utf8(without_articles(kept))))
    out += (out.empty() ? "" : " ") + word;
  return out;
}

double token_f1(const std::string& prediction, const std::string& reference) {
  return f1(words(normalized_answer(prediction)), words(normalized_answer(reference)));
}

double char_f1_zh(const std::string& prediction, const std::string& reference) {
  return f1(chinese_characters(prediction), chinese_characters(reference));
}

double exact_match(const std::string& prediction, const std::string& reference) {
  return normalized_answer(prediction) == normalized_answer(reference) ? 1 : 0;
}

}  // namespace kvhost::tasks
