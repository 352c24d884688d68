// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "base/error.hpp"
#include "input/config_file.hpp"
#include "program.hpp"

namespace kvhost::test {

namespace {

RunOptions read(const std::string& text) {
  const Scratch scratch;
  scratch.write("run.json", text);
  RunOptions options;
  read_config_file(scratch.folder() / "run.json", options);
  return options;
}

}  // namespace

TEST_CASE("a run file sets every option it names and no other") {
  const RunOptions options = read(R"({
    "model": "m", "dtype": "bfloat16", "weights": "q8_0", "threads": 3, "plugin_path": ["a", "b"],
    "press": "x:y", "decode_press": {"press": "z"}, "decode_every": 16, "decode_budget": 32,
    "budget": {"compression_ratio": 0.75},
    "prompt": {"text": "hello", "max_tokens": 7, "lossy": true},
    "generate": {"max_new_tokens": 0, "temperature": 0.5, "top_p": 0.9, "top_k": 4, "seed": 11, "stop": "."},
    "output": {"json": "o.json", "compare_full": true, "color": "never"}})");
  CHECK(options.model == "m");
  CHECK(options.dtype == DType::BFloat16);
  CHECK(options.weights == WeightType::Q8_0);
  CHECK(options.device == "cpu");
  CHECK(options.threads == 3);
  CHECK(options.plugins.paths.size() == 2);
  CHECK(options.press.press.form == PressSource::Form::Text);
  CHECK(options.press.press.text == "x:y");
  CHECK(options.press.press.pointer == "/press");
  CHECK_THAT(options.press.press.flag, Catch::Matchers::EndsWith("/run.json"));
  CHECK(options.press.decode_press.form == PressSource::Form::Json);
  CHECK(options.press.decode_press.text == R"({"press":"z"})");
  CHECK(options.press.decode_every == 16);
  CHECK(options.press.decode_budget == 32);
  CHECK(options.press.compression_ratio == 0.75);
  CHECK_FALSE(options.press.keep_ratio);
  CHECK_FALSE(options.press.budget);
  CHECK(options.prompt.text == "hello");
  CHECK(options.prompt.max_tokens == 7);
  CHECK(options.prompt.lossy);
  CHECK_FALSE(options.prompt.no_bos);
  CHECK(options.generate.max_new_tokens == 0);
  CHECK(options.generate.temperature == 0.5);
  CHECK(options.generate.top_p == 0.9);
  CHECK(options.generate.top_k == 4);
  CHECK(options.generate.seed == 11);
  CHECK(options.generate.stop == std::vector<std::string>{"."});
  CHECK(options.output.json == "o.json");
  CHECK(options.output.compare_full);
  CHECK(options.output.color == "never");
}

TEST_CASE("weights as they are stored are no request of their own") {
  CHECK_FALSE(read(R"({"weights": "as-stored"})").weights);
  CHECK(read(R"({"weights": "bf16"})").weights == WeightType::BF16);
}

TEST_CASE("a press object alone is a run file") {
  const RunOptions options = read(R"({"press": "a", "inner": {"press": "b", "params": {"n": 1}}})");
  CHECK(options.press.press.form == PressSource::Form::Json);
  CHECK(options.press.press.text == R"({"inner":{"params":{"n":1},"press":"b"},"press":"a"})");
  CHECK(options.press.press.pointer.empty());
  CHECK(options.model.empty());
}

TEST_CASE("a text in the place of a press object stays a text") {
  CHECK(read(R"({"press": "a:b"})").press.press.text == "a:b");
  CHECK(read(R"({"press": {"press": "a"}})").press.press.text == R"({"press":"a"})");
  CHECK_FALSE(read(R"({"press": null})").press.press.given());
}

TEST_CASE("a key that stands twice is refused, the same key in two objects is not") {
  CHECK_THROWS_AS(read(R"({"generate": {"seed": 1, "seed": 2}})"), Error);
  CHECK_NOTHROW(read(R"({"prompt": {"text": "a"}, "output": {"json": "a"}})"));
  CHECK_NOTHROW(read(R"({"press": {"press": "a", "inner": {"press": "b"}}})"));
}

}  // namespace kvhost::test
