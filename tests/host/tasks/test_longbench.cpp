// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "base/error.hpp"
#include "task_texts.hpp"
#include "tasks/longbench.hpp"
#include "temp_folder.hpp"

using namespace kvhost;
using namespace kvhost::tasks;
using kvhost::test::TempFolder;
using nlohmann::json;

namespace {

json row(const std::string& dataset) {
  return {{"dataset", dataset},
          {"input", "INPUT"},
          {"context", "CONTEXT {input}"},
          {"answers", {"one", "two"}},
          {"length", 4321},
          {"all_classes", nullptr},
          {"_id", "x7"}};
}

std::vector<Case> read(const json& value) {
  const TempFolder folder;
  return longbench_cases(folder.write("rows.jsonl", value.dump() + "\n\n"));
}

// As LongBench's own file of prompts has them.
const std::vector<std::pair<std::string, std::string>> kPrompts = {
    {"hotpotqa",
     "Answer the question based on the given passages. Only give me the answer and do not output any "
     "other words.\n\nThe following are given passages.\nCONTEXT {input}\n\nAnswer the question based "
     "on the given passages. Only give me the answer and do not output any other words.\n\nQuestion: "
     "INPUT\nAnswer:"},
    {"qmsum",
     "You are given a meeting transcript and a query containing a question or instruction. Answer the "
     "query in one or more sentences.\n\nTranscript:\nCONTEXT {input}\n\nNow, answer the query based on "
     "the above meeting transcript in one or more sentences.\n\nQuery: INPUT\nAnswer:"},
    {"repobench-p",
     "Please complete the code given below. \nCONTEXT {input}INPUTNext line of code:\n"}};

std::vector<Case> infinite(const std::string& task, const json& value) {
  const TempFolder folder;
  return infinitebench_cases(folder.write(task + ".jsonl", value.dump()));
}

}  // namespace

TEST_CASE("LongBench's rows become cases in its own words") {
  for (const auto& [dataset, expected] : kPrompts) {
    const Case one = read(row(dataset)).at(0);
    CHECK(prompt(one) == expected);
    CHECK(one.id == dataset + "/x7");
    CHECK(one.answers == Strings{"one", "two"});
    CHECK(one.length == 4321);
  }
  CHECK(read(row("hotpotqa_e")).at(0).task == "hotpotqa");
  for (const std::string& task : longbench_tasks()) {
    json one = row(task);
    one["all_classes"] = {"one", "two"};
    CHECK(read(one).at(0).max_new_tokens >= 32);
  }
}

TEST_CASE("LongBench: inputs that begin the answer, first lines, the best of several references") {
  json value = row("trec");
  value["input"] = "Question: Who?\nType:";
  value["all_classes"] = {"Person", "one"};
  value["answers"] = {"Person"};
  const Case one = read(value).at(0);
  CHECK(one.question == "Question: Who?\n");
  CHECK(one.answer_prefix == "Type:");
  CHECK(score(one, " Person\nQuestion: one") == 1);
  CHECK(score(one, " one\nPerson") == 0);
  const Case best = read(row("musique")).at(0);
  CHECK(score(best, "two") == 1);
  CHECK(score(best, "two three") == Approx(2.0 / 3));
}

TEST_CASE("rows that cannot be used are one line with file, line and member") {
  const auto refused = [](json value, const std::string& says) {
    CHECK_THROWS_WITH(read(value), Catch::Contains("rows.jsonl:1") && Catch::Contains(says));
  };
  refused(row("dureader"), "Chinese words");
  refused(row("hotpotq"), "did you mean 'hotpotqa'");
  refused(row("lsht"), "all_classes");
  json value = row("hotpotqa");
  value.erase("context");
  refused(value, "has no 'context'");
  value["context"] = 3;
  refused(value, "expected a string");
  value = row("hotpotqa");
  value["answers"] = json::array();
  refused(value, "'answers' is empty");
  value["answers"] = {{{"text", "x"}}};
  refused(value, "strings or numbers");
  refused(json::array(), "expected an object");
  const TempFolder folder;
  CHECK_THROWS_WITH(longbench_cases(folder.write("a.jsonl", "\n")),
                    Catch::Contains("holds no rows"));
  CHECK_THROWS_WITH(longbench_cases(folder.write("b.jsonl", row("trec").dump().substr(0, 30))),
                    Catch::Contains("b.jsonl:1"));
  CHECK_THROWS_WITH(longbench_cases(folder / "none.jsonl"), Catch::Contains("none.jsonl"));
}

TEST_CASE("InfiniteBench's rows become cases, answers in the form its rules want") {
  const json plain = {
      {"id", 3}, {"context", "C"}, {"input", "What is the pass key?"}, {"answer", "71432"}};
  const Case key = infinite("passkey", plain).at(0);
  CHECK(prompt(key).ends_with("there.\n\nC\n\nWhat is the pass key?\n\nThe pass key is"));
  CHECK(key.id == "passkey/3");
  CHECK(score(key, " 71432.") == 1);
  CHECK(score(key, " 7143, 71432") == 0);

  json choice = plain;
  choice["answer"] = {"Dairy work"};
  choice["options"] = {"Walking", "Totty", "Dairy work", "Light"};
  const Case book = infinite("longbook_choice_eng", choice).at(0);
  CHECK(book.answers == Strings{"Dairy work", "C"});
  CHECK(book.question ==
        "Question: What is the pass key?\nA. Walking\nB. Totty\nC. Dairy work\nD. Light");
  CHECK(score(book, " C. Dairy") == 1);
  CHECK(score(infinite("code_debug", choice).at(0), "C") == 1);

  json call = plain;
  call["input"] = "Please give me the exact number of the return value of func_1(-4).";
  call["answer"] = -12;
  const Case run = infinite("code_run", call).at(0);
  CHECK(run.before.starts_with("There is a function called func_1 in"));
  CHECK(run.answer_prefix == " The value of func_1(-4) is");
  CHECK(score(run, " -12") == 1);
  CHECK(score(run, " 12") == 0);

  json find = plain;
  find["input"] = "You should answer with only one number. The largest number of the list is:";
  find["answer"] = {47};
  CHECK(infinite("math_find", find).at(0).before ==
        "What is the largest number in the following list?\n\n");
  json sums = plain;
  sums["answer"] = {1, 4, 8, 9};
  CHECK(score(infinite("math_calc", sums).at(0), "[1, 4, 7, 9]") == 0.5);
}

TEST_CASE("InfiniteBench's rows that cannot be used") {
  const json plain = {
      {"context", "C"}, {"input", "I"}, {"answer", "x"}, {"options", {"a", "b", "c", "d"}}};
  CHECK_THROWS_WITH(infinite("passkeys", plain), Catch::Contains("did you mean 'passkey'"));
  CHECK_THROWS_WITH(infinite("code_run", plain), Catch::Contains("func_12(3)"));
  CHECK_THROWS_WITH(infinite("math_find", plain), Catch::Contains("number"));
  CHECK_THROWS_WITH(infinite("longbook_choice_eng", plain),
                    Catch::Contains("none of the 'options'"));
  json three = plain;
  three["options"] = {"a", "b", "x"};
  CHECK_THROWS_WITH(infinite("code_debug", three), Catch::Contains("are 3; expected 4"));
}
