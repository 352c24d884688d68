// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <map>
#include <set>

#include "base/error.hpp"
#include "eval/segments.hpp"
#include "eval_fixture.hpp"

using namespace kvhost;
using namespace kvhost::test;
using Catch::Contains;

namespace {

eval::LikelihoodTask task_on(std::vector<std::filesystem::path> files) {
  eval::LikelihoodTask task;
  task.name = "text";
  task.files = std::move(files);
  task.context = 64;
  task.scored = 16;
  return task;
}

int64_t begin_of(const eval::Segment& segment) {
  return std::stoll(segment.id.substr(segment.id.find('@') + 1));
}

}  // namespace

TEST_CASE("segments are spread evenly from the first token to the last, none over another") {
  const SuiteFolder folder;
  auto task = task_on({folder / "alice.txt"});
  for (const int64_t n : {1, 2, 7, 16}) {
    task.n_segments = n;
    const auto segments = eval::segments_of(task, tiny());
    REQUIRE(static_cast<int64_t>(segments.size()) == n);
    CHECK(begin_of(segments[0]) == 0);
    std::set<int64_t> steps;
    for (size_t i = 0; i < segments.size(); ++i) {
      CHECK(segments[i].context.size() == 64);
      CHECK(segments[i].scored.size() == 16);
      if (i > 0) steps.insert(begin_of(segments[i]) - begin_of(segments[i - 1]));
    }
    CHECK(steps.size() == (n > 1 ? 1 : 0));
    if (n > 1) CHECK(*steps.begin() >= 80 - 1);  // a text of its own begins each context
  }
}

TEST_CASE("a segment is the text's own tokens, context and continuation") {
  const SuiteFolder folder;
  const std::string words = "One morning the coach to York was late, and nobody knew why. ";
  std::string text;
  for (int i = 0; i < 20; ++i) text += words;
  auto task = task_on({folder.write("york.txt", text)});
  task.n_segments = 2;
  const auto start = tiny().encode("", true), tokens = tiny().encode(text, false);
  for (const auto& segment : eval::segments_of(task, tiny())) {
    auto all = segment.context;
    all.insert(all.end(), segment.scored.begin(), segment.scored.end());
    REQUIRE(std::equal(start.begin(), start.end(), all.begin()));
    const auto from = tokens.begin() + begin_of(segment);
    CHECK(std::equal(all.begin() + static_cast<int64_t>(start.size()), all.end(), from));
    CHECK(segment.id.rfind("york.txt@", 0) == 0);
  }
}

TEST_CASE("what is copied is the context's beginning again") {
  const SuiteFolder folder;
  auto task = task_on({folder / "alice.txt"});
  task.copy = true;
  task.n_segments = 1;
  const auto segment = eval::segments_of(task, tiny()).at(0);
  const auto n_start = static_cast<int64_t>(tiny().encode("", true).size());
  CHECK(
      std::equal(segment.scored.begin(), segment.scored.end(), segment.context.begin() + n_start));
}

TEST_CASE("segments are shared out among files, a file too short for its share is refused") {
  const SuiteFolder folder;
  auto task = task_on({folder / "alice.txt", folder / "thursday.txt"});
  task.n_segments = 5;
  std::map<std::string, int> n_of;
  for (const auto& one : eval::segments_of(task, tiny()))
    ++n_of[one.id.substr(0, one.id.find('@'))];
  CHECK(n_of == std::map<std::string, int>{{"alice.txt", 2}, {"thursday.txt", 3}});
  task.files = {folder.write("short.txt", "Not much is said here.")};
  task.n_segments = 1;
  CHECK_THROWS_WITH(eval::segments_of(task, tiny()),
                    Contains("short.txt: holds ") && Contains(" tokens; expected ") &&
                        Contains("for 1 segments of task 'text'"));
}

TEST_CASE("more than the model was made for is refused before anything is read") {
  const SuiteFolder folder;
  auto task = task_on({folder / "alice.txt"});
  task.context = 1020;
  CHECK_THROWS_WITH(eval::segments_of(task, tiny()),
                    Contains("task 'text': takes 1036 tokens") && Contains("1024"));
  task.context = 1;
  if (!tiny().encode("", true).empty())
    CHECK_THROWS_WITH(eval::segments_of(task, tiny()), Contains("task 'text': has a context of 1"));
}
