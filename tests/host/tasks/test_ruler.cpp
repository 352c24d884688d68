// SPDX-License-Identifier: Apache-2.0
// That each of RULER's tasks is what RULER says: the answers follow from the text, and only they.
#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <regex>
#include <set>

#include "base/error.hpp"
#include "task_texts.hpp"
#include "tasks/ruler.hpp"
#include "temp_folder.hpp"

using namespace kvhost;
using namespace kvhost::tasks;
using kvhost::testing::count_words;
using kvhost::testing::ruler_data;

namespace {

std::vector<Case> made(const std::string& task, int64_t length, int64_t n = 4, uint64_t seed = 7) {
  return ruler_cases({task, length, n, seed}, ruler_data(task), count_words);
}

Strings all_matches(const std::string& text, const std::string& pattern, int group = 0) {
  const std::regex regex(pattern);
  Strings out;
  for (std::sregex_iterator it(text.begin(), text.end(), regex), end; it != end; ++it)
    out.push_back((*it)[group].str());
  return out;
}

// The words of `counts` by how often they come.
Strings by_count(const Strings& words) {
  std::map<std::string, int> counts;
  for (const std::string& word : words) ++counts[word];
  std::vector<std::pair<int, std::string>> ordered;
  for (const auto& [word, n] : counts) ordered.emplace_back(-n, word);
  std::sort(ordered.begin(), ordered.end());
  Strings out;
  for (const auto& [n, word] : ordered) out.push_back(word);
  return out;
}

std::set<std::string> set_of(const Strings& all) { return {all.begin(), all.end()}; }

}  // namespace

TEST_CASE("needles: the keys asked for have the answers, and each stands there once") {
  const std::map<std::string, std::pair<size_t, size_t>> needles_answers = {
      {"niah_single_1", {1, 1}},
      {"niah_single_2", {1, 1}},
      {"niah_single_3", {1, 1}},
      {"niah_multikey_1", {4, 1}},
      {"niah_multivalue", {4, 4}},
      {"niah_multiquery", {4, 4}}};
  for (const auto& task : ruler_tasks()) {
    if (!task.starts_with("niah")) continue;
    const std::string kind =
        task == "niah_single_3" || task == "niah_multikey_3" ? "uuids" : "numbers";
    for (const Case& one : made(task, 900)) {
      CAPTURE(one.id);
      const std::string line = "One of the special magic " + kind + " for (\\S+) is: (\\S+)\\.";
      const Strings keys = all_matches(one.context, line, 1);
      const Strings values = all_matches(one.context, line, 2);
      CHECK(set_of(values).size() == values.size());
      if (const auto known = needles_answers.find(task); known != needles_answers.end()) {
        CHECK(keys.size() == known->second.first);
        CHECK(one.answers.size() == known->second.second);
      } else {
        CHECK(keys.size() > 20);  // hidden among its like
      }
      Strings asked;
      for (size_t i = 0; i < keys.size(); ++i)
        if (one.question.find(keys[i]) != std::string::npos) asked.push_back(values[i]);
      CHECK(set_of(asked) == set_of(one.answers));
      REQUIRE(one.spans.size() == one.answers.size());
      for (const Span& span : one.spans)
        CHECK(read_text(one).substr(span.begin, span.end - span.begin) == span.what);
    }
  }
}

TEST_CASE("needles: a uuid is of version 4, and the haystack is all there") {
  const Case one = made("niah_single_3", 900, 1).front();
  CHECK(std::regex_match(one.answers.front(),
                         std::regex("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-"
                                    "[0-9a-f]{12}")));
  std::string without = one.context;
  const Strings needles = all_matches(without, "One of the special magic[^.]*\\. ?");
  REQUIRE(needles.size() == 1);
  without.replace(without.find(needles[0]), needles[0].size(), "");
  const Strings left = words(without), book = ruler_data("niah_single_3").haystack;
  REQUIRE(left.size() > 700);
  CHECK(std::equal(left.begin(), left.end(), book.begin()));
}

TEST_CASE("variables: the chain in the text is the answer") {
  for (const Case& one : made("vt", 1500)) {
    const std::string value = all_matches(one.question, "\\d+").front();
    std::map<std::string, std::string> holds;
    const std::regex line("VAR ([A-Z]{5}) = (?:VAR )?(\\w+)");
    for (std::sregex_iterator it(one.context.begin(), one.context.end(), line), end; it != end;
         ++it) {
      const std::string right = (*it)[2];
      holds[(*it)[1]] = holds.count(right) ? holds[right] : right;  // assigned in order
    }
    Strings found;
    for (const auto& [name, held] : holds)
      if (held == value) found.push_back(name);
    CHECK(found.size() == 5);
    CHECK(set_of(found) == set_of(one.answers));
    CHECK(one.before.find("they are:  ") != std::string::npos);  // the solved example
    CHECK(one.answer_prefix.ends_with("5 variables are assigned the value " + value +
                                      ", they are: "));
  }
}

