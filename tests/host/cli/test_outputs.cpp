// SPDX-License-Identifier: Apache-2.0
// Where the program's outputs may go, and what is said when one of them cannot be written: files,
// links, pipes, devices, standard output. Through bash, as users write it.
#include <sys/stat.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <csignal>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "program.hpp"

namespace kvhost::test {

namespace {

namespace fs = std::filesystem;

const std::string kTokenize = "\"$KVHOST\" tokenize -p 'Hello world' ";
const std::string kRun = "\"$KVHOST\" --model tiny -p 'Once upon a time' --press none -n 4 ";

std::string text_of(const fs::path& file) {
  std::ostringstream bytes;
  bytes << std::ifstream(file, std::ios::binary).rdbuf();
  return bytes.str();
}

void check_one_error(const Outcome& outcome, int exit_code, const std::string& says) {
  INFO(outcome.err);
  CHECK(outcome.exit_code == exit_code);
  CHECK(std::count(outcome.err.begin(), outcome.err.end(), '\n') == 1);
  CHECK_THAT(outcome.err, Catch::Matchers::StartsWith("kvhost: error: "));
  CHECK_THAT(outcome.err, Catch::Matchers::Contains(says));
}

}  // namespace

TEST_CASE("a report goes into a pipe of bash's") {
  const Scratch scratch;
  const Outcome outcome =
      run_bash(kTokenize + "--json >(cat >copy; touch done) >/dev/null; code=$?; " +
                   "while ! [ -e done ]; do sleep 0.01; done; exit $code",
               scratch.folder());
  CHECK(outcome.exit_code == 0);
  CHECK(outcome.err.empty());
  CHECK(nlohmann::json::parse(text_of(scratch.folder() / "copy")).at("text") == "Hello world");
  CHECK(scratch.files() == std::vector<std::string>{"copy", "done"});
}

TEST_CASE("all outputs of a run follow links and leave pipes and devices what they are") {
  const Scratch scratch;
  const Outcome outcome = run_bash(
      "mkdir deep; ln -s deep/report link; ln -s /dev/null null; mkfifo fifo; cat fifo >copy & " +
          kRun + "--json link --dump-budgets null --dump-keep fifo >/dev/null; " +
          "code=$?; wait; exit $code",
      scratch.folder());
  INFO(outcome.err);
  CHECK(outcome.exit_code == 0);
  CHECK(fs::is_symlink(scratch.folder() / "link"));
  CHECK(fs::is_symlink(scratch.folder() / "null"));
  CHECK(fs::is_fifo(scratch.folder() / "fifo"));
  CHECK(nlohmann::json::parse(text_of(scratch.folder() / "deep/report")).contains("schema"));
  CHECK(nlohmann::json::parse(text_of(scratch.folder() / "copy")).contains("layers"));
  CHECK(run_bash("ls -A . deep", scratch.folder()).out ==
        ".:\ncopy\ndeep\nfifo\nlink\nnull\n\ndeep:\nreport\n");
}

TEST_CASE("every name of standard output is standard output") {
  const Scratch scratch;
  const std::string plain = run_bash(kTokenize + "--json -", scratch.folder()).out;
  CHECK(nlohmann::json::parse(plain).contains("tokens"));
  for (const char* name : {"/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"}) {
    CHECK(run_bash(kTokenize + "--json " + name, scratch.folder()).out == plain);
    CHECK(run_bash(kTokenize + "--json " + name + " | cat", scratch.folder()).out == plain);
  }
}

TEST_CASE("a standard output that cannot be written is an error of every command") {
  const Scratch scratch;
  const Outcome list = run_program({"list", "--json", "-"}, scratch.folder());
  const std::string method = nlohmann::json::parse(list.out)[0].at("name");
  const std::vector<std::string> command_lines = {"list",
                                                  "list --json -",
                                                  "info " + method,
                                                  "plan",
                                                  "tokenize -p hello",
                                                  "tokenize -p hello --json -",
                                                  "doctor",
                                                  "completion bash",
                                                  "--help",
                                                  "help run",
                                                  "run --help",
                                                  "--version",
                                                  "--model tiny -p hello -n 2 --json report",
                                                  "--model tiny -p hello -n 2 --json -"};
  for (const std::string& words : command_lines) {
    INFO(words);
    check_one_error(run_bash("\"$KVHOST\" " + words + " >/dev/full", scratch.folder()),
                    4,
                    "standard output: cannot be written: No space left on device");
  }
  for (const std::string words : {"list", "--version", "--model tiny -p hello -n 2"}) {
    INFO(words);
    check_one_error(
        run_bash("\"$KVHOST\" " + words + " >&-", scratch.folder()), 4, "standard output: ");
  }
  // A report that was written before the text failed is whole.
  for (const auto& file : scratch.files()) CHECK(file == "report");
}

TEST_CASE("a reader who has gone ends the program without a word") {
  const Scratch scratch;
  for (const std::string command : {"list", "--help", "--model tiny -p hello -n 20"}) {
    INFO(command);
    // With SIGPIPE as it is, and where whoever started the program ignores it.
    for (const std::string trap : {"", "trap '' PIPE; "}) {
      const Outcome outcome = run_bash(
          trap + "(sleep 0.3; exec \"$KVHOST\" " + command + ") | true; exit ${PIPESTATUS[0]}",
          scratch.folder());
      CHECK(outcome.exit_code == 128 + SIGPIPE);
      CHECK(outcome.err.empty());
      CHECK(outcome.out.empty());
    }
  }
}

TEST_CASE("outputs that would meet in one file are refused before the work") {
  const Scratch scratch;
  scratch.write("real", "old");
  fs::create_symlink("real", scratch.folder() / "link");
  fs::create_symlink("later", scratch.folder() / "dangling");
  check_one_error(run_bash(kRun + "--json real --dump-keep link", scratch.folder()),
                  2,
                  "--dump-keep: names 'link', which --json names too");
  check_one_error(run_bash(kRun + "--json later --dump-keep dangling", scratch.folder()),
                  2,
                  "--dump-keep: names 'dangling', which --json names too");
  check_one_error(run_bash(kRun + "--json - --dump-keep /dev/stdout", scratch.folder()),
                  2,
                  "--dump-keep: names '/dev/stdout', which --json names too");
  check_one_error(
      run_bash(kRun + "--dump-scores /dev/stdout", scratch.folder()), 2, "--dump-scores: ");
  const Outcome same = run_bash(kRun + "--json text >text; cat text", scratch.folder());
  CHECK(same.out.empty());
  CHECK_THAT(same.err, Catch::Matchers::Contains("which standard output is written to"));
  CHECK(text_of(scratch.folder() / "real") == "old");
}

TEST_CASE("devices take any number of outputs") {
  const Scratch scratch;
  fs::create_symlink("/dev/null", scratch.folder() / "null");
  const Outcome outcome =
      run_bash(kRun + "--json null --dump-keep null --dump-budgets null", scratch.folder());
  CHECK(outcome.exit_code == 0);
  CHECK(fs::is_symlink(scratch.folder() / "null"));
}

TEST_CASE("an error does not join the text that was streamed to the same place") {
  const Scratch scratch;
  const Outcome merged = run_bash(
      "\"$KVHOST\" --model tiny -p 'Once upon a time' --press none "
      "-n 100000 --temperature 2 --json report >all 2>&1 & "
      "while ! [ -s all ]; do sleep 0.01; done; kill -TERM $!; wait $!",
      scratch.folder());
  CHECK(merged.exit_code == 130);
  CHECK_THAT(text_of(scratch.folder() / "all"),
             Catch::Matchers::EndsWith("\nkvhost: error: interrupted; nothing more was written\n"));
  CHECK(scratch.files() == std::vector<std::string>{"all"});
}

TEST_CASE("help tells of a command by name") {
  const Scratch scratch;
  const auto help = [&](const std::vector<std::string>& words) {
    return run_program(words, scratch.folder());
  };
  CHECK(help({"help"}).out == help({"--help"}).out);
  for (const char* command : {"run", "score", "plan", "list", "info", "tokenize", "doctor"}) {
    const Outcome outcome = help({"help", command});
    CHECK(outcome.exit_code == 0);
    CHECK(outcome.out == help({command, "--help"}).out);
    CHECK_THAT(outcome.out, Catch::Matchers::StartsWith("kvhost " + std::string(command) + ": "));
  }
}

}  // namespace kvhost::test
