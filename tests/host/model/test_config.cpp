// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "base/error.hpp"
#include "model/config.hpp"
#include "model_files.hpp"

using namespace kvhost;
using kvhost::test::model_dir;
using kvhost::test::TempDir;
using kvhost::test::tiny_config;
using kvhost::test::write_text;
using Json = nlohmann::json;

namespace {

ModelConfig read_changed(const Json& changes) {
  const TempDir dir;
  Json config = tiny_config();
  config.merge_patch(changes);  // null removes
  write_text(dir.path() / "config.json", config.dump());
  return read_config(dir.path());
}

struct BadConfig {
  const char* changes;
  const char* message;
};

const BadConfig kBadConfigs[] = {
    {R"({"model_type":"lama"})",
     "'model_type' is 'lama'; expected one of gpt_neox, llama, mistral, qwen2, qwen3; did you mean "
     "'llama'?"},
    {R"({"model_type":null})", "'model_type' is missing"},
    {R"({"model_type":5})", "'model_type' is 5; expected a string"},
    {R"({"hidden_size":null})", "'hidden_size' is missing; expected an integer"},
    {R"({"hidden_size":0})", "'hidden_size' is 0; expected an integer from 1"},
    {R"({"hidden_size":-3})", "'hidden_size' is -3"},
    {R"({"hidden_size":"40"})", "'hidden_size' is \"40\""},
    {R"({"hidden_size":40.5})", "'hidden_size' is 40.5"},
    {R"({"hidden_size":18446744073709551615})", "'hidden_size' is 18446744073709551615"},
    {R"({"num_hidden_layers":100000})", "'num_hidden_layers' is 100000"},
    {R"({"vocab_size":[]})", "'vocab_size' is []"},
    {R"({"num_key_value_heads":3})",
     "'num_key_value_heads' is 3; expected a divisor of num_attention_heads (4)"},
    {R"({"head_dim":15})", "'head_dim' is 15; expected an even number"},
    {R"({"head_dim":null,"num_attention_heads":3,"num_key_value_heads":3})",
     "expected a divisor of hidden_size (40)"},
    {R"({"hidden_act":"relu"})", "'hidden_act' is \"relu\"; expected silu"},
    {R"({"rms_norm_eps":-1e-6})", "'rms_norm_eps' is -1e-06; expected a positive number"},
    {R"({"tie_word_embeddings":"no"})", "'tie_word_embeddings' is \"no\"; expected true or false"},
    {R"({"torch_dtype":"float64"})",
     "'torch_dtype' is \"float64\"; expected float32, bfloat16 or float16"},
    {R"({"quantization_config":4})", "'quantization_config' is 4; expected a JSON object"},
    {R"({"partial_rotary_factor":0.5})",
     "'partial_rotary_factor' is 0.5; expected 1 in this family"},
    {R"({"rope_scaling":7})", "'rope_scaling' is 7; expected a JSON object"},
    {R"({"rope_scaling":{"rope_type":"longrope"}})",
     "'rope_scaling.rope_type' is \"longrope\"; expected default, linear, llama3 or yarn"},
    {R"({"rope_scaling":{"type":"dynamic"}})", "'rope_scaling.type' is \"dynamic\""},
    {R"({"rope_scaling":{"type":"linear"}})",
     "'rope_scaling.factor' is missing; expected a positive number"},
    {R"({"rope_scaling":{"type":"linear","factor":0}})", "'rope_scaling.factor' is 0"},
    {R"({"rope_scaling":{"type":"llama3","factor":8,"low_freq_factor":4,"high_freq_factor":4}})",
     "expected more than low_freq_factor"},
    {R"({"rope_parameters":{"full_attention":{"rope_theta":1}}})",
     "one set of values for all layers"},
    {R"({"eos_token_id":"x"})", "'eos_token_id' is \"x\"; expected a token id or a list"},
    {R"({"model_type":"qwen2","use_sliding_window":true,"sliding_window":8,"layer_types":["full_attention"]})",
     "expected 2 entries"},
    {R"({"model_type":"qwen2","use_sliding_window":true,"sliding_window":8,"layer_types":["full_attention","odd"]})",
     "full_attention or sliding_attention"},
    {R"({"model_type":"mistral","sliding_window":0})", "'sliding_window' is 0"},
};

}  // namespace

