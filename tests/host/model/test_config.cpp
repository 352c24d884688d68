// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <cmath>

#include "altered_checkpoint.hpp"
#include "base/error.hpp"
#include "model/config.hpp"
#include "model_files.hpp"

using namespace kvhost;
using kvhost::test::AlteredCheckpoint;
using kvhost::test::model_dir;
using kvhost::test::TempFolder;
using kvhost::test::tiny_config;
using kvhost::test::write_text;
using Json = nlohmann::json;

namespace {

ModelConfig read_changed(const Json& changes) {
  const TempFolder dir;
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
     "'model_type' is \"lama\"; expected one of gemma, gemma2, gemma3_text, gpt_neox"},
    {R"({"model_type":"lama"})", "; did you mean 'llama'?"},
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
     "'torch_dtype' is \"float64\"; expected float32, bfloat16, float16 or auto"},
    {R"({"quantization_config":4})", "'quantization_config' is 4; expected a JSON object"},
    {R"({"partial_rotary_factor":0.5})",
     "'partial_rotary_factor' is 0.5; expected a share of head_dim (10) that is an even number of "
     "dimensions, here 5"},
    {R"({"partial_rotary_factor":1.5})", "'partial_rotary_factor' is 1.5; expected a share"},
    {R"({"rope_parameters":{"partial_rotary_factor":0.3}})",
     "'rope_parameters.partial_rotary_factor' is 0.3; expected a share"},
    {R"({"model_type":"gpt_neox","rotary_pct":0.5})", "'rotary_pct' is 0.5; expected a share"},
    {R"({"rope_scaling":7})", "'rope_scaling' is 7; expected a JSON object"},
    {R"({"rope_scaling":{"rope_type":"ntk"}})",
     "'rope_scaling.rope_type' is \"ntk\"; expected default, dynamic, linear, llama3, longrope or "
     "yarn"},
    {R"({"rope_scaling":{"type":"dynamic"}})", "'rope_scaling.factor' is missing"},
    {R"({"rope_scaling":{"type":"longrope"}})",
     "'rope_scaling.long_factor' is missing; expected a list of positive numbers"},
    {R"({"rope_scaling":{"type":"longrope","long_factor":[1,2],"short_factor":[1,1]}})",
     "'rope_scaling.long_factor' is [1,2]; expected 5 numbers, one per rotated pair"},
    {R"({"rope_scaling":{"type":"longrope","long_factor":[1,2,0,4,5]}})",
     "'rope_scaling.long_factor' is [1,2,0,4,5]; expected a list of positive numbers"},
    {R"({"rope_scaling":{"type":"yarn","factor":4,"mscale":"x"}})",
     "'rope_scaling.mscale' is \"x\"; expected a number"},
    {R"({"rope_scaling":{"type":"linear"}})",
     "'rope_scaling.factor' is missing; expected a positive number"},
    {R"({"rope_scaling":{"type":"linear","factor":0}})", "'rope_scaling.factor' is 0"},
    {R"({"rope_scaling":{"type":"llama3","factor":8,"low_freq_factor":4,"high_freq_factor":4}})",
     "expected more than low_freq_factor"},
    {R"({"rope_parameters":{"full_attention":{"rope_theta":-1}}})",
     "'rope_parameters.full_attention.rope_theta' is -1; expected a positive number"},
    {R"({"eos_token_id":"x"})", "'eos_token_id' is \"x\"; expected a token id or a list"},
    {R"({"model_type":"qwen2","use_sliding_window":true,"sliding_window":8,"layer_types":["full_attention"]})",
     "expected 2 entries"},
    {R"({"model_type":"qwen2","use_sliding_window":true,"sliding_window":8,"layer_types":["full_attention","odd"]})",
     "full_attention or sliding_attention"},
    {R"({"model_type":"mistral","sliding_window":0})", "'sliding_window' is 0"},
    {R"({"model_type":"gemma3"})",
     "'text_config' is missing; expected the config of the text model in a gemma3 model"},
    {R"({"model_type":"mistral3","text_config":{"model_type":"mistal"}})",
     "'text_config.model_type' is \"mistal\"; expected one of"},
    {R"({"model_type":"mistral3","text_config":{"hidden_size":0}})",
     "'text_config.hidden_size' is 0"},
    {R"({"model_type":"gemma2","use_bidirectional_attention":true})",
     "'use_bidirectional_attention' is true; expected false"},
    {R"({"model_type":"gemma2","hidden_activation":"relu"})", "'hidden_activation' is \"relu\""},
    {R"({"model_type":"smollm3","no_rope_layers":[1]})", "'no_rope_layers' is [1]; expected 2 of 0"},
    {R"({"model_type":"smollm3","no_rope_layers":[1,2]})", "a list of integers from 0 to 1"},
    {R"({"model_type":"granite","residual_multiplier":0})", "'residual_multiplier' is 0"},
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
  const TempFolder dir;
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
  CHECK(qwen3.qk_norm == QkNorm::Heads);
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
  const TempFolder dir;
  write_text(dir.path() / "config.json", tiny_config().dump());
  CHECK(read_config(dir.path()).eos_token_ids == std::vector<int64_t>{1});
  write_text(dir.path() / "generation_config.json", R"({"eos_token_id":[5,7]})");
  CHECK(read_config(dir.path()).eos_token_ids == std::vector<int64_t>{5, 7});
}

