// SPDX-License-Identifier: Apache-2.0
// ROUGE-L as the Python package rouge 1.0.1 computes it, which LongBench uses: texts are cut into
// sentences at every full stop, words are counted once, and a word of the reference counts when it
// lies on a longest common subsequence of any two sentences.
//
// The package gives up on sentences of about a thousand words, by Python's limit on recursion, and
// scores them 0; here they get their score.
#include <algorithm>
#include <set>

#include "tasks/metric_rules.hpp"
#include "tasks/python_text.hpp"

namespace kvhost::tasks {

namespace {

// Words of each sentence; one of spaces alone has one word, "".
std::vector<Strings> words_by_sentence(const std::string& text) {
  std::vector<Strings> out;
  for (const std::string& part : split(text, '.')) {
    if (part.empty()) continue;
    out.push_back(words(part));
    if (out.back().empty()) out.back().emplace_back();
  }
  return out;
}

std::set<std::string> distinct(const std::vector<Strings>& sentences) {
  std::set<std::string> out;
  for (const Strings& sentence : sentences) out.insert(sentence.begin(), sentence.end());
  return out;
}

// Adds the words of that longest common subsequence which the package's way back finds.
void add_common(const Strings& x, const Strings& y, std::set<std::string>& out) {
  const size_t width = y.size() + 1;
  std::vector<int32_t> length((x.size() + 1) * width, 0);
  for (size_t i = 1; i <= x.size(); ++i)
    for (size_t j = 1; j <= y.size(); ++j)
      length[i * width + j] =
          x[i - 1] == y[j - 1] ? length[(i - 1) * width + j - 1] + 1
                               : std::max(length[(i - 1) * width + j], length[i * width + j - 1]);
  for (size_t i = x.size(), j = y.size(); i > 0 && j > 0;) {
    if (x[i - 1] == y[j - 1]) {
      out.insert(x[i - 1]);
      --i, --j;
    } else if (length[(i - 1) * width + j] > length[i * width + j - 1]) {
      --i;
    } else {
      --j;
    }
  }
}

}  // namespace

double rouge_l(const std::string& prediction, const std::string& reference) {
  const auto said = words_by_sentence(prediction);
  const auto expected = words_by_sentence(reference);
  if (said.empty() || expected.empty()) return 0;
  std::set<std::string> common;
  for (const Strings& x : expected)
    for (const Strings& y : said) add_common(x, y, common);
  const auto n = static_cast<double>(common.size());
  const double recall = n / static_cast<double>(distinct(expected).size());
  const double precision = n / static_cast<double>(distinct(said).size());
  return 2.0 * ((precision * recall) / (precision + recall + 1e-8));
}

}  // namespace kvhost::tasks
