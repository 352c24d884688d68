// SPDX-License-Identifier: Apache-2.0
// That RULER's texts are the same everywhere, and that they are RULER's.
#include <catch2/catch.hpp>
#include <map>

#include "base/sha256.hpp"
#include "task_texts.hpp"
#include "tasks/ruler.hpp"

using namespace kvhost;
using namespace kvhost::tasks;
using kvhost::testing::count_words;
using kvhost::testing::ruler_data;

namespace {

std::string hash_of(const std::string& task, uint64_t seed) {
  Sha256 hash;
  const int64_t length = task == "qa_2" ? 600 : 1600;
  for (const Case& one : ruler_cases({task, length, 3, seed}, ruler_data(task), count_words)) {
    const std::string text = prompt(one) + "\n" + one.answers.front() + "\n";
    hash.update(text.data(), text.size());
  }
  return hash.hex().substr(0, 16);
}

}  // namespace

TEST_CASE("the same seed gives the same text, on every machine") {
  const std::map<std::string, std::string> known = {
      {"niah_single_1", "d1ea3aa40faffe8a"},
      {"niah_single_2", "b66721005da8b4b1"},
      {"niah_single_3", "e508bad85cd9d166"},
      {"niah_multikey_1", "48a4c529dac04e05"},
      {"niah_multikey_2", "ee6b44fb657ae3f0"},
      {"niah_multikey_3", "034ad89cca3745b3"},
      {"niah_multivalue", "1c20aaf7a1bbccbb"},
      {"niah_multiquery", "5c11ad0dedad1d89"},
      {"vt", "cd14d5f9892633d8"},
      {"cwe", "864462b6f5ce629c"},
      {"fwe", "56b5c25300698678"},
      {"qa_1", "3d55d6f6fc1fc649"},
      {"qa_2", "db2d94cb05cdf940"},
  };
  REQUIRE(known.size() == ruler_tasks().size());
  for (const auto& [task, hash] : known) {
    CAPTURE(task);
    CHECK(hash_of(task, 42) == hash);
    if (task != "qa_2") CHECK(hash_of(task, 43) != hash);
  }
}

TEST_CASE("a case does not depend on how many are made") {
  for (const std::string task : {"niah_multiquery", "vt", "cwe", "fwe"}) {
    const auto data = ruler_data(task);
    const auto few = ruler_cases({task, 1600, 2, 5}, data, count_words);
    const auto many = ruler_cases({task, 1600, 5, 5}, data, count_words);
    for (size_t i = 0; i < few.size(); ++i) {
      CHECK(prompt(few[i]) == prompt(many[i]));
      CHECK(few[i].id == many[i].id);
    }
    CHECK(prompt(many[0]) != prompt(many[1]));
  }
}

TEST_CASE("the words around the text are RULER's") {
  const auto one = [](const std::string& task) {
    return ruler_cases({task, task == "qa_2" ? 600 : 1600}, ruler_data(task), count_words).front();
  };
  const Case single = one("niah_single_2");
  CHECK(single.before ==
        "A special magic number is hidden within the following text. Make sure to "
        "memorize it. I will quiz you about the number afterwards.\n");
  CHECK(single.question.starts_with("What is the special magic number for "));
  CHECK(single.question.ends_with(" mentioned in the provided text?"));
  CHECK(single.answer_prefix.ends_with(" mentioned in the provided text is"));
  CHECK(single.max_new_tokens == 128);
  const Case several = one("niah_multiquery");
  CHECK(several.before.starts_with("Some special magic numbers are hidden within"));
  CHECK(several.question.starts_with("What are all the special magic numbers for "));
  CHECK(several.question.find(", and ") != std::string::npos);
  CHECK(several.answer_prefix.starts_with(" The special magic numbers for "));
  CHECK(one("niah_single_3").before.starts_with("A special magic uuid is hidden"));
  CHECK(one("niah_multikey_3").question.starts_with("What is the special magic uuid for "));
  CHECK(one("vt").max_new_tokens == 30);
  CHECK(one("cwe").max_new_tokens == 120);
  CHECK(one("fwe").max_new_tokens == 50);
  CHECK(one("qa_1").max_new_tokens == 32);
  CHECK(one("qa_1").answer_prefix == " Answer:");
}