TEST_CASE("sliding layers of the families that alternate") {
  const auto windows = [](const char* changes) {
    return read_changed(Json::parse(changes)).sliding_window;
  };
  using Windows = std::vector<int64_t>;
  CHECK(windows(R"({"model_type":"gemma2"})") == Windows{4096, 0});
  CHECK(windows(R"({"model_type":"gemma3_text","sliding_window":8})") == Windows{8, 8});
  CHECK(windows(R"({"model_type":"gemma3_text","sliding_window":8,"sliding_window_pattern":1})") ==
        Windows{0, 0});
  CHECK(windows(R"({"model_type":"gemma3_text","sliding_window":8,)"
                R"("layer_types":["full_attention","sliding_attention"]})") == Windows{0, 8});
  CHECK(windows(R"({"model_type":"phi3"})") == Windows{0, 0});
  CHECK(windows(R"({"model_type":"ministral"})") == Windows{4096, 4096});
  CHECK(windows(R"({"model_type":"smollm3","sliding_window":8,"no_rope_layers":[1,0],)"
                R"("use_sliding_window":true})") == Windows{0, 8});
}

TEST_CASE("rotations that differ between layers, in both spellings") {
  using Rope = ModelConfig::LayerRope;
  const Json old_keys = {{"model_type", "gemma3_text"},
                         {"sliding_window_pattern", 2},
                         {"rope_theta", 5e5},
                         {"rope_local_base_freq", 2e4},
                         {"rope_scaling", {{"rope_type", "linear"}, {"factor", 8}}}};
  const Json new_keys = {
      {"model_type", "gemma3_text"},
      {"layer_types", {"sliding_attention", "full_attention"}},
      {"rope_theta", nullptr},
      {"rope_parameters",
       {{"full_attention", {{"rope_type", "linear"}, {"factor", 8}, {"rope_theta", 5e5}}},
        {"sliding_attention", {{"rope_type", "default"}, {"rope_theta", 2e4}}}}}};
  const auto old_config = read_changed(old_keys), new_config = read_changed(new_keys);
  // In two parentheses: libtorch's operator would print them, and cannot.
  CHECK((old_config.layer_rope == std::vector<Rope>{Rope::Local, Rope::Main}));
  CHECK((new_config.layer_rope == old_config.layer_rope));
  CHECK(old_config.rope.theta == 5e5);
  CHECK(old_config.local_rope.theta == 2e4);
  CHECK(new_config.rope.inv_freq == old_config.rope.inv_freq);
  CHECK(new_config.local_rope.inv_freq == old_config.local_rope.inv_freq);
  CHECK(old_config.rope_of(0) == &old_config.local_rope);

  const auto smollm = read_changed({{"model_type", "smollm3"}, {"no_rope_layer_interval", 2}});
  CHECK(smollm.rope_of(0) == &smollm.rope);
  CHECK(smollm.rope_of(1) == nullptr);
}

TEST_CASE("keys of one family are not read in another") {
  const auto llama = read_changed({{"query_pre_attn_scalar", 4},
                                   {"attn_logit_softcapping", 5},
                                   {"logits_scaling", 8},
                                   {"no_rope_layers", {0, 0}}});
  CHECK(llama.attention_scale == 0);
  CHECK(llama.attention_softcap == 0);
  CHECK(llama.logit_divisor == 1);
  CHECK(llama.rope_of(0) != nullptr);
  const auto gemma2 = read_changed({{"model_type", "gemma2"}, {"query_pre_attn_scalar", 4}});
  CHECK(gemma2.score_scale() == 0.5);
  CHECK(gemma2.attention_softcap == 50);
  CHECK(gemma2.logit_softcap == 30);
}

TEST_CASE("rope_scaling beside rope_parameters wins but for their theta") {
  const Json yarn = {{"rope_type", "yarn"}, {"factor", 4}, {"original_max_position_embeddings", 64}};
  Json both = yarn;
  both["rope_theta"] = 5e5;
  const auto expected = read_changed({{"rope_theta", nullptr}, {"rope_parameters", both}});
  const auto late = read_changed(
      {{"rope_theta", nullptr},
       {"rope_parameters", {{"rope_type", "default"}, {"rope_theta", 5e5}}},
       {"rope_scaling", yarn}});
  CHECK(late.rope.scaling == "yarn");
  CHECK(late.rope.inv_freq == expected.rope.inv_freq);
  CHECK(late.rope.attention_scaling == expected.rope.attention_scaling);
  const auto empty = read_changed({{"rope_theta", nullptr},
                                   {"rope_parameters", both},
                                   {"rope_scaling", Json::object()}});
  CHECK(empty.rope.inv_freq == expected.rope.inv_freq);
}