TEST_CASE("wrong configs are refused, naming file, key, value and expectation") {
  for (const auto& bad : kBadConfigs) {
    INFO(bad.changes);
    std::string message;
    try {
      read_changed(Json::parse(bad.changes));
    } catch (const Error& e) {
      CHECK(e.code() == ExitCode::CannotLoad);
      message = e.what();
    }
    CHECK_THAT(message, Catch::Contains("config.json: "));
    CHECK_THAT(message, Catch::Contains(bad.message));
  }
}

TEST_CASE("absent and malformed config files") {
  const TempDir dir;
  CHECK_THROWS_WITH(read_config(dir.path()), Catch::Contains("config.json"));
  write_text(dir.path() / "config.json", "{\"model_type\": ");
  CHECK_THROWS_WITH(read_config(dir.path()), Catch::Contains("not valid JSON"));
  write_text(dir.path() / "config.json", "[]");
  CHECK_THROWS_WITH(read_config(dir.path()), Catch::Contains("expected a JSON object"));
}

TEST_CASE("both spellings of rope give the same frequencies") {
  const Json fields = {{"rope_type", "llama3"},
                       {"factor", 8.0},
                       {"low_freq_factor", 1.0},
                       {"high_freq_factor", 4.0},
                       {"original_max_position_embeddings", 64}};
  Json parameters = fields;
  parameters["rope_theta"] = 500000.0;
  const auto old_config = read_changed({{"rope_theta", 500000.0}, {"rope_scaling", fields}});
  const auto new_config = read_changed(
      {{"rope_theta", nullptr}, {"rope_scaling", nullptr}, {"rope_parameters", parameters}});
  CHECK(old_config.rope.inv_freq == new_config.rope.inv_freq);
  CHECK(old_config.rope.scaling == "llama3");
  CHECK(old_config.rope.inv_freq != read_changed({{"rope_theta", 500000.0}}).rope.inv_freq);
}

TEST_CASE("switches of the families") {
  const auto neox = read_config(model_dir("neox_parallel"));
  CHECK(neox.parallel_residual);
  CHECK(neox.norm == NormKind::Layer);
  CHECK(neox.rope.rotary_dim == neox.head_dim / 4);
  CHECK((neox.attention_bias && neox.output_bias && neox.mlp_bias));
  CHECK_FALSE(read_config(model_dir("neox_serial")).parallel_residual);

  const auto qwen2 = read_config(model_dir("qwen2"));
  CHECK((qwen2.attention_bias && !qwen2.output_bias && !qwen2.mlp_bias));
  CHECK(qwen2.tied_embeddings);
  CHECK(read_config(model_dir("qwen2_window")).sliding_window == std::vector<int64_t>{0, 20, 20});
  CHECK(read_config(model_dir("mistral_window")).sliding_window == std::vector<int64_t>{24, 24});
  const auto qwen3 = read_config(model_dir("qwen3"));
  CHECK(qwen3.qk_norm);
  CHECK(qwen3.checkpoint_dtype == DType::BFloat16);
}

TEST_CASE("sliding windows follow each family's own rule") {
  const auto windows = [](const char* changes) {
    return read_changed(Json::parse(changes)).sliding_window;
  };
  using Windows = std::vector<int64_t>;
  CHECK(windows(R"({"sliding_window":8})") == Windows{0, 0});
  CHECK(windows(R"({"model_type":"mistral"})") == Windows{4096, 4096});
  CHECK(windows(R"({"model_type":"qwen2","sliding_window":8,"max_window_layers":1})") ==
        Windows{0, 0});
  CHECK(
      windows(
          R"({"model_type":"qwen2","sliding_window":8,"max_window_layers":1,"use_sliding_window":true})") ==
      Windows{0, 8});
  CHECK(windows(R"({"model_type":"qwen3","sliding_window":8,"use_sliding_window":true,)"
                R"("layer_types":["sliding_attention","full_attention"]})") == Windows{8, 0});
}

TEST_CASE("end tokens come from generation_config.json first") {
  const TempDir dir;
  write_text(dir.path() / "config.json", tiny_config().dump());
  CHECK(read_config(dir.path()).eos_token_ids == std::vector<int64_t>{1});
  write_text(dir.path() / "generation_config.json", R"({"eos_token_id":[5,7]})");
  CHECK(read_config(dir.path()).eos_token_ids == std::vector<int64_t>{5, 7});
}
