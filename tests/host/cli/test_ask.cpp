// SPDX-License-Identifier: Apache-2.0
// Read once, ask many: `ask`, `chat` and `compress` from outside, on the bundled model.
#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>
#include <nlohmann/json.hpp>

#include "program.hpp"

namespace kvhost::test {

namespace {

using nlohmann::json;

json demo(const std::string& name) {
  return json::parse(std::ifstream(KVHOST_SOURCE_DIR "/models/demo/prompts/" + name + ".json"));
}

// The bundled needle: its document, and the question that it ends with.
struct Needle {
  std::string document, question, expect;
  Needle() {
    const json prompt = demo("needle");
    question = prompt["question"];
    expect = prompt["expect"];
    document = prompt["text"];
    document.resize(document.size() - question.size());
  }
};

Outcome kvhost_in(const Scratch& scratch, const std::vector<std::string>& args) {
  return run_program(args, scratch.folder());
}

json asked(const Scratch& scratch, std::vector<std::string> args) {
  args.insert(args.end(), {"--json", "-"});
  const Outcome outcome = kvhost_in(scratch, args);
  INFO(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  return json::parse(outcome.out);
}

void write_document(const Scratch& scratch, const Needle& needle) {
  scratch.write("doc.txt", needle.document);
}

}  // namespace

TEST_CASE("ask: one document, several questions, each as if it were the only one") {
  const Scratch scratch;
  const Needle needle;
  write_document(scratch, needle);
  const json both = asked(
      scratch, {"ask", "-f", "doc.txt", "-n", "8", "-q", needle.question, "-q", " The coach"});
  REQUIRE(both["answers"].size() == 2);
  CHECK(both["document"]["n_tokens"].get<int>() > 1500);
  CHECK(both["document"]["cache_bytes_kept"].get<int64_t>() * 3 <
        both["document"]["cache_bytes_full"].get<int64_t>());
  // The order does not matter: every question is asked of the document alone.
  const json turned = asked(
      scratch, {"ask", "-f", "doc.txt", "-n", "8", "-q", " The coach", "-q", needle.question});
  CHECK(turned["answers"][1]["tokens"] == both["answers"][0]["tokens"]);
  CHECK(turned["answers"][0]["tokens"] == both["answers"][1]["tokens"]);
}

TEST_CASE("ask: on the full cache an answer is that of a run over document and question") {
  const Scratch scratch;
  const Needle needle;
  write_document(scratch, needle);
  const json answer = asked(scratch,
                            {"ask",
                             "-f",
                             "doc.txt",
                             "--press",
                             "none",
                             "-n",
                             "12",
                             "-q",
                             needle.question,
                             "--compare-full"})["answers"][0];
  const json run = asked(
      scratch, {"run", "-p", needle.document + needle.question, "--press", "none", "-n", "12"});
  CHECK(answer["tokens"] == run["tokens"]);
  CHECK(answer["full"]["tokens"] == answer["tokens"]);
}

TEST_CASE("ask: with the question in sight an answer is that of a run, which keeps the same") {
  const Scratch scratch;
  const Needle needle;
  write_document(scratch, needle);
  const json report = asked(scratch, {"ask", "-f", "doc.txt", "--press", "adakv:snapkv", "-n", "12",
                                      "-q", needle.question, "--question-aware"});
  const json& answer = report["answers"][0];
  const json run = asked(scratch, {"run", "-p", needle.document + needle.question, "--press",
                                   "adakv:snapkv", "-n", "12"});
  CHECK(answer["tokens"] == run["tokens"]);
  // The document was not read on its own, so what was kept is the answer's.
  CHECK(!report["document"].contains("prefill_ms"));
  CHECK(!report.contains("budget"));
  CHECK(answer["cache_bytes_kept"] == run["memory"]["cache_bytes_kept"]);
  CHECK(answer["budget"]["entries_per_head"] == run["budget"]["entries_per_head"]);
}

TEST_CASE("what would be ignored in silence is refused") {
  const Scratch scratch;
  scratch.write("doc.txt", "One, two, three, four.");
  asked(scratch, {"compress", "-f", "doc.txt", "-o", "doc.kv.safetensors", "--press", "knorm"});
  for (const std::vector<std::string>& args : std::vector<std::vector<std::string>>{
           {"run", "-p", "a", "--kept-beside", "knorm"},
           {"run", "-p", "a", "--system", "b"},
           {"run", "--cache", "doc.kv.safetensors", "--compare-full"},
           {"run", "-p", "a", "--json-lines", "--json", "-"},
           {"plan", "--cache", "doc.kv.safetensors"},
           {"ask", "--cache", "doc.kv.safetensors", "-q", "a", "--question-aware"}}) {
    const Outcome outcome = kvhost_in(scratch, args);
    INFO(args.back() << ": " << outcome.err);
    CHECK(outcome.exit_code == 2);
    CHECK(std::count(outcome.err.begin(), outcome.err.end(), '\n') == 1);
  }
  // A saved cache is told by the press that made it, not by the default one.
  CHECK(asked(scratch, {"ask", "--cache", "doc.kv.safetensors", "-q", "a", "-n", "1"})["press"] ==
        "knorm");
}

TEST_CASE("ask: --expect makes it a test, and questions may come from a file") {
  const Scratch scratch;
  const Needle needle;
  write_document(scratch, needle);
  const Outcome wrong = kvhost_in(
      scratch, {"ask", "-f", "doc.txt", "-n", "4", "-q", needle.question, "--expect", "elephant"});
  CHECK(wrong.exit_code == 1);
  CHECK(wrong.err.empty());
  CHECK_THAT(wrong.out, Catch::Contains("WRONG, expected 'elephant'"));
  scratch.write("q.jsonl",
                json{{"question", needle.question}, {"expect", needle.expect}}.dump() + "\n\n" +
                    R"({"tokens": [5, 6, 7]})" + "\n");
  // The bundled model finds the word in a compressed cache when the question was in sight.
  const json read = asked(
      scratch, {"ask", "-f", "doc.txt", "-n", "8", "--questions", "q.jsonl", "--question-aware"});
  CHECK(read["answers"][0]["right"] == true);
  CHECK(read["answers"][1]["n_question_tokens"] == 3);
  scratch.write("bad.jsonl", "{\"question\": \"a\"}\n{\"quest\": 1}\n");
  const Outcome bad = kvhost_in(scratch, {"ask", "-f", "doc.txt", "--questions", "bad.jsonl"});
  CHECK(bad.exit_code == 2);
  CHECK_THAT(bad.err, Catch::Contains("bad.jsonl, line 2 /quest: unknown key"));
}

TEST_CASE("compress, then ask, score and run by --cache: as if it had just been read") {
  const Scratch scratch;
  const Needle needle;
  write_document(scratch, needle);
  const json made = asked(scratch, {"compress", "-f", "doc.txt", "-o", "doc.kv.safetensors"});
  CHECK(made["file_bytes"].get<int64_t>() < made["memory"]["cache_bytes_full"].get<int64_t>());
  const std::vector<std::string> question = {"-n", "8", "-q", needle.question};
  std::vector<std::string> fresh = {"ask", "-f", "doc.txt"};
  std::vector<std::string> saved = {"ask", "--cache", "doc.kv.safetensors"};
  fresh.insert(fresh.end(), question.begin(), question.end());
  saved.insert(saved.end(), question.begin(), question.end());
  CHECK(asked(scratch, saved)["answers"][0]["tokens"] ==
        asked(scratch, fresh)["answers"][0]["tokens"]);
  scratch.write("next.json", "[9, 8, 7]");
  const auto score = [&](const std::string& flag, const std::string& file) {
    return asked(scratch,
                 {"score",
                  flag,
                  file,
                  "--keep-ratio",
                  "0.25",
                  "--continuation-file",
                  "next.json"})["logprobs"];
  };
  CHECK(score("--cache", "doc.kv.safetensors") == score("-f", "doc.txt"));
  CHECK(asked(scratch, {"run", "--cache", "doc.kv.safetensors", "-n", "5"})["tokens"] ==
        asked(scratch, {"run", "-f", "doc.txt", "-n", "5"})["tokens"]);
}

TEST_CASE("a cache that is torn or of another model is refused in one line") {
  const Scratch scratch;
  scratch.write("doc.txt", "One, two, three, four.");
  asked(scratch, {"compress", "-f", "doc.txt", "-o", "doc.kv.safetensors"});
  const Outcome other =
      kvhost_in(scratch, {"ask", "--model", "tiny", "--cache", "doc.kv.safetensors", "-q", "Five"});
  CHECK(other.exit_code == 3);
  CHECK_THAT(other.err, Catch::Contains("was saved with another model"));
  std::filesystem::resize_file(scratch.folder() / "doc.kv.safetensors", 4000);
  const Outcome torn = kvhost_in(scratch, {"ask", "--cache", "doc.kv.safetensors", "-q", "Five"});
  CHECK(torn.exit_code == 3);
  CHECK(std::count(torn.err.begin(), torn.err.end(), '\n') == 1);
  const Outcome absent = kvhost_in(scratch, {"ask", "--cache", "absent.safetensors", "-q", "Five"});
  CHECK(absent.exit_code == 2);
}

TEST_CASE("chat: questions line by line, commands, a saved talk that goes on") {
  const Scratch scratch;
  const Needle needle;
  write_document(scratch, needle);
  const std::string question = "What is the password of Brice? The password of Brice is";
  const Outcome talk = run_bash("printf '%s\\n' '" + question +
                                    "' '/stats' '/kept' '/nonsense' '/save talk.safetensors' "
                                    "'/full " +
                                    question +
                                    "' '/press knorm' '/reset' '/help' | "
                                    "$KVHOST chat -f doc.txt -n 6 --press none",
                                scratch.folder());
  INFO(talk.out);
  INFO(talk.err);
  CHECK(talk.exit_code == 0);
  CHECK_THAT(talk.out, Catch::Contains(needle.expect));
  CHECK_THAT(talk.out, Catch::Contains("error: /nonsense: no such command"));
  CHECK_THAT(talk.out, Catch::Contains("saved to talk.safetensors"));
  CHECK_THAT(talk.out, Catch::Contains("full cache: first token after"));
  CHECK_THAT(talk.out, Catch::Contains("knorm: cache"));
  const Outcome later =
      run_bash("printf '%s\\n' '/stats' | $KVHOST chat --cache talk.safetensors", scratch.folder());
  INFO(later.out);
  CHECK(later.exit_code == 0);
  CHECK_THAT(later.out, Catch::Contains("questions 1"));
}

TEST_CASE("run: pictures of the text, tokens as JSON lines, ids where there is no text") {
  const Scratch scratch;
  const Outcome page = kvhost_in(
      scratch,
      {"run", "-n", "2", "--kept-html", "kept.html", "--kept-beside", "knorm", "--show-kept"});
  INFO(page.err);
  CHECK(page.exit_code == 0);
  CHECK(std::filesystem::file_size(scratch.folder() / "kept.html") > 20000);
  const Outcome lines = kvhost_in(scratch, {"run", "-n", "3", "--json-lines"});
  std::istringstream in(lines.out);
  std::vector<json> all;
  for (std::string line; std::getline(in, line);) all.push_back(json::parse(line));
  REQUIRE(all.size() >= 2);
  CHECK(all[0].contains("token"));
  CHECK(all.back().at("report").at("tokens").size() == all.size() - 1);
}

TEST_CASE(
    "short prompts are kept whole unless that is asked for, and the context limit comes first") {
  const Scratch scratch;
  const json whole = asked(scratch, {"run", "-p", "One, two, three", "-n", "1"});
  CHECK(whole["budget"]["raised"] == true);
  CHECK(whole["memory"]["cache_bytes_kept"] == whole["memory"]["cache_bytes_full"]);
  const json cut =
      asked(scratch, {"run", "-p", "One, two, three", "-n", "1", "--min-entries", "0"});
  CHECK(cut["memory"]["cache_bytes_kept"] < cut["memory"]["cache_bytes_full"]);
  std::string long_text;
  for (int i = 0; i < 30000; ++i) long_text += "word ";
  scratch.write("long.txt", long_text);
  const Outcome refused = kvhost_in(scratch, {"run", "-f", "long.txt"});
  CHECK(refused.exit_code == 2);
  CHECK_THAT(refused.err, Catch::Contains("the model was made for"));
}

}  // namespace kvhost::test
