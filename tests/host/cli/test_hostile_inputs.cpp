// SPDX-License-Identifier: Apache-2.0
// Inputs that once took the memory, the stack, the evening or the wrong turn (docs/hardening.md):
// each is one line, its exit code, soon, and nothing is left behind.
#include <catch2/catch.hpp>
#include <chrono>
#include <cstring>
#include <fstream>
#include <iterator>

#include "program.hpp"

namespace fs = std::filesystem;
using namespace kvhost::test;
using Words = std::vector<std::string>;

namespace {

const std::string kTiny = KVHOST_SOURCE_DIR "/models/tiny";

std::string repeated(const std::string& text, int n) {
  std::string out;
  for (int i = 0; i < n; ++i) out += text;
  return out;
}

// `seconds`: far more than it takes, far less than it once took.
void refused(const Scratch& scratch, Words words, int code, const std::string& says,
             double seconds = 20) {
  INFO(words.front() << " ... expecting " << says);
  const auto before = scratch.files();
  const auto start = std::chrono::steady_clock::now();
  const Outcome outcome = run_program(words, scratch.folder());
  check_refused(outcome, code, says);
  CHECK(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() < seconds);
  CHECK(scratch.files() == before);
}

void press_refused(const std::string& press, int code, const std::string& says) {
  for (const std::string command : {"plan", "run"})
    refused(Scratch(), {command, "--model", kTiny, "-p", "foxes", "--press", press}, code, says);
}

std::string bytes_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// A copy of the tiny model with one file of other bytes.
Words with_file(const Scratch& scratch, const std::string& name, const std::string& bytes) {
  fs::remove_all(scratch.folder() / "m");
  fs::copy(kTiny, scratch.folder() / "m", fs::copy_options::recursive);
  fs::create_directories((scratch.folder() / "m" / name).parent_path());
  scratch.write("m/" + name, bytes);
  return {"run", "--model", "m", "-n", "1"};
}

Words plus(Words words, const Words& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("nesting is bounded, whoever parses") {
  press_refused(repeated("(", 13'000) + "knorm" + repeated(")", 13'000), 2, "more than 100 levels");
  press_refused(repeated("head_mean:", 3'800) + "knorm", 2, "more than 100 levels");
  const Scratch scratch;
  scratch.write("run.json", repeated("{\"press\":", 60'000) + "1" + repeated("}", 60'000));
  refused(scratch, {"run", "--config", "run.json"}, 2, "more than 100 levels deep");
  scratch.write("t.json", repeated("[", 60'000) + repeated("]", 60'000));
  refused(scratch, {"run", "--model", kTiny, "--tokens-file", "t.json"}, 2, "more than 100 levels");
  const std::string nested = repeated(R"({"type":"Sequence","normalizers":[)", 2'000) +
                             R"({"type":"NFC"})" + repeated("]}", 2'000);
  const std::string tokenizer = bytes_of(kTiny + "/tokenizer.json");
  const auto words = with_file(
      scratch, "tokenizer.json",
      tokenizer.substr(0, tokenizer.rfind('}')) + ",\"normalizer\":" + nested + "}");
  refused(scratch, plus(words, {"-p", "a"}), 3, "m/tokenizer.json");
}

TEST_CASE("numbers of methods are bounded before anything is made of them") {
  press_refused("duo_attention(on_the_fly_scoring=true,scoring_length=300000000)", 2, "<= 65536");
  press_refused("expected_attention(n_future_positions=1000000000)", 2, "<= 65536");
  for (const std::string method : {"h2o_l2(start_size=", "compactor(chunk_size=",
                                   "non_causal(chunk_size=", "simlayerkv(n_recent="})
    press_refused(method + "9223372036854775807)", 2, "found 9223372036854775807");
}

TEST_CASE("files without an end, that are none, or of another kind are refused at once") {
  for (const std::string method : {"lukv(curves=/dev/zero):knorm", "duo_attention(pattern=/dev/zero)",
                                   "qfilter(file=/dev/zero)", "cur(sketch=/dev/zero)",
                                   "rankkv(profile=/dev/zero):knorm"})
    press_refused(method, 3, "; expected ");
  refused(Scratch(), {"score", "--model", kTiny, "-p", "a", "--continuation-file", "/dev/zero",
                      "--json", "o.json"},
          2, "/dev/zero: is larger than any file of its kind");
  refused(Scratch(), {"run", "--model", kTiny, "-f", "/proc/self/mem"}, 2,
          "/proc/self/mem: cannot be read to its end");
}

TEST_CASE("NaN in a learned file names the file") {
  const Scratch scratch;
  std::string bytes = bytes_of(KVHOST_TEST_DATA "/golden/models/llama_gqa/q_filters.safetensors");
  const float nan = __builtin_nanf("");
  std::memcpy(bytes.data() + bytes.size() - sizeof nan, &nan, sizeof nan);
  scratch.write("nan.safetensors", bytes);
  scratch.write("t.json", "[1,2,3,4,5]");
  refused(scratch, {"run", "--model", KVHOST_TEST_DATA "/golden/models/llama_gqa", "--tokens-file",
                    "t.json", "--press", "qfilter(file=" +
                        (scratch.folder() / "nan.safetensors").string() + ")"},
          3, "nan.safetensors' tensor 'q_filters' holds NaN or infinity");
}

TEST_CASE("numbers and types that JSON may hold and no file may") {
  const Scratch scratch;
  scratch.write("run.json", R"({"temperature": 1e400})");
  refused(scratch, {"run", "--config", "run.json"}, 2, "found the number '1e400'");
  scratch.write("run.json", R"({"press": })");
  refused(scratch, {"run", "--config", "run.json"}, 2,
          "not valid JSON at line 1, column 11: unexpected '}'; expected");
  auto words = with_file(scratch, "prompts/x.json", R"({"title": 5})");
  refused(scratch, plus(words, {"--demo", "x"}), 3, "prompts/x.json /title: found '5'; expected");
  words = with_file(scratch, "tokenizer_config.json", "[1]");
  refused(scratch, plus(words, {"-p", "a", "--chat"}), 3, "found array; expected an object");
  words = with_file(scratch, "config.json",
                    replaced(bytes_of(kTiny + "/config.json"), "\"vocab_size\": ",
                             "\"vocab_size\": 1e400, \"x\": "));
  refused(scratch, plus(words, {"-p", "a"}), 3, "m/config.json");
}

TEST_CASE("names of outputs are looked at before the work, as long and as odd as they may be") {
  const Words words = {"run", "--model", kTiny, "-p", "foxes", "-n", "1", "-q"};
  refused(Scratch(), plus(words, {"--json", std::string(256, 'x')}), 2, "File name too long");
  refused(Scratch(), plus(words, {"--json", "a.json", "--dump-keep", "./a.json"}), 2,
          "--dump-keep: names './a.json', which --json names too");
  for (const std::string& name : {std::string(255, 'x'), std::string("out\xff.json")}) {
    const Scratch scratch;
    const Outcome outcome = run_program(plus(words, {"--json", name}), scratch.folder());
    INFO(outcome.err);
    CHECK(outcome.exit_code == 0);
    CHECK(fs::exists(scratch.folder() / name));
  }
}

TEST_CASE("texts and tables that once took minutes") {
  const Scratch scratch;
  const std::string tokenizer = bytes_of(kTiny + "/tokenizer.json");
  const std::string greedy = R"({"type":"Split","pattern":{"Regex":"(a+)+$"},)"
                             R"("behavior":"Isolated","invert":false})";
  const size_t at = tokenizer.find("\"pre_tokenizer\":");
  REQUIRE(at != std::string::npos);
  // The name it had stands beside the new one, unused.
  const auto words = with_file(scratch, "tokenizer.json",
                               tokenizer.substr(0, at) + "\"pre_tokenizer\":" + greedy +
                                   ",\"x_pre_tokenizer\":" + tokenizer.substr(at + 16));
  scratch.write("long.txt", std::string(54'000, 'a') + "b");
  refused(scratch, plus(words, {"-f", "long.txt"}), 4, "its pattern '(a+)+$' gave up at byte 0");
  scratch.write("tabs.txt", std::string(200'000, '\t'));
  refused(scratch, {"run", "--model", KVHOST_SOURCE_DIR "/models/demo", "-f", "tabs.txt"}, 2,
          "tokens and the model was made for");
  std::string header = "{";
  for (int i = 0; i < 40'000; ++i)
    header += (i ? ",\"t" : "\"t") + std::to_string(i) +
              R"(":{"dtype":"F32","shape":[0],"data_offsets":[0,0]})";
  header += "}";
  const uint64_t length = header.size();
  const std::string prefix(reinterpret_cast<const char*>(&length), sizeof length);
  refused(scratch, plus(with_file(scratch, "model.safetensors", prefix + header), {"-p", "a"}), 3,
          "holds no tensor of a llama model");
}

TEST_CASE("what plan accepts, run does") {
  press_refused("block:block:keydiff", 2, "which looks at the budget");
  press_refused("chunk:criticalkv:tova", 2, "which looks at the budget");
  press_refused("finch", 2, "does not know where the question begins");
  const Scratch scratch;
  for (const std::string press : {"adakv:knorm+head_mean:cur", "knorm+compactor", "chunk:leverage"})
    for (const std::string command : {"plan", "run"}) {
      const Outcome outcome =
          run_program({command, "--model", kTiny, "-p", repeated("foxes and hens, ", 20), "--press",
                       press, "--keep-ratio", "0.3", "--min-entries", "0"},
                      scratch.folder());
      INFO(command << " " << press << ": " << outcome.err);
      CHECK(outcome.exit_code == 0);
    }
}
