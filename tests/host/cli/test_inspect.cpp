// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/json_file.hpp"
#include "program.hpp"

namespace fs = std::filesystem;
using Catch::Contains;
using kvhost::test::Outcome;
using kvhost::test::run_program;
using kvhost::test::Scratch;

namespace {

fs::path tiny(const std::string& name) {
  return fs::path(KVHOST_TEST_DATA) / "golden/models" / name;
}

}  // namespace

TEST_CASE("inspect tells a model's sizes, and its tensors by type") {
  const Scratch scratch;
  const std::string model = tiny("llama_sharded").string();
  const Outcome outcome = run_program({"inspect", model, "--json", "-"}, scratch.folder());
  REQUIRE(outcome.exit_code == 0);
  const auto facts = nlohmann::json::parse(outcome.out);
  CHECK(facts["family"] == "llama");
  CHECK(facts["sizes"]["n_layers"] == 3);
  CHECK(facts["sizes"]["n_kv_heads"] == 2);
  CHECK(facts["files"].size() == 3);
  CHECK(facts["n_parameters"] == 47960);  // what save_pretrained counted, in the index
  CHECK(facts["weights_bytes"] == 191840);
  CHECK(facts["types"] == nlohmann::json{{"F32", {{"n_tensors", 30}, {"bytes", 191840}}}});
  CHECK(facts["cache_bytes_per_token"] == 2 * 3 * 2 * 10 * 4);
  CHECK(facts["problem"].is_null());
  const auto& head = facts["tensors"][0];
  CHECK(head["name"] == "lm_head.weight");
  CHECK(head["shape"] == nlohmann::json{128, 40});
  CHECK(head["used"] == true);
  const std::string text =
      run_program({"inspect", "--model", model, "--tensors"}, scratch.folder()).out;
  CHECK_THAT(text,
             Contains("llama, 3 layers of width 40, MLP 64") && Contains("30 tensors, 191.8 kB") &&
                 Contains("model.layers.2.mlp.up_proj.weight"));
}

TEST_CASE("inspect describes a model that cannot be loaded, and says why") {
  const Scratch scratch;
  const fs::path model = scratch.folder() / "model";
  fs::copy(tiny("llama_mha"), model, fs::copy_options::recursive);
  auto config = kvhost::read_json(model / "config.json", kvhost::ExitCode::CannotLoad);
  config["num_hidden_layers"] = 1;
  scratch.write("model/config.json", config.dump());
  const Outcome fewer = run_program({"inspect", "model", "--tensors"}, scratch.folder());
  CHECK(fewer.exit_code == 0);
  CHECK_THAT(fewer.out, Contains("9 tensors are not used") && Contains("  not used\n"));
  config["num_hidden_layers"] = 3;
  scratch.write("model/config.json", config.dump());
  const Outcome more = run_program({"inspect", "model"}, scratch.folder());
  CHECK(more.exit_code == 3);
  CHECK_THAT(more.out, Contains("llama, 3 layers"));
  CHECK_THAT(more.err,
             Contains("model.layers.2.input_layernorm.weight") && Contains("are missing"));
}

TEST_CASE("inspect describes a GGUF file, its types as stored") {
  const Scratch scratch;
  const std::string file = std::string(KVHOST_TEST_DATA) + "/golden/gguf/llama_gqa.gguf";
  const Outcome outcome = run_program({"inspect", file, "--json", "-"}, scratch.folder());
  INFO(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  const auto facts = nlohmann::json::parse(outcome.out);
  CHECK(facts["family"] == "llama");
  CHECK(facts["files"] == nlohmann::json{file});
  int64_t bytes = 0;
  for (const auto& tensor : facts["tensors"]) {
    CHECK(tensor["used"] == true);
    bytes += tensor["bytes"].get<int64_t>();
  }
  CHECK(facts["weights_bytes"] == bytes);
  CHECK(bytes > 0);
  CHECK(bytes < static_cast<int64_t>(fs::file_size(file)));
  const std::string text = run_program({"inspect", file, "--tensors"}, scratch.folder()).out;
  CHECK_THAT(text, Contains("token_embd.weight") && Contains("blk.0.attn_q.weight"));
}

TEST_CASE("inspect says what a file is not") {
  const Scratch scratch;
  scratch.write("weights.bin", "nothing");
  const Outcome outcome = run_program({"inspect", "./weights.bin"}, scratch.folder());
  CHECK(outcome.exit_code == 3);
  CHECK_THAT(outcome.err, Contains("GGUF"));
}
