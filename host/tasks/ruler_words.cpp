// SPDX-License-Identifier: Apache-2.0
// RULER's counting tasks: the ten words of a numbered list that come most often (cwe, after a
// solved example), and the three of a coded text whose words follow a zeta distribution (fwe).
#include <algorithm>
#include <set>

#include "base/error.hpp"
#include "base/text.hpp"
#include "tasks/ruler_maker.hpp"

namespace kvhost::tasks {

namespace {

constexpr size_t kCommon = 10;

std::string numbered(const Strings& words) {
  std::string out;
  for (size_t i = 0; i < words.size(); ++i)
    (out += i > 0 ? " " : "") += std::to_string(i + 1) + ". " + words[i];
  return out;
}

struct Counts {
  size_t common, uncommon;  // how often each of them comes
};

// The common words; `context` becomes the list.
Strings common_words(
    const Strings& words, size_t n_words, Counts counts, Random& random, std::string& context) {
  Strings common, list;
  for (const size_t i : random.sample(words.size(), n_words)) {
    const bool is_common = common.size() < kCommon;
    if (is_common) common.push_back(words[i]);
    list.insert(list.end(), is_common ? counts.common : counts.uncommon, words[i]);
  }
  random.shuffle(list);
  context = numbered(list);
  return common;
}

void ask_common(Case& one) {
  one.before =
      "Below is a numbered list of words. In these words, some appear more often than "
      "others. Memorize the ones that appear most often.\n";
  one.after = "\n";
  one.question = "Question: What are the 10 most common words in the above list?";
  one.answer_prefix = " Answer: The top 10 words that appear most often in the list are:";
  one.max_new_tokens = 120;
}

constexpr double kZetaOf2 = 1.6449340668482264;
constexpr size_t kCodedLetters = 6;

// Different words; the first is noise.
Strings coded_vocabulary(size_t n, Random& random) {
  std::set<std::string> words;
  while (words.size() < n) {
    std::string word;
    for (size_t i = 0; i < kCodedLetters; ++i) word += static_cast<char>('a' + random.below(26));
    words.insert(word);
  }
  Strings out(words.begin(), words.end());
  random.shuffle(out);
  out[0] = "...";
  return out;
}

size_t zeta_count(size_t n_words, size_t rank) {
  const auto k = static_cast<double>(rank);
  return static_cast<size_t>(static_cast<double>(n_words) * (1 / (k * k)) / kZetaOf2);
}

Case coded_case(size_t n_words, size_t n_vocabulary, Random random) {
  const Strings vocabulary = coded_vocabulary(n_vocabulary, random);
  Strings text;
  for (size_t i = 0; i < vocabulary.size(); ++i)
    text.insert(text.end(), zeta_count(n_words, i + 1), vocabulary[i]);
  random.shuffle(text);
  Case one;
  one.before =
      "Read the following coded text and track the frequency of each coded word. Find the "
      "three most frequently appeared coded words. ";
  one.context = join(text, " ");
  one.after = "\n";
  one.question =
      "Question: Do not provide any explanation. Please ignore the dots '....'. What are "
      "the three most frequently appeared words in the above coded text?";
  one.answer_prefix =
      " Answer: According to the coded text above, the three most frequently appeared words are:";
  one.answers = {vocabulary[1], vocabulary[2], vocabulary[3]};
  one.max_new_tokens = 50;
  return one;
}

}  // namespace

RulerMaker common_words_maker(const RulerRequest& request, const RulerData& data) {
  const bool is_short = request.length < 4096;
  const Counts counts = is_short ? Counts{6, 1} : Counts{30, 3};
  const Counts example_counts = is_short ? Counts{3, 1} : Counts{10, 3};
  const size_t n_example = is_short ? 20 : 40;
  if (data.words.size() < kFewestWords)
    bad_request("RULER task cwe",
                "the text to take words from gives " + std::to_string(data.words.size()) +
                    "; expected " + std::to_string(kFewestWords) + " or more");
  RulerMaker maker;
  maker.make = [&data, counts, example_counts, n_example](size_t size, Random random, int64_t) {
    Case solved, one;
    ask_common(solved);
    const Strings known =
        common_words(data.words, n_example, example_counts, random, solved.context);
    ask_common(one);
    one.answers = common_words(data.words, size, counts, random, one.context);
    one.before = prompt(solved) + " " + numbered(known) + "\n" + one.before;
    return one;
  };
  maker.sizes = {kCommon + 1, data.words.size(), 200};
  maker.pieces = "different words";
  return maker;
}

RulerMaker frequent_words_maker(const RulerRequest& request) {
  constexpr size_t kLowest = 50;  // from here on the three come more often than the fourth
  const auto n_vocabulary = static_cast<size_t>(std::max<int64_t>(4, (request.length - 50) / 50));
  RulerMaker maker;
  maker.make = [n_vocabulary](size_t size, Random random, int64_t) {
    return coded_case(size, n_vocabulary, random);
  };
  maker.sizes = {kLowest, size_t{1} << 40, 500};
  maker.pieces = "coded words";
  maker.finite = false;
  return maker;
}

}  // namespace kvhost::tasks
