// SPDX-License-Identifier: Apache-2.0
// What a plugin leaves changed, and answers that no plugin may give: exit code 4 and one line that
// names method and function.
#include <algorithm>
#include <catch2/catch.hpp>

#include "program.hpp"

namespace kvhost::test {

namespace {

Outcome run_zoo(const std::string& press, const std::string& what) {
  const Scratch scratch;
  std::vector<std::string> args = {"run",
                                   "--model",
                                   "tiny",
                                   "--plugin-path",
                                   KVHOST_TEST_ZOO,
                                   "--press",
                                   press,
                                   "-p",
                                   "Once upon a time there was a child who lived by the sea",
                                   "--min-entries",
                                   "0",
                                   "-n",
                                   "2",
                                   "--threads",
                                   "2",
                                   "--json",
                                   "report.json"};
  const bool own_budget = what.starts_with("entries_per_head/");  // asked where none is given
  if (!own_budget) args.insert(args.end(), {"--keep-ratio", "0.5"});
  return run_program(
      args, scratch.folder(), {{"KVHOST_ZOO", what}, {"OMP_WAIT_POLICY", "passive"}});
}

void check_told(const std::string& press, const std::string& what, const std::string& says) {
  const Outcome outcome = run_zoo(press, what);
  INFO(press << ", " << what << ": " << outcome.err);
  const std::string method = press.substr(0, press.find(':'));
  CHECK(outcome.exit_code == 4);
  CHECK(std::count(outcome.err.begin(), outcome.err.end(), '\n') == 1);
  CHECK_THAT(outcome.err, Catch::StartsWith("kvhost: error: " + method) && Catch::Contains(says));
}

struct Function {
  std::string name, press, named;
};

const std::vector<Function> kFunctions = {{"open", "zoo_scorer", "open()"},
                                          {"create", "zoo_scorer", "create()"},
                                          {"needs", "zoo_scorer", "needs()"},
                                          {"begin", "zoo_scorer", "begin()"},
                                          {"score", "zoo_scorer", "score()"},
                                          {"allocate", "zoo_heads:knorm", "allocate()"},
                                          {"observe", "zoo_layers:knorm", "observe()"},
                                          {"edit", "zoo_press:knorm", "edit()"},
                                          {"after_compact", "zoo_scorer", "after_compact()"},
                                          {"end", "zoo_scorer", "end()"},
                                          {"destroy", "zoo_scorer", "destroy()"}};

void check_changed(const std::string& failure, const std::string& what, bool loading = true) {
  for (const Function& function : kFunctions) {
    if (!loading && function.name == "open") continue;
    check_told(function.press,
               function.name + "/" + failure,
               "changed " + what + " in " + function.named + " of ");
  }
}

}  // namespace

TEST_CASE("floating-point state that a function leaves changed is told") {
  const std::string what = "the floating-point state";
  check_changed("rounding", what + " (rounding, traps or flushing to zero)", false);
  check_told("zoo_scorer", "score/flushing", what);
  check_told("zoo_scorer", "score/trapping", what);
  check_told("zoo_scorer", "part/rounding", what);  // on whatever thread
}

TEST_CASE("floating-point state that a library changes while it is loaded is put back") {
  const Outcome plain = run_zoo("zoo_scorer", "");
  for (const char* failure : {"rounding", "flushing", "trapping"}) {
    const Outcome changed = run_zoo("zoo_scorer", std::string("constructor/") + failure);
    INFO(changed.err);
    CHECK(changed.exit_code == 0);
  }
}

TEST_CASE("a working folder that a function leaves is told") {
  check_changed("folder", "the working folder");
}

TEST_CASE("locale, handlers, limits, mask and descriptors that are left changed are told") {
  check_told("zoo_scorer", "score/locale", "changed the locale in score() of ");
  check_told("zoo_scorer", "score/handler", "changed the handler of SIGABRT in score() of ");
  check_told("zoo_scorer", "score/mask", "changed the signal mask in score() of ");
  check_told("zoo_scorer", "score/limit", "changed the limit RLIMIT_NOFILE in score() of ");
  check_told("zoo_scorer", "score/input", "changed descriptor 0 in score() of ");
  check_told("zoo_scorer", "score/output", "changed descriptor 1 in score() of ");
  check_told("zoo_scorer", "constructor/locale", "changed the locale in the constructors of ");
}

TEST_CASE("answers that are no answers are told") {
  const std::string scores = "zoo_scorer", heads = "zoo_heads:knorm", layers = "zoo_layers:knorm",
                    press = "zoo_press:knorm";
  check_told(scores, "score/nan", "is not a finite number");
  check_told(scores, "score/before", "wrote before the scores that it was given");
  check_told(scores, "score/behind", "wrote behind the scores that it was given");
  check_told(scores, "score/pins_before", "wrote before the pins that it was given");
  check_told(scores, "score/pins_behind", "wrote behind the pins that it was given");
  check_told(scores, "score/long_words", "wrote around its kvh_error");
  check_told(scores, "needs/undeclared", "which its static_needs do not list");
  check_told(scores, "needs/window", "asks for a window of -5");
  check_told(scores, "needs/many", "has 4294967295 needs; expected at most 64");
  check_told(scores, "entries_per_head/negative", "wants -3 entries per head");
  check_told(heads, "when/unknown", "says that it decides at 7; expected KVH_WHEN_BEFORE_PREFILL");
  check_told(heads, "allocate/sum", "expected exactly");
  check_told(heads, "allocate/unwritten", "gave KV head 0 -1 entries");
  check_told(heads, "allocate/huge", "gave KV head 0 9223372036854775807 entries");
  check_told(heads, "allocate/behind", "wrote behind the budgets that it was given");
  check_told(layers, "when/unknown", "KVH_WHEN_MONOTONE (1)");
  check_told(layers, "allocate/unwritten", "nan: none was written");
  check_told(layers, "allocate/unwritten_entries", "-1: none were written");
  check_told(layers, "allocate/too_many", "gave layer 0 9223372036854775807 entries");
  check_told(layers, "allocate/infinite", "the share inf");
  check_told(layers, "allocate/behind", "wrote behind the answer that it was given");
  check_told("zoo_passes", "cost/negative", "states -1 passes");
  check_told("zoo_passes", "next/longer", "hands over a pass of 2 tokens; expected 1 to 1");
  check_told("zoo_draft", "n_tokens/nothing", "wants a draft of 0 tokens; expected 1 or more");
  check_told("zoo_draft", "cut/all", "keeps 0 entries of KV head 0; expected 1 to ");
  check_told("zoo_draft", "cut/behind", "wrote behind the counts that it was given");
  check_told("zoo_appendix", "get/negative", "-1");
  check_told("zoo_appendix", "get/layer", "matrix of layer 1000; expected one of ");
  check_told("zoo_biases:knorm", "biases/nan", "nan");
  check_told("zoo_biases:knorm", "biases/behind", "wrote behind the ");
  check_told(press, "edit/nan_value", "wrote a value of kept entry 0 in KV head");
  check_told(press, "edit/infinite_key", "that the cache cannot hold (inf)");
  check_told(press, "edit/far_position", "the position 2147483647; expected at most");
  check_told(press, "edit/negative_position", "gave KV head");
  check_told(press, "edit/values_behind", "wrote behind the values that it was given");
  check_told(press, "edit/positions_before", "wrote before the positions that it was given");
}

TEST_CASE("optional parts of another kit than there ever was are refused before they are read") {
  const Scratch scratch;
  scratch.write("book.txt", "Once upon a time there was a child who lived by the sea.\n");
  const auto refused = [&](std::vector<std::string> words, const char* failure, const std::string& says) {
    words.insert(words.end(), {"--model", "tiny", "--plugin-path", KVHOST_TEST_ZOO});
    const Outcome outcome = run_program(words,
                                        scratch.folder(),
                                        {{"KVHOST_ZOO", std::string("extension/") + failure},
                                         {"OMP_WAIT_POLICY", "passive"}});
    INFO(words[0] << ", " << failure << ": " << outcome.err);
    CHECK(outcome.exit_code == 3);
    CHECK_THAT(outcome.err, Catch::StartsWith("kvhost: error: zoo_") && Catch::Contains(says));
  };
  const std::vector<std::string> prompt = {"run", "-p", "Once upon a time", "-n", "1", "--press", "zoo_scorer"};
  refused(prompt, "small", "struct_size of its kvhost.passes/1 is 8; expected at least 32, as ABI 1.0 has it");
  refused(prompt, "reserved", "a reserved field of its kvhost.passes/1 is 3; expected 0, or a newer kvhost");
  refused({"run", "-p", "Once upon a time", "-n", "1", "--press", "zoo_passes"},
          "small",
          "struct_size of its kvhost.passes/1 is 24; expected at least 32");
  refused({"calibrate", "zoo_scorer", "--data", "book.txt"},
          "small",
          "struct_size of its kvhost.calibrate/1 is 8; expected at least 24");
  refused({"train", "zoo_scorer", "--data", "book.txt"},
          "small",
          "struct_size of its kvhost.surrogate/1 is 8; expected at least 32");
}

TEST_CASE("a wrapper that hands on another layer than it was given is told, a copy is taken") {
  check_told("zoo_wrapper:knorm", "score/stale_layer", "a kvh_layer that is not this call's");
  const Outcome plain = run_zoo("zoo_wrapper:knorm", "");
  const Outcome copy = run_zoo("zoo_wrapper:knorm", "score/copied_layer");
  INFO(copy.err);
  CHECK(copy.exit_code == 0);
  const auto kept = [](const Outcome& outcome) {  // without times
    const size_t at = outcome.out.find("kept of ");
    REQUIRE(at != outcome.out.npos);
    return outcome.out.substr(at);
  };
  CHECK(kept(copy) == kept(plain));
}

TEST_CASE("only whom the user stopped may say so") {
  for (const std::string function : {"open", "create", "needs", "begin", "score", "after_compact"})
    if (function != "open")
      check_told("zoo_scorer",
                 function + "/cancel",
                 "says that it was cancelled, and nobody cancelled it");
  check_told("zoo_heads:knorm", "allocate/cancel", "nobody cancelled it");
  check_told("zoo_layers:knorm", "observe/cancel", "nobody cancelled it");
  check_told("zoo_press:knorm", "edit/cancel", "nobody cancelled it");
  check_told("zoo_draft", "cut/cancel", "nobody cancelled it");
  check_told("zoo_draft", "drafted/cancel", "nobody cancelled it");
  check_told("zoo_appendix", "get/cancel", "nobody cancelled it");
  check_told("zoo_biases:knorm", "biases/cancel", "nobody cancelled it");
  check_told("zoo_passes", "columns/cancel", "nobody cancelled it");
}

TEST_CASE("words of a plugin are one line of plain text") {
  const Outcome outcome = run_zoo("zoo_scorer", "score/bytes");
  CHECK(outcome.exit_code == 4);
  CHECK(outcome.err == "kvhost: error: zoo_scorer, layer 0:  [31mnot ? UTF-8\n");
}

TEST_CASE("a deadline that is none is refused") {
  const Scratch scratch;
  for (const char* text : {"abc", "nan", "1e300", "0", "5 s"})
    check_refused(run_program({"list"}, scratch.folder(), {{"KVHOST_PLUGIN_DEADLINE", text}}),
                  2,
                  "KVHOST_PLUGIN_DEADLINE: found '");
}

}  // namespace kvhost::test
