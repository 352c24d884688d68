// SPDX-License-Identifier: Apache-2.0
// The built program from outside: help, listings, tokenizing, the report of a short run,
// completion.
#include <catch2/catch.hpp>
#include <csignal>
#include <fstream>
#include <nlohmann/json.hpp>

#include "program.hpp"

namespace kvhost::test {

namespace {

namespace fs = std::filesystem;

nlohmann::json json_of(const Outcome& outcome) {
  INFO(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  return nlohmann::json::parse(outcome.out);
}

Outcome kvhost_in(const Scratch& scratch, const std::vector<std::string>& args) {
  const Outcome outcome = run_program(args, scratch.folder());
  INFO(outcome.err);
  CHECK(outcome.exit_code == 0);
  CHECK(outcome.err.empty());  // no progress, no logs: stderr is no terminal
  return outcome;
}

// What bash offers for `line`, in its own words.
std::string completions(const Scratch& scratch, const std::string& line) {
  const std::string script = "set -- " + line +
                             "; source <(" KVHOST_PROGRAM " completion bash); COMP_LINE='" + line +
                             "'; COMP_POINT=${#COMP_LINE}; COMP_WORDS=(" + line +
                             "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); "
                             "_kvhost; printf '%s\\n' \"${COMPREPLY[@]}\" > replies";
  scratch.write("complete.sh", script);
  REQUIRE(std::system(
              ("cd " + scratch.folder().string() + " && bash complete.sh 2>errors").c_str()) == 0);
  std::ostringstream replies;
  replies << std::ifstream(scratch.folder() / "replies").rdbuf();
  return "\n" + replies.str();
}

}  // namespace

TEST_CASE("help names every command and its flags, version is one line") {
  const Scratch scratch;
  const std::string overview = kvhost_in(scratch, {"--help"}).out;
  for (const char* word :
       {"run", "score", "plan", "list", "info", "tokenize", "doctor", "completion", "Exit codes"})
    CHECK_THAT(overview, Catch::Matchers::Contains(word));
  const std::string help = kvhost_in(scratch, {"run", "--help"}).out;
  for (const char* word : {"--press SPEC",
                           "--keep-ratio X",
                           "--config FILE",
                           "-n, --max-new-tokens N",
                           "Examples:",
                           "--dtype float32|bfloat16|float16"})
    CHECK_THAT(help, Catch::Matchers::Contains(word));
  CHECK_THAT(kvhost_in(scratch, {"--version"}).out, Catch::Matchers::StartsWith("kvhost "));
}

TEST_CASE("the list holds what the registry found, and info tells of each") {
  const Scratch scratch;
  const nlohmann::json list = json_of(kvhost_in(scratch, {"list", "--json", "-"}));
  REQUIRE_FALSE(list.empty());
  const std::string name = list[0].at("name");
  CHECK_THAT(kvhost_in(scratch, {"info", name}).out, Catch::Matchers::Contains(name));
  CHECK(json_of(kvhost_in(scratch, {"info", name, "--json", "-"})).at("name") == name);
  CHECK_THAT(kvhost_in(scratch, {"list"}).out, Catch::Matchers::Contains(name));
  CHECK_THAT(kvhost_in(scratch, {"list", "--format", "markdown"}).out,
             Catch::Matchers::Contains("| `" + name + "` |"));
}

TEST_CASE("tokens decode back to the text") {
  const Scratch scratch;
  const nlohmann::json json =
      json_of(kvhost_in(scratch, {"tokenize", "-p", "Hello world, 12 é", "--json", "-"}));
  CHECK(json.at("text") == "Hello world, 12 é");
  CHECK(json.at("tokens").size() == json.at("pieces").size());
}

TEST_CASE("a flag wins over the run file") {
  const Scratch scratch;
  scratch.write("run.json",
                R"({"press": "none", "prompt": {"text": "Hello"}, "budget": {"keep_ratio": 0.5},
                               "generate": {"max_new_tokens": 2}})");
  const nlohmann::json json = json_of(kvhost_in(
      scratch, {"--config", "run.json", "-p", "Once upon a time", "-n", "3", "--json", "-"}));
  CHECK(json.at("press").at("spec") == "none");
  CHECK(json.at("n_prompt_tokens") > 2);
  CHECK(json.at("n_new_tokens") <= 3);
}

TEST_CASE("the tiny model answers from a compressed cache") {
  const Scratch scratch;
  const std::string text =
      "The code of Leonard is 31. He went down to the house by the river and said nothing of it. "
      "The code of Alice is 75. It was late in the evening.\n\nWhat is the code of ";
  for (const auto& [name, code] : {std::pair{"Leonard", " 31."}, {"Alice", " 75."}}) {
    const std::string prompt = text + name + "?\nThe code of " + name + " is";
    for (const char* press : {"none", "adakv:snapkv(window_size=16)"}) {
      std::vector<std::string> args = {
          "--model", "tiny", "-p", prompt, "--press", press, "-n", "4"};
      if (std::string(press) != "none") args.insert(args.end(), {"--keep-ratio", "0.5"});
      args.insert(args.end(), {"--json", "-"});
      const nlohmann::json json = json_of(kvhost_in(scratch, args));
      INFO(press);
      CHECK_THAT(json.at("text").get<std::string>(), Catch::Matchers::StartsWith(code));
    }
  }
}

TEST_CASE("a run writes the files it was asked for and nothing else") {
  const Scratch scratch;
  const Outcome outcome = kvhost_in(scratch,
                                    {"-p",
                                     "Once upon a time there was a small cache that had to forget",
                                     "-n",
                                     "4",
                                     "--compare-full",
                                     "--json",
                                     "out.json",
                                     "--dump-keep",
                                     "keep.json",
                                     "--dump-budgets",
                                     "budgets.json",
                                     "--budget",
                                     "4"});
  CHECK_THAT(outcome.out,
             Catch::Matchers::Contains("budget") && Catch::Matchers::Contains("compressed"));
  CHECK(scratch.files() == std::vector<std::string>{"budgets.json", "keep.json", "out.json"});
  const auto read = [&](const char* name) {
    std::ifstream file(scratch.folder() / name);
    return nlohmann::json::parse(file);
  };
  const nlohmann::json report = read("out.json"), keep = read("keep.json");
  CHECK(report.at("budget").at("entries_per_head") == 4);
  CHECK(report.at("full").at("agreement").contains("kl"));
  int64_t kept = 0;
  for (const auto& layer : keep.at("layers"))
    for (const auto& head : layer.at("kept")) kept += static_cast<int64_t>(head.size());
  CHECK(kept == report.at("budget").at("entries_total").get<int64_t>());
}

TEST_CASE("Ctrl-C ends a run with 130, one line and no file") {
  const Scratch scratch;
  const Outcome outcome = run_program({"-p",
                                       "Once upon a time",
                                       "--press",
                                       "none",
                                       "-n",
                                       "100000",
                                       "--temperature",
                                       "2",
                                       "--json",
                                       "out.json"},
                                      scratch.folder(),
                                      {},
                                      SIGINT);
  CHECK(outcome.exit_code == 130);
  CHECK(outcome.err == "kvhost: error: interrupted; nothing more was written\n");
  CHECK(scratch.files().empty());
}

TEST_CASE("doctor finds nothing missing in a built tree") {
  const Scratch scratch;
  const nlohmann::json json = json_of(kvhost_in(scratch, {"doctor", "--json", "-"}));
  CHECK(json.at("ok") == true);
  const Outcome broken = run_program({"doctor", "--model"}, scratch.folder());
  CHECK(broken.exit_code == 2);
}

TEST_CASE("bash completes commands, flags, choices and methods inside a composition") {
  const Scratch scratch;
  const std::string name = json_of(kvhost_in(scratch, {"list", "--json", "-"}))[0].at("name");
  CHECK_THAT(completions(scratch, "kvhost tok"), Catch::Matchers::Contains("\ntokenize\n"));
  CHECK_THAT(completions(scratch, "kvhost hel"), Catch::Matchers::Contains("\nhelp\n"));
  CHECK_THAT(completions(scratch, "kvhost help tok"), Catch::Matchers::Contains("\ntokenize\n"));
  CHECK_THAT(completions(scratch, "kvhost --keep"), Catch::Matchers::Contains("\n--keep-ratio\n"));
  CHECK_THAT(completions(scratch, "kvhost --dtype b"), Catch::Matchers::Contains("\nbfloat16\n"));
  CHECK_THAT(completions(scratch, "kvhost list --for"), Catch::Matchers::Contains("\n--format\n"));
  CHECK_THAT(completions(scratch, "kvhost --press " + name.substr(0, 2)),
             Catch::Matchers::Contains("\n" + name + "\n"));
  CHECK_THAT(completions(scratch, "kvhost --press x:" + name.substr(0, 2)),
             Catch::Matchers::Contains("\n" + name + "\n"));
  CHECK_THAT(completions(scratch, "kvhost --press x+" + name.substr(0, 2)),
             Catch::Matchers::Contains("\nx+" + name + "\n"));
}

}  // namespace kvhost::test
