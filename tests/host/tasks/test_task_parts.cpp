// SPDX-License-Identifier: Apache-2.0
// The parts that tasks are made of: text as Python sees it, sentences, words, sizes that fit.
#include <catch2/catch.hpp>
#include <cmath>
#include <set>

#include "base/json_file.hpp"
#include "task_texts.hpp"
#include "tasks/fit.hpp"
#include "tasks/haystack.hpp"

using namespace kvhost;
using namespace kvhost::tasks;

TEST_CASE("text as Python's str sees it") {
  CHECK(lower("ÀÉ İ ΟΔΟΣ") == "àé i̇ οδος");
  CHECK(upper("straße") == "STRASSE");
  CHECK(words(" a\u3000b\u00A0\n c\u200B ") == Strings{"a", "b", "c\u200B"});
  CHECK(strip("\u2003 x y\x1c\n") == "x y");
  CHECK(strip("  ").empty());
  CHECK(split("a\n\nb\n", '\n') == Strings{"a", "", "b", ""});
  CHECK(replace_all("aaa", "a", "aa") == "aaaaaa");
  CHECK(digit_runs("7 of ٣٤, x1y22") == Strings{"7", "٣٤", "1", "22"});
  CHECK(utf8(characters("a\xFFz")) == "a\uFFFDz");
}

TEST_CASE("sentences end where they should, and nothing is lost") {
  CHECK(sentences("A b. C d! \"E?\" F g.") == Strings{"A b.", "C d!", "\"E?\"", "F g."});
  CHECK(sentences("It cost 3.5 pounds. then more") == Strings{"It cost 3.5 pounds. then more"});
  CHECK(sentences("").empty());
  const Strings book = words(read_file(testing::kBook, ExitCode::CannotLoad));
  const std::string text = first_words(book, book.size());
  const Strings all = sentences(text);
  CHECK(all.size() > 100);
  CHECK(with_inserts(all, {}, {}) == text);
  const std::string three = with_inserts(all, {0, 3, all.size()}, {"X.", "Y.", "Z."});
  CHECK(three == "X. " + all[0] + " " + all[1] + " " + all[2] + " Y. " +
                     text.substr(with_inserts({all[0], all[1], all[2]}, {}, {}).size() + 1) +
                     " Z.");
}

TEST_CASE("words to name things by are rare, plain, and each there once") {
  const Strings all = word_list(read_file(testing::kBook, ExitCode::CannotLoad));
  CHECK(all.size() >= 100);
  CHECK(std::set<std::string>(all.begin(), all.end()).size() == all.size());
  for (const std::string& word : all)
    CHECK((word.size() >= 5 && word.size() <= 12 &&
           word.find_first_not_of("abcdefghijklmnopqrstuvwxyz") == std::string::npos));
  CHECK(std::find(all.begin(), all.end(), "little") == all.end());  // common in it
}

TEST_CASE("the largest size that fits is found with few measurements") {
  for (const int64_t fixed : {0, 30, 700})
    for (const double each : {0.3, 1.0, 7.7, 40.0})
      for (const int64_t limit : {100, 1000, 4096})
        for (const size_t guess : {size_t{1}, size_t{90}, size_t{100000}}) {
          int calls = 0;
          const auto tokens = [&](size_t n) {
            ++calls;
            return fixed + std::llround(std::floor(each * static_cast<double>(n)));
          };
          const auto found = largest_fit({1, 20000, guess}, limit, tokens);
          CAPTURE(fixed, each, limit, guess);
          CHECK(calls <= 24);
          if (tokens(1) > limit) {
            CHECK_FALSE(found);
          } else {
            REQUIRE(found);
            CHECK(tokens(*found) <= limit);
            CHECK((*found == 20000 || tokens(*found + 1) > limit));
          }
        }
}
