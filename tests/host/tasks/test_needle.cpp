// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "base/error.hpp"
#include "task_texts.hpp"
#include "tasks/needle.hpp"

using namespace kvhost;
using namespace kvhost::tasks;
using kvhost::testing::count_words;

namespace {

NeedleRequest request() {
  NeedleRequest out;
  out.needle = "The best thing to do in San Francisco is to eat a sandwich in Dolores Park.";
  out.question = "\nWhat is the best thing to do in San Francisco?";
  out.answer_prefix = " The best thing is";
  out.answers = {"sandwich in Dolores Park"};
  out.lengths = {300, 1000, 2500};
  out.depths = {0, 10, 50, 90, 100};
  return out;
}

Strings book() { return words(read_file(testing::kBook, ExitCode::CannotLoad)); }

}  // namespace

TEST_CASE("the needle stands at every depth of every length, between sentences") {
  const NeedleRequest asked = request();
  const auto cases = needle_cases(asked, book(), count_words);
  REQUIRE(cases.size() == 15);
  for (size_t i = 0; i < cases.size(); ++i) {
    const Case& one = cases[i];
    CAPTURE(one.id);
    CHECK(one.length == asked.lengths[i / 5]);
    CHECK(one.depth == asked.depths[i % 5]);
    const int64_t used = count_words(prompt(one)) + one.max_new_tokens;
    CHECK((used <= one.length && used >= one.length - 2));
    const size_t at = one.context.find(asked.needle);
    REQUIRE(at != std::string::npos);
    if (at > 0 && !one.context.ends_with(asked.needle))  // the haystack itself ends anywhere
      CHECK(std::string(".!?'\")").find(one.context[at - 2]) != std::string::npos);
    const double found = 100.0 * static_cast<double>(at) /
                         static_cast<double>(one.context.size() - asked.needle.size());
    CHECK(found == Approx(one.depth).margin(one.length < 500 ? 25 : 6));
    REQUIRE(one.spans.size() == 1);
    CHECK(one.spans[0].begin == at);
    CHECK(score(one, " to eat a Sandwich in dolores park, they say") == 1);
    CHECK(score(one, " to eat a sandwich") == 0);
  }
  CHECK(cases[0].context.starts_with(asked.needle));
  CHECK(cases[4].context.ends_with(asked.needle));
}

TEST_CASE("a needle that cannot be asked for is one line that says why") {
  const auto refused = [](auto change) {
    NeedleRequest asked = request();
    change(asked);
    return [asked] { needle_cases(asked, book(), count_words); };
  };
  using R = NeedleRequest&;
  CHECK_THROWS_WITH(refused([](R r) { r.answers = {"White Rabbit"}; })(),
                    Catch::Contains("White Rabbit"));
  CHECK_THROWS_WITH(refused([](R r) { r.depths = {101}; })(), Catch::Contains("0 to 100"));
  CHECK_THROWS_WITH(refused([](R r) { r.lengths = {40}; })(), Catch::Contains("longer one"));
  CHECK_THROWS_WITH(refused([](R r) { r.lengths = {100000}; })(), Catch::Contains("longer text"));
  CHECK_THROWS_WITH(refused([](R r) { r.metric = "rogue_l"; })(), Catch::Contains("rouge_l"));
  CHECK_THROWS_WITH(refused([](R r) { r.answers.clear(); })(), Catch::Contains("empty"));
}
