// SPDX-License-Identifier: Apache-2.0
// GGUF files against the folders they were made of, and against transformers. Regenerate: python
// tests/oracle/gguf_golden.py
#include <ATen/Functions.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <fstream>
#include <set>

#include "base/error.hpp"
#include "decoder_fixture.hpp"
#include "model/weight_slots.hpp"
#include "model_files.hpp"

using namespace kvhost;
using namespace kvhost::test;

namespace {

const std::filesystem::path kGgufs =
    std::filesystem::path(KVHOST_SOURCE_DIR) / "tests/golden/gguf";
// Their files hold the metadata and the embedding alone.
const std::set<std::string> kMetadataOnly = {"llama3_rope", "llama_yarn", "llama_linear"};

std::vector<std::string> gguf_models() {
  std::vector<std::string> names;
  for (const auto& file : std::filesystem::directory_iterator(kGgufs))
    if (file.path().extension() == ".gguf" && file.path().stem() != "types")
      names.push_back(file.path().stem());
  std::sort(names.begin(), names.end());
  return names;
}

std::filesystem::path gguf_of(const std::string& name) { return kGgufs / (name + ".gguf"); }

// What an architecture has fixed, so that a file cannot say it: the scale of scores in Gemma, and
// that each fourth layer of SmolLM3 does not rotate.
ModelConfig as_gguf_has_it(ModelConfig config) {
  if (config.family == "gemma2" || config.family == "gemma3_text")
    config.attention_scale = 1 / std::sqrt(static_cast<double>(config.head_dim));
  if (config.family == "smollm3")
    for (size_t i = 0; i < config.layer_rope.size(); ++i)
      config.layer_rope[i] =
          (i + 1) % 4 == 0 ? ModelConfig::LayerRope::None : ModelConfig::LayerRope::Main;
  return config;
}

void check_same_rope(const RopeConfig& a, const RopeConfig& b) {
  CHECK(a.rotary_dim == b.rotary_dim);
  CHECK(a.theta == b.theta);
  CHECK(a.attention_scaling == Approx(b.attention_scaling).epsilon(1e-6));
  CHECK(a.short_positions == b.short_positions);
  CHECK(a.scaling == b.scaling);
  const auto same = [](const std::vector<float>& x, const std::vector<float>& y) {
    REQUIRE(x.size() == y.size());
    for (size_t i = 0; i < x.size(); ++i) CHECK(x[i] == Approx(y[i]).epsilon(1e-6));
  };
  same(a.inv_freq, b.inv_freq);
  same(a.long_inv_freq, b.long_inv_freq);
}

void check_same_sizes(const ModelConfig& a, const ModelConfig& b) {
  CHECK(a.family == b.family);
  CHECK(a.n_layers == b.n_layers);
  CHECK(a.n_heads == b.n_heads);
  CHECK(a.n_kv_heads == b.n_kv_heads);
  CHECK(a.head_dim == b.head_dim);
  CHECK(a.hidden_size == b.hidden_size);
  CHECK(a.intermediate_size == b.intermediate_size);
  CHECK(a.vocab_size == b.vocab_size);
  CHECK(a.max_positions == b.max_positions);
  CHECK(a.sliding_window == b.sliding_window);
  CHECK((a.layer_rope == b.layer_rope));
  CHECK(a.eos_token_ids == b.eos_token_ids);
  CHECK(a.bos_token_id == b.bos_token_id);
  CHECK(a.experts.n_experts == b.experts.n_experts);
  CHECK(a.experts.n_chosen == b.experts.n_chosen);
  CHECK(a.experts.width == b.experts.width);
  CHECK(a.experts.shared_width == b.experts.shared_width);
  CHECK(a.experts.shares_sum_to_1 == b.experts.shares_sum_to_1);
  CHECK((a.experts.in_layer == b.experts.in_layer));
}

void check_same_switches(const ModelConfig& a, const ModelConfig& b) {
  CHECK((a.norm == b.norm));
  CHECK(a.norm_eps == b.norm_eps);
  CHECK((a.activation == b.activation));
  CHECK(a.gated_mlp == b.gated_mlp);
  CHECK(a.parallel_residual == b.parallel_residual);
  CHECK((a.qk_norm == b.qk_norm));
  CHECK(a.attention_bias == b.attention_bias);
  CHECK(a.output_bias == b.output_bias);
  CHECK(a.mlp_bias == b.mlp_bias);
  CHECK(a.tied_embeddings == b.tied_embeddings);
  CHECK(a.score_scale() == Approx(b.score_scale()).epsilon(1e-7));
  CHECK(a.attention_softcap == b.attention_softcap);
  CHECK(a.logit_softcap == b.logit_softcap);
  CHECK(a.embedding_scale == b.embedding_scale);
  CHECK(a.residual_scale == b.residual_scale);
  CHECK(a.logit_divisor == b.logit_divisor);
  CHECK(a.query_growth == b.query_growth);
  CHECK(a.query_growth_period == b.query_growth_period);
}

void check_same_weights(const Weights& a, const Weights& b) {
  ModelWeights from_gguf = a.tensors(), from_folder = b.tensors();
  const auto left = weight_slots(a.config(), from_gguf), right = weight_slots(b.config(), from_folder);
  REQUIRE(left.size() == right.size());
  for (size_t i = 0; i < left.size(); ++i) {
    INFO(left[i].name);
    REQUIRE(left[i].name == right[i].name);
    const auto numbers = [](const WeightSlot& slot) {
      return slot.matrix ? slot.matrix->numbers(DType::BFloat16) : *slot.vector;
    };
    CHECK(at::equal(numbers(left[i]), numbers(right[i])));
  }
}

std::string refusal(const std::filesystem::path& path) {
  try {
    Weights::load(path);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

// A file whose bytes `from` are `to`, of the same length.
std::string changed(const std::string& name, const std::string& from, const std::string& to) {
  std::ifstream in(gguf_of(name), std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  const size_t at = bytes.find(from);
  REQUIRE(from.size() == to.size());
  REQUIRE(at != std::string::npos);
  return bytes.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("a GGUF file's metadata means what config.json says", "[gguf]") {
  for (const auto& name : gguf_models()) {
    INFO(name);
    REQUIRE_FALSE(model_dir(name).empty());
    const ModelConfig a = read_config(gguf_of(name));
    ModelConfig b = as_gguf_has_it(read_config(model_dir(name)));
    b.tied_embeddings = b.tied_embeddings || kMetadataOnly.contains(name);  // no head is stored
    check_same_sizes(a, b);
    check_same_switches(a, b);
    check_same_rope(a.rope, b.rope);
    check_same_rope(a.local_rope, b.local_rope);
    CHECK_FALSE(a.norm_adds_one);
    CHECK(a.dir == kGgufs);
  }
}

TEST_CASE("a GGUF file gives the weights of the folder it was made of", "[gguf]") {
  for (const auto& name : gguf_models()) {
    if (kMetadataOnly.contains(name)) continue;
    INFO(name);
    const auto a = Weights::load(gguf_of(name), DType::BFloat16);
    check_same_weights(*a, *Weights::load(model_dir(name), DType::BFloat16));
    CHECK(a->warnings().empty());
  }
}

TEST_CASE("a GGUF file with every type has the logits of transformers", "[gguf]") {
  const OneThread quick;
  std::ifstream in(kGgufs / "types.json");
  const auto expected = nlohmann::json::parse(in);
  const auto prompt = expected.at("prompt").get<Tokens>();
  const at::Tensor logits = golden_logits(expected);
  const double allowed = 1e-4 * expected.at("max_abs_logit").get<double>();
  const auto weights = Weights::load(kGgufs / "types.gguf", DType::Float32);
  const int64_t n = logits.size(0);
  const auto last = [&](const at::Tensor& all) { return all.narrow(0, all.size(0) - n, n); };
  CHECK(max_difference(last(reference_logits(*weights, prompt)), logits) <= allowed);
  const Decoder decoder(weights);
  CHECK(max_difference(last(in_blocks(decoder, prompt, prompt.size())), logits) <= allowed);
  CHECK(max_difference(last(in_blocks(decoder, prompt, 1)), logits) <= allowed);
  // Blocks stay where they are.
  const auto& layer = weights->tensors().layers[0];
  CHECK(layer.v.weight.quantised());
  CHECK(layer.q.weight.type() == WeightType::Q2_K);
  CHECK(Weights::load(kGgufs / "types.gguf")->dtype() == DType::BFloat16);
}

TEST_CASE("GGUF files of models that are not as they say are refused", "[gguf]") {
  const TempFolder dir;
  const auto file = dir.path() / "model.gguf";
  const auto refuses = [&](const std::string& bytes, const std::string& message) {
    write_text(file, bytes);
    CHECK_THAT(refusal(file), Catch::StartsWith(file.string() + ": ") && Catch::Contains(message));
  };
  const std::string five("\5\0\0\0\0\0\0\0", 8);
  refuses(changed("llama_gqa", five + "llama", five + "lamma"),
          "'general.architecture' is 'lamma'; expected one of gemma, gemma2");
  const std::string q = "blk.0.attn_q.weight";
  refuses(changed("llama_gqa", q, "blk.0.attn_x.weight"), "tensor " + q + " is missing; expected");
  refuses(changed("llama_gqa", "token_embd.weight", "token_embx.weight"),
          "tensor 'token_embd.weight' is missing");
  const auto value_length = [](char n) {
    return std::string("llama.attention.value_length\4\0\0\0", 32) + n;
  };
  refuses(changed("llama_gqa", value_length(8), value_length(9)),
          "'llama.attention.value_length' is 9; expected the length of the keys, 8");
  // Read as config.json's key, and named as the file has it.
  const auto n_layers = [](char n) { return std::string("llama.block_count\4\0\0\0", 21) + n; };
  refuses(changed("llama_gqa", n_layers(2), n_layers(0)),
          "'llama.block_count' is 0; expected an integer from 1 to");
  CHECK_THAT(refusal(gguf_of("llama3_rope")), Catch::Contains("are missing; expected those of a llama"));
}
