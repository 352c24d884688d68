// SPDX-License-Identifier: Apache-2.0
// What changes a figure changes a cell's key.
#include <catch2/catch.hpp>
#include <fstream>
#include <set>

#include "eval/cell_key.hpp"
#include "eval_fixture.hpp"

using namespace kvhost;
using namespace kvhost::test;
using Catch::Contains;

namespace fs = std::filesystem;

namespace {

// The tiny model's files in a folder of their own.
fs::path own_model(const SuiteFolder& folder) {
  const fs::path model = folder / "model";
  fs::copy(fs::path(KVHOST_SOURCE_DIR) / "models/tiny", model, fs::copy_options::recursive);
  return model;
}

std::string key_of(const fs::path& model) {
  return eval::model_key(engine().open({model, DType::Float32}), {});
}

void write(const fs::path& file, const std::string& bytes) { std::ofstream(file) << bytes; }

}  // namespace

TEST_CASE("another chat template, another end of answers, another profile: other cells") {
  const SuiteFolder folder;
  const fs::path model = own_model(folder);
  const std::string key = key_of(model);
  CHECK(key_of(model) == key);
  write(model / "README.md", "Other words about it.");
  CHECK(key_of(model) == key);
  std::set<std::string> keys = {key};
  const auto changed = [&](const std::string& name, const std::string& bytes) {
    write(model / name, bytes);
    INFO(name << ": " << bytes);
    CHECK(keys.insert(key_of(model)).second);
  };
  changed("chat_template.jinja", "{{ messages[0].content }}");
  changed("chat_template.jinja", "User: {{ messages[0].content }}");
  changed("generation_config.json", R"({"eos_token_id": 7})");
  changed("learned.json", R"({"of": "this model"})");
  fs::create_directory(model / "additional_chat_templates");
  changed("additional_chat_templates/tool_use.jinja", "{{ messages }}");
}

TEST_CASE("the same files held in other numbers are another model") {
  const std::string plain = eval::model_key(tiny(), {});
  CHECK(eval::model_key(tiny(), WeightType::Q8_0) != plain);
  const Model other = engine().open({fs::path(KVHOST_SOURCE_DIR) / "models/tiny", DType::BFloat16});
  CHECK(eval::model_key(other, {}) != plain);
}

TEST_CASE("a composition that reads a file is known by what stands in it") {
  const SuiteFolder folder;
  const std::string file = folder / "profile.json";
  const auto key_with = [&](double first) {
    write(file, R"({"schema": 1, "ranks": [)" + std::to_string(first) + ", 0.4, 0.3, 0.2]}");
    PolicyOptions options;
    options.press = {PressSource::Form::Text, "rankkv(profile=\"" + file + "\"):snapkv", "--press", ""};
    const Policy policy = engine().policy(tiny(), options);
    return eval::composition_key(policy, tiny());
  };
  const std::string one = key_with(0.5);
  CHECK_THAT(one, Contains("rankkv(profile=") && Contains("):snapkv [files ") && Contains("] [libraries "));
  CHECK(key_with(0.5) == one);
  CHECK(key_with(0.6) != one);
  PolicyOptions options;
  options.press = {PressSource::Form::Text, "knorm", "--press", ""};
  // The libraries of this engine lie in a folder that was named, as an author's do.
  CHECK_THAT(eval::composition_key(engine().policy(tiny(), options), tiny()),
             Catch::Matchers::StartsWith("knorm [libraries "));
}
