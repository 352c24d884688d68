// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <cmath>
#include <map>
#include <set>

#include "base/error.hpp"
#include "task_texts.hpp"
#include "tasks/haystack.hpp"
#include "tasks/instructions.hpp"

using namespace kvhost;
using namespace kvhost::tasks;

namespace {

bool holds(const std::string& kind,
           const std::string& answer,
           int64_t count = 0,
           const std::string& word = "rabbit") {
  return follows({kind, "", {word}, count}, answer);
}

InstructionRequest request(int64_t n) {
  InstructionRequest out;
  out.n_instructions = n;
  out.n_cases = 6;
  out.topics = {"a day at the sea", "a garden"};
  out.words = word_list(read_file(testing::kBook, ExitCode::CannotLoad));
  return out;
}

// A text that does what any set of instructions asks for.
std::string obedient(const std::vector<Instruction>& all) {
  std::map<std::string, Instruction> by_kind;
  std::string middle, first, last;
  for (const Instruction& one : all) {
    by_kind[one.kind] = one;
    if (one.kind == "keyword") middle += one.words[0] + " ";
    for (int64_t i = 0; one.kind == "keyword_count" && i < one.count; ++i)
      middle += one.words[0] + " ";
  }
  const auto count = [&](const std::string& kind) {
    return by_kind.count(kind) ? by_kind[kind].count : 0;
  };
  if (by_kind.count("starts_with")) first = by_kind["starts_with"].words[0] + " ";
  if (by_kind.count("ends_with")) last = " " + by_kind["ends_with"].words[0];
  std::string text = first + "zz " + middle;
  for (int64_t i = 0; i < count("min_words"); ++i) text += "zz ";
  if (by_kind.count("title")) text += "\n<<zz>>";
  for (int64_t i = 0; i < count("bullets"); ++i) text += "\n* zz";
  for (int64_t i = 0; i < count("placeholders"); ++i) text += "\n[zz]";
  for (int64_t i = 1; i < count("paragraphs"); ++i) text += "\n***\nzz";
  if (by_kind.count("postscript")) text += "\nP.S. zz";
  text += last;
  if (by_kind.count("lower_case")) return lower(text);
  return by_kind.count("upper_case") ? upper(text) : text;
}

}  // namespace

TEST_CASE("each kind of instruction is checked") {
  CHECK(holds("keyword", "The Rabbit ran."));
  CHECK_FALSE(holds("keyword", "The rabbits ran."));
  CHECK(holds("forbidden_word", "The rabbits ran."));
  CHECK_FALSE(holds("forbidden_word", "A RABBIT!"));
  CHECK(holds("keyword_count", "Rabbit, rabbit", 2));
  CHECK_FALSE(holds("keyword_count", "Rabbit", 2));
  CHECK(holds("min_words", "one two-three", 3));
  CHECK_FALSE(holds("min_words", "one two", 3));
  CHECK(holds("max_words", "one two", 2));
  CHECK_FALSE(holds("max_words", "one two three", 2));
  CHECK(holds("bullets", "x\n* a\n - b\n**bold**\n***", 2));
  CHECK_FALSE(holds("bullets", "* a\n* b\n* c", 2));
  CHECK(holds("title", "<<A tale>>\nx"));
  CHECK_FALSE(holds("title", "<< >> <<\n>>"));
  CHECK(holds("placeholders", "[a] and [b]", 2));
  CHECK_FALSE(holds("placeholders", "[a] and [ ]", 2));
  CHECK(holds("paragraphs", "a\n***\nb\n***\n", 2));
  CHECK_FALSE(holds("paragraphs", "a\n\nb", 2));
  CHECK(holds("lower_case", "all small, 3 of them"));
  CHECK_FALSE(holds("lower_case", "Not"));
  CHECK(holds("upper_case", "ALL 3"));
  CHECK_FALSE(holds("upper_case", "ALl"));
  CHECK(holds("no_comma", "a b"));
  CHECK_FALSE(holds("no_comma", "a, b"));
  CHECK(holds("postscript", "x\np.s. more"));
  CHECK_FALSE(holds("postscript", "ps more"));
  CHECK(holds("starts_with", " \"Rabbit holes"));
  CHECK_FALSE(holds("starts_with", "A rabbit"));
  CHECK(holds("ends_with", "the rabbit\"\n"));
  CHECK_FALSE(holds("ends_with", "the rabbit."));
  for (const std::string& kind : instruction_kinds()) CHECK_FALSE(holds(kind, " \n", 0));
  CHECK_THROWS_WITH(holds("rhyme", "x"), Catch::Contains("rhyme"));
}

TEST_CASE("loosely, a first or last line and asterisks do not count") {
  const std::vector<Instruction> lower_case = {{"lower_case", "", {}, 0}};
  const std::string answer = "Sure, here it is:\nall small\n";
  CHECK(followed(lower_case, answer, Strictness::Strict) == std::vector<bool>{false});
  CHECK(followed(lower_case, answer, Strictness::Loose) == std::vector<bool>{true});
  CHECK(followed(lower_case, "Sure\nnot All\nHere", Strictness::Loose) == std::vector<bool>{false});
}

TEST_CASE("no drawn instruction contradicts another") {
  for (const int64_t n : {1, 2, 7, 20, 60}) {
    std::set<std::string> prompts;
    for (const auto& one : instruction_cases(request(n))) {
      CAPTURE(read_text(one.asked));
      REQUIRE(one.instructions.size() == static_cast<size_t>(n));
      const std::string answer = obedient(one.instructions);
      CAPTURE(answer);
      const auto done = followed(one.instructions, answer, Strictness::Strict);
      for (size_t i = 0; i < done.size(); ++i) {
        CAPTURE(one.instructions[i].text);
        CHECK(done[i]);
      }
      prompts.insert(prompt(one.asked));
      for (size_t i = 0; i < one.instructions.size(); ++i) {
        const Span& span = one.asked.spans.at(i);
        CHECK(read_text(one.asked).substr(span.begin, span.end - span.begin) ==
              std::to_string(i + 1) + ". " + one.instructions[i].text);
      }
    }
    CHECK(prompts.size() == 6);
  }
}

TEST_CASE("followed by position") {
  CHECK(followed_share({true, false, true, true}) == 0.75);
  const auto shares = followed_by_position({{true, true, false, false}, {true, false}}, 2);
  CHECK(shares == std::vector<double>{1.0, 0.0});
  CHECK(std::isnan(followed_by_position({{true}}, 2).at(1)));
  CHECK(std::isnan(followed_share({})));
}

TEST_CASE("instructions need words and topics") {
  InstructionRequest few = request(10);
  few.words.resize(11);
  CHECK_THROWS_WITH(instruction_cases(few), Catch::Contains("expected 12 or more"));
  few.words.assign(30, "same");
  CHECK_THROWS_WITH(instruction_cases(few), Catch::Contains("none twice"));
  few = request(10);
  few.topics.clear();
  CHECK_THROWS_WITH(instruction_cases(few), Catch::Contains("topic"));
}