TEST_CASE("YaRN's magnitude when one of its factors is 0 or absent") {
  const auto scaling = [](const Json& more) {
    Json yarn = {{"type", "yarn"}, {"factor", 4}, {"original_max_position_embeddings", 64}};
    yarn.update(more);
    return read_changed({{"rope_scaling", yarn}}).rope.attention_scaling;
  };
  const double plain = scaling(Json::object());
  CHECK(plain == Approx(0.1 * std::log(4.0) + 1));
  CHECK(scaling({{"mscale", 0.7}, {"mscale_all_dim", 0}}) == plain);
  CHECK(scaling({{"mscale", 0.0}, {"mscale_all_dim", 0.7}}) == plain);
  CHECK(scaling({{"mscale", 0.7}}) == plain);
  CHECK(scaling({{"mscale", 0.7}, {"mscale_all_dim", 0.7}}) == 1);
  CHECK(scaling({{"attention_factor", 1.5}}) == 1.5);
  CHECK(scaling({{"beta_fast", 0}, {"beta_slow", nullptr}}) == plain);
}

TEST_CASE("frequencies that depend on the length a text begins with") {
  Json longrope = {{"type", "longrope"},
                   {"long_factor", {1, 2, 3, 4, 5}},
                   {"short_factor", {1, 1, 1, 1, 2}}};
  const auto phi = read_changed({{"model_type", "phi3"},
                                 {"original_max_position_embeddings", 64},
                                 {"max_position_embeddings", 256},
                                 {"rope_scaling", longrope}});
  const auto plain = read_changed(Json::object()).rope.inv_freq;
  CHECK(phi.rope.frequencies(64) == phi.rope.inv_freq);
  CHECK(phi.rope.frequencies(65)[3] == Approx(plain[3] / 4));
  CHECK(phi.rope.frequencies(64)[4] == Approx(plain[4] / 2));
  CHECK(phi.rope.attention_scaling == Approx(std::sqrt(1 + std::log(4.0) / std::log(64.0))));
  longrope["type"] = "su";
  CHECK(read_changed({{"model_type", "phi3"}, {"rope_scaling", longrope}}).rope.scaling ==
        "longrope");

  const auto dynamic = read_changed({{"max_position_embeddings", 100},
                                     {"rope_scaling", {{"type", "dynamic"}, {"factor", 2}}}});
  CHECK(dynamic.rope.frequencies(100) == plain);
  // transformers 5.2: base (factor n / max - (factor - 1)) ^ (dim / (dim - 2)), here 3 ^ (10 / 8)
  CHECK(dynamic.rope.frequencies(200)[1] ==
        Approx(std::pow(10000 * std::pow(3.0, 1.25), -2.0 / 10)));
}

TEST_CASE("what a config leaves out or says loosely") {
  CHECK(read_changed({{"num_key_value_heads", nullptr}}).n_kv_heads == 4);
  for (const char* family : {"mistral", "qwen2", "qwen3", "phi3", "olmo2", "granite"})
    CHECK(read_changed({{"model_type", family}, {"num_key_value_heads", nullptr}}).n_kv_heads == 4);
  const auto dtype = [](const Json& name) {
    return read_changed({{"dtype", nullptr}, {"torch_dtype", name}}).checkpoint_dtype;
  };
  CHECK(dtype("torch.bfloat16") == DType::BFloat16);
  CHECK(dtype("float16") == DType::Float16);

  const TempFolder dir;  // explicit null, which merge_patch would remove
  Json config = tiny_config();
  config["num_key_value_heads"] = nullptr;
  write_text(dir.path() / "config.json", config.dump());
  CHECK(read_config(dir.path()).n_kv_heads == 4);
}

TEST_CASE("a text model within one that sees") {
  Json text = tiny_config();
  text.erase("eos_token_id");
  text["model_type"] = "gemma3_text";
  for (const char* key : {"vocab_size", "num_attention_heads", "num_key_value_heads", "head_dim"})
    text.erase(key);
  const TempFolder dir;
  const Json whole = {{"model_type", "gemma3"},
                      {"text_config", text},
                      {"vision_config", {{"hidden_size", 8}}},
                      {"torch_dtype", "bfloat16"},
                      {"eos_token_id", {1, 106}}};
  write_text(dir.path() / "config.json", whole.dump());
  const auto config = read_config(dir.path());
  CHECK(config.family == "gemma3_text");
  CHECK(config.hidden_size == 40);
  CHECK((config.vocab_size == 262208 && config.n_heads == 8 && config.n_kv_heads == 4 &&
         config.head_dim == 256));
  CHECK(config.eos_token_ids == std::vector<int64_t>{1, 106});
  CHECK(config.tied_embeddings);
}

TEST_CASE("no dtype named means the checkpoint's own") {
  AlteredCheckpoint model("qwen3");  // stored as bfloat16
  for (const Json& said : {Json(), Json("auto")}) {
    model.config.erase("torch_dtype");
    model.config["dtype"] = said;
    CHECK(model.load()->dtype() == DType::BFloat16);
  }
  AlteredCheckpoint wide("llama_mha");
  wide.config.erase("torch_dtype");
  CHECK(wide.load()->dtype() == DType::Float32);
}
