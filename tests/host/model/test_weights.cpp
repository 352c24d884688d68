// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "base/error.hpp"
#include "decoder_fixture.hpp"
#include "model/checkpoint.hpp"
#include "model_files.hpp"

using namespace kvhost;
using namespace kvhost::test;

namespace {

// Loads llama_mha's weights under a changed config.
void load_changed(const char* changes) {
  const TempFolder dir;
  nlohmann::json config = tiny_config();
  config.merge_patch(nlohmann::json::parse(changes));
  write_text(dir.path() / "config.json", config.dump());
  std::filesystem::copy_file(model_dir("llama_mha") / "model.safetensors",
                             dir.path() / "model.safetensors");
  Weights::load(dir.path());
}

}  // namespace

TEST_CASE("checkpoints that do not fit their config are refused by tensor name") {
  CHECK_THROWS_WITH(load_changed(R"({"num_hidden_layers":3})"),
                    Catch::Contains("tensors model.layers.2.input_layernorm.weight") &&
                        Catch::Contains("are missing"));
  CHECK_THROWS_WITH(load_changed(R"({"intermediate_size":65})"),
                    Catch::Contains("'model.layers.0.mlp.gate_proj.weight' has shape [64, 40]; "
                                    "expected [65, 40] from config.json"));
  CHECK_THROWS_WITH(load_changed(R"({"attention_bias":true})"),
                    Catch::Contains("self_attn.q_proj.bias"));
  CHECK_THROWS_WITH(load_changed(R"({"vocab_size":127})"),
                    Catch::Contains("'model.embed_tokens.weight' has shape [128, 40]"));
}

TEST_CASE("weights in the checkpoint's dtype stay in the mapped file") {
  const auto weights = Weights::load(model_dir("qwen3"));
  CHECK(weights->dtype() == DType::BFloat16);
  const auto checkpoint = read_checkpoint(model_dir("qwen3"));
  const auto& stored = checkpoint.tensors.at("model.embed_tokens.weight");
  CHECK(std::memcmp(weights->tensors().embedding.dense().const_data_ptr(),
                    stored.data,
                    static_cast<size_t>(stored.bytes)) == 0);
  CHECK(weights->tensors().lm_head.dense().is_same(weights->tensors().embedding.dense()));
  CHECK_FALSE(weights->tensors().embedding.dense().storage().resizable());  // borrowed memory
  CHECK(Weights::load(model_dir("qwen3"), DType::Float32)->tensors().embedding.dense().scalar_type() ==
        at::kFloat);
}

TEST_CASE("random weights are reproducible and run") {
  const ModelConfig config = read_config(model_dir("neox_serial"));
  const auto a = Weights::random(config, DType::Float32, 7),
             b = Weights::random(config, DType::Float32, 7);
  const auto c = Weights::random(config, DType::Float32, 8);
  CHECK(at::equal(a->tensors().layers[1].down.weight.dense(), b->tensors().layers[1].down.weight.dense()));
  CHECK_FALSE(at::equal(a->tensors().layers[1].down.weight.dense(), c->tensors().layers[1].down.weight.dense()));
  const Tokens tokens = some_tokens(9, config.vocab_size);
  CHECK(max_difference(in_blocks(Decoder(a), tokens, 4), reference_logits(*a, tokens)) < 1e-3);
}