TEST_CASE("counting: the commonest words are the answers, and by how much RULER says") {
  for (const int64_t length : {1500, 4500}) {
    const int common = length < 4096 ? 6 : 30, uncommon = length < 4096 ? 1 : 3;
    for (const Case& one : made("cwe", length)) {
      const Strings list = all_matches(one.context, "\\d+\\. ([a-z]+)", 1);
      Strings ordered = by_count(list);
      REQUIRE(ordered.size() > 20);
      CHECK(std::count(list.begin(), list.end(), ordered[9]) == common);
      CHECK(std::count(list.begin(), list.end(), ordered[10]) == uncommon);
      ordered.resize(10);
      CHECK(set_of(ordered) == set_of(one.answers));
    }
  }
  for (const Case& one : made("fwe", 1500)) {
    const Strings ordered = by_count(words(one.context));
    CHECK(ordered[0] == "...");
    CHECK(Strings(ordered.begin() + 1, ordered.begin() + 4) == one.answers);
  }
}

TEST_CASE("questions: the documents hold the answer, the neighbours come first") {
  for (const std::string task : {"qa_1", "qa_2"})
    for (const Case& one : made(task, task == "qa_1" ? 1700 : 500, 5)) {
      const Strings numbers = all_matches(one.context, "Document (\\d+):\\n", 1);
      REQUIRE(numbers.size() > 10);
      for (size_t i = 0; i < numbers.size(); ++i) CHECK(numbers[i] == std::to_string(i + 1));
      CHECK(one.context.find(one.answers.front()) != std::string::npos);
      CHECK(one.metric == "string_match_part");
      CHECK(score(one, "It is " + one.answers.back() + ".") == 1);
    }
  for (const Case& one : made("qa_1", 900, 3))  // 6 documents or more: those of the same article
    for (int p = 0; p < 6; ++p)
      CHECK(one.context.find("town of a0p" + std::to_string(p)) != std::string::npos);
}

TEST_CASE("every task fills its length, in parts that score") {
  for (const auto& task : ruler_tasks()) {
    CAPTURE(task);
    const int64_t length = task == "qa_2" ? 600 : 2000;
    for (const Case& one : made(task, length)) {
      const int64_t used = count_words(prompt(one)) + one.max_new_tokens;
      CHECK(used <= length);
      CHECK(used > length - (task == "qa_1" ? 120 : task == "fwe" ? 12 : 40));
      CHECK(one.length == length);
      std::string answer;
      for (const std::string& part : one.answers) answer += part + ", ";
      CHECK(score(one, answer) == 1);
      CHECK(score(one, "I do not know.") == 0);
    }
  }
}

TEST_CASE("what a task needs and does not get is one line that says so") {
  CHECK_THROWS_WITH(read_ruler_data("niah_single_2", {}), Catch::Contains("needs a haystack"));
  CHECK_THROWS_WITH(read_ruler_data("qa_1", {}), Catch::Contains("needs SQuAD"));
  CHECK_THROWS_WITH(read_ruler_data("cwe", {"/nowhere/x.txt", {}, {}, {}}),
                    Catch::Contains("/nowhere/x.txt"));
  CHECK_THROWS_WITH(read_ruler_data("niah_single", {}), Catch::Contains("did you mean"));
  CHECK_THROWS_WITH(made("niah_single_2", 60), Catch::Contains("ask for a longer one"));
  CHECK_THROWS_WITH(made("niah_single_2", 100000), Catch::Contains("give a longer text"));
  CHECK_THROWS_WITH(made("qa_2", 100000), Catch::Contains("documents"));
  CHECK_THROWS_WITH(made("qa_2", 600, 9), Catch::Contains("8 questions"));
  const test::TempFolder folder;
  RulerFiles files;
  files.squad = folder.write("squad.json", R"({"data": [{"paragraphs": [{"qas": []}]}]})");
  CHECK_THROWS_WITH(read_ruler_data("qa_1", files), Catch::Contains("squad.json"));
  files.haystack = folder.write("short.txt", "too few words to name anything by");
  CHECK_THROWS_WITH(ruler_cases({"cwe", 2000}, read_ruler_data("cwe", files), count_words),
                    Catch::Contains("gives 0"));
}
