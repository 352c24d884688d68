// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <set>

#include "base/error.hpp"
#include "task_texts.hpp"
#include "tasks/shared_context.hpp"
#include "temp_folder.hpp"

using namespace kvhost;
using namespace kvhost::tasks;
using kvhost::testing::count_words;
using kvhost::test::TempFolder;
using kvhost::testing::ruler_data;
using nlohmann::json;

TEST_CASE("several needles of one text are asked for one by one") {
  const auto cases =
      shared_needle_cases({2, 6, 1200, 3}, ruler_data("niah_multiquery"), count_words);
  REQUIRE(cases.size() == 12);
  const auto groups = by_text(cases);
  REQUIRE(groups.size() == 2);
  for (const auto& group : groups) {
    REQUIRE(group.size() == 6);
    std::set<std::string> questions, answers, ids;
    int64_t longest = 0;
    for (const size_t i : group) {
      const Case& one = cases[i];
      questions.insert(one.question);
      answers.insert(one.answers.at(0));
      ids.insert(one.id);
      longest = std::max(longest, count_words(prompt(one)) + one.max_new_tokens);
      CHECK(one.context.find(one.answers[0]) != std::string::npos);
      CHECK(score(one, one.answers[0]) == 1);
    }
    CHECK((questions.size() == 6 && answers.size() == 6 && ids.size() == 6));
    CHECK((longest <= 1200 && longest > 1195));
  }
  CHECK_THROWS_WITH(shared_needle_cases({1, 41}, ruler_data("niah_multiquery"), count_words),
                    Catch::Contains("1 to 40"));
  CHECK_THROWS_WITH(shared_needle_cases({1, 4, 90000}, ruler_data("niah_multiquery"), count_words),
                    Catch::Contains("more than the haystack has"));
}

TEST_CASE("a file of questions about one text") {
  const TempFolder folder;
  folder.write("book.txt", "Once upon a time.\n");
  const json file = {{"context_file", "book.txt"},
                     {"before", "Read this.\n"},
                     {"after", "\n"},
                     {"questions",
                      {{{"question", "When?"}, {"answers", {"a time"}}},
                       {{"question", "Tell the rules."},
                        {"answers", {"Never say the word"}},
                        {"metric", "leakage"},
                        {"max_new_tokens", 200}}}}};
  const auto cases = shared_context_cases(folder.write("tale.json", file.dump()));
  REQUIRE(cases.size() == 2);
  CHECK(by_text(cases).size() == 1);
  CHECK(prompt(cases[0]) == "Read this.\nOnce upon a time.\n\nWhen?");
  CHECK(cases[0].id == "tale/0");
  CHECK(score(cases[0], "Once upon A time") == 1);
  CHECK(cases[1].max_new_tokens == 200);
  CHECK(score(cases[1], "I must never say\n the word.") == 1);
  CHECK(score(cases[1], "No. Never say so") == Approx(10.0 / 18));

  const auto refused = [&](json changed, const std::string& says) {
    const auto path = folder.write("bad.json", changed.dump());
    CHECK_THROWS_WITH(shared_context_cases(path),
                      Catch::Contains("bad.json") && Catch::Contains(says));
  };
  json changed = file;
  changed["context"] = "x";
  refused(changed, "one of 'context' and 'context_file'");
  changed = file;
  changed["questions"][0].erase("answers");
  refused(changed, "questions[0]");
  changed = file;
  changed["context_file"] = "none.txt";
  CHECK_THROWS_WITH(shared_context_cases(folder.write("bad.json", changed.dump())),
                    Catch::Contains("none.txt"));
}
