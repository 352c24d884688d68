// SPDX-License-Identifier: Apache-2.0
// Checkpoints as people have them: other prefixes, other heads, tensors that nobody needs.
#include <ATen/ATen.h>

#include <catch2/catch.hpp>
#include <random>

#include "altered_checkpoint.hpp"
#include "model_files.hpp"

using namespace kvhost;
using namespace kvhost::test;
using Catch::Contains;

namespace {

const std::string kEmbedding = "model.embed_tokens.weight", kHead = "lm_head.weight";

// Loads to the same logits as `expected`, with warnings that hold these words, one each.
void check_loads(const AlteredCheckpoint& checkpoint,
                 const at::Tensor& expected,
                 const std::vector<std::string>& warnings = {}) {
  const auto weights = checkpoint.load();
  CHECK(at::equal(logits_of(weights), expected));
  REQUIRE(weights->warnings().size() == warnings.size());
  for (size_t i = 0; i < warnings.size(); ++i)
    CHECK_THAT(weights->warnings()[i], Contains(warnings[i]));
}

void prepend(AlteredCheckpoint& checkpoint, const std::string& prefix) {
  std::vector<std::string> names;
  for (const auto& [name, entry] : checkpoint.tensors) names.push_back(name);
  for (const auto& name : names) checkpoint.rename(name, prefix + name);
}

// The lines of a checkpoint with one more tensor.
AlteredCheckpoint with(const std::string& name, const at::Tensor& numbers) {
  AlteredCheckpoint out("llama_mha");
  out.set(name, numbers);
  return out;
}

}  // namespace

TEST_CASE("names with and without the prefix of the whole model are one model") {
  for (const auto& [model, prefix] : {std::pair<std::string, std::string>{"llama_mha", "model."},
                                      {"neox_parallel", "gpt_neox."},
                                      {"qwen2", "model."}}) {
    INFO(model);
    const AlteredCheckpoint whole(model);
    const at::Tensor expected = whole.logits();
    AlteredCheckpoint base = whole;
    base.strip(prefix);
    check_loads(base, expected);
    AlteredCheckpoint mixed = whole;
    mixed.strip(prefix + "layers.1.");
    for (const auto& [name, entry] : AlteredCheckpoint(mixed).tensors)
      if (!name.starts_with(prefix) && whole.tensors.count(prefix + "layers.1." + name))
        mixed.rename(name, "layers.1." + name);
    check_loads(mixed, expected);
    if (!whole.tensors.count("lm_head.weight")) continue;
    AlteredCheckpoint inner = whole;
    inner.rename("lm_head.weight", "model.lm_head.weight");
    check_loads(inner, expected);
  }
}

TEST_CASE("the text part of a model that also sees is read by its inner names") {
  const AlteredCheckpoint plain("llama_mha");
  const at::Tensor expected = plain.logits();
  AlteredCheckpoint older = plain;
  prepend(older, "language_model.");
  older.set("vision_tower.layers.0.self_attn.q_proj.bias", at::ones({4}));
  check_loads(older, expected, {"1 tensor is not used by a llama model: vision_tower.layers.0"});
  AlteredCheckpoint newer = plain;
  newer.strip("model.");
  newer.rename("lm_head.weight", "keep");
  prepend(newer, "model.language_model.");
  newer.rename("model.language_model.keep", "lm_head.weight");
  check_loads(newer, expected);
}

TEST_CASE("a name as the family spells it comes before one with another prefix") {
  AlteredCheckpoint both("llama_mha");
  const at::Tensor expected = both.logits();
  for (const char* name : {"norm.weight", "language_model.model.norm.weight"})
    both.set(name, at::full({40}, 3));
  check_loads(both, expected, {"2 tensors are not used"});
}

TEST_CASE("a model without its head says what it is") {
  AlteredCheckpoint base("llama_mha");
  base.tensors.erase(kHead);
  base.strip("model.");
  CHECK_THAT(base.refusal(),
             Contains("tensor lm_head.weight is missing") && Contains("tie_word_embeddings") &&
                 Contains("a base model, as transformers' AutoModel saves it"));
  base.set("score.weight", at::ones({2, 40}));
  CHECK_THAT(base.refusal(), Contains("a classifier (it has score.weight)"));
}

TEST_CASE("a stored head counts, whatever the config says of ties") {
  AlteredCheckpoint tied("llama_gqa");
  REQUIRE(tied.config.at("tie_word_embeddings") == true);
  const at::Tensor expected = tied.logits(), embedding = tied.get(kEmbedding);

  AlteredCheckpoint same = tied;
  same.set(kHead, embedding);
  check_loads(same, expected);
  const auto weights = same.load();
  CHECK(weights->tensors().lm_head.dense().is_same(weights->tensors().embedding.dense()));
  same.tensors.erase(kEmbedding);
  check_loads(same, expected);

  AlteredCheckpoint other = tied;
  other.set(kHead, embedding * 1.5 + 0.01);
  AlteredCheckpoint untied = other;
  untied.config["tie_word_embeddings"] = false;
  const at::Tensor own = untied.logits();
  CHECK_FALSE(at::allclose(own, expected));
  check_loads(other, own, {"the stored head is used"});
  CHECK_FALSE(other.load()->config().tied_embeddings);

  tied.tensors.erase(kEmbedding);
  CHECK_THAT(tied.refusal(), Contains("tensor model.embed_tokens.weight is missing"));
}

TEST_CASE("a tied head in another type is compared by its numbers") {
  AlteredCheckpoint tied("llama_gqa");
  const at::Tensor rounded = tied.get(kEmbedding).to(at::kBFloat16);
  tied.set(kEmbedding, rounded);
  const at::Tensor expected = tied.logits();
  tied.tensors[kHead] = {
      "BF16",
      rounded.sizes().vec(),
      std::string(static_cast<const char*>(rounded.const_data_ptr()), rounded.nbytes())};
  check_loads(tied, expected);
}

TEST_CASE("tensors that the model does not use are one warning") {
  const at::Tensor expected = AlteredCheckpoint("llama_mha").logits();
  const std::string layer = "model.layers.0.self_attn.";
  for (const auto& [name, shape] :
       std::map<std::string, std::vector<int64_t>>{{layer + "k_scale", {1}},
                                                   {"score.weight", {2, 40}},
                                                   {"mtp.layers.0.input_layernorm.weight", {40}},
                                                   {"model.layers.2.self_attn.q_proj.bias", {40}},
                                                   {"model.mtp_layers.0.norm.weight", {40}},
                                                   {"visual.blocks.0.attn.qkv.bias", {12}}})
    check_loads(
        with(name, at::rand(shape)), expected, {"1 tensor is not used by a llama model: " + name});
  for (const auto& [name, numbers] :
       std::map<std::string, at::Tensor>{{layer + "q_proj.bias", at::zeros({40})},
                                         {layer + "q_norm.weight", at::ones({10})},
                                         {layer + "q_proj.weight_scale", at::ones({1})},
                                         {"lm_head.bias", at::zeros({128})}})
    check_loads(with(name, numbers), expected, {name});
  check_loads(with(layer + "rotary_emb.inv_freq", at::rand({5})), expected);

  AlteredCheckpoint many("llama_mha");
  for (int i = 0; i < 2; ++i)
    for (const char* part : {"k_scale", "v_scale"})
      many.set("model.layers." + std::to_string(i) + ".self_attn." + part, at::ones({1}));
  check_loads(many, expected, {"4 tensors are not used"});
  CHECK_THAT(many.load()->warnings()[0], Contains("and 1 more"));
}

TEST_CASE("a config with fewer layers than the checkpoint runs the first ones") {
  AlteredCheckpoint fewer("llama_mha"), cut("llama_mha");
  fewer.config["num_hidden_layers"] = cut.config["num_hidden_layers"] = 1;
  std::erase_if(cut.tensors, [](const auto& t) { return t.first.starts_with("model.layers.1."); });
  check_loads(fewer, cut.logits(), {"9 tensors are not used by a llama model: model.layers.1."});
}

TEST_CASE("values that config.json has no place for are refused by name") {
  const std::string layer = "layers.1.self_attn.";
  for (const auto& [name, shape] : std::map<std::string, std::vector<int64_t>>{
           {"model." + layer + "q_proj.bias", {40}},
           {layer + "o_proj.bias", {40}},
           {"language_model.model." + layer + "k_norm.weight", {10}},
           {"model.layers.1.post_feedforward_layernorm.weight", {40}},
           {"model." + layer + "q_proj.weight_scale", {1}},
           {"lm_head.bias", {128}}}) {
    const std::string refusal = with(name, at::full(shape, 0.5)).refusal();
    CHECK_THAT(refusal, Contains("tensor " + name + " changes what the model computes"));
  }
}

TEST_CASE("a norm that multiplies by 1 + weight does nothing with zeros") {
  AlteredCheckpoint zeros("gemma");
  const std::string name = "model.layers.0.self_attn.q_norm.weight";
  const at::Tensor expected = zeros.logits();
  zeros.set(name, at::zeros({12}));
  check_loads(zeros, expected, {"1 tensor is not used by a gemma model: " + name});
  zeros.set(name, at::ones({12}));
  CHECK_THAT(zeros.refusal(), Contains("tensor " + name + " changes what the model computes"));
}

TEST_CASE("what is missing is named, with what looks like it") {
  AlteredCheckpoint misspelt("llama_mha");
  misspelt.rename("model.layers.0.mlp.gate_proj.weight", "model.layers.0.mlp.gate_prj.weight");
  CHECK_THAT(misspelt.refusal(),
             Contains("tensor model.layers.0.mlp.gate_proj.weight is missing") &&
                 Contains("model.layers.0.mlp.gate_prj.weight is there and not used"));
  AlteredCheckpoint other_layer("llama_mha");  // is no misspelling
  other_layer.rename("model.layers.1.mlp.up_proj.weight", "model.layers.2.mlp.up_proj.weight");
  CHECK_THAT(other_layer.refusal(),
             Contains("layers.1.mlp.up_proj.weight is missing") && !Contains("there"));
  AlteredCheckpoint packed("llama_mha");
  packed.rename("model.layers.0.self_attn.q_proj.weight",
                "model.layers.0.self_attn.q_proj.qweight");
  CHECK_THAT(packed.refusal(), Contains("q_proj.qweight is there: quantised weights"));
  AlteredCheckpoint foreign("llama_mha");
  prepend(foreign, "transformer.");
  CHECK_THAT(
      foreign.refusal(),
      Contains("holds no tensor of a llama model") && Contains("found transformer.lm_head.weight"));
}

TEST_CASE("each tensor may have its own type of floating-point numbers") {
  AlteredCheckpoint mixed("llama_mha");
  AlteredCheckpoint rounded = mixed;
  const std::pair<at::ScalarType, const char*> types[] = {
      {at::kBFloat16, "BF16"}, {at::kHalf, "F16"}, {at::kDouble, "F64"}, {at::kFloat, "F32"}};
  size_t i = 0;
  for (auto& [name, entry] : mixed.tensors) {
    const auto& [type, text] = types[i++ % 4];
    const at::Tensor numbers = mixed.get(name).to(type);
    rounded.set(name, numbers);
    entry = {text,
             entry.shape,
             std::string(static_cast<const char*>(numbers.const_data_ptr()), numbers.nbytes())};
  }
  check_loads(mixed, rounded.logits());
}

TEST_CASE("types without numbers matter where the model needs the tensor") {
  for (const char* type : {"F8_E4M3", "F8_E5M2", "I8", "U8"}) {
    AlteredCheckpoint unused("llama_mha"), needed("llama_mha");
    const at::Tensor expected = unused.logits();
    unused.tensors["mtp.fc.weight"] = {type, {40, 40}, std::string(1600, 'a')};
    check_loads(unused, expected, {"mtp.fc.weight"});
    needed.tensors["model.layers.1.self_attn.q_proj.weight"] = {
        type, {40, 40}, std::string(1600, 'a')};
    CHECK_THAT(
        needed.refusal(),
        Contains("'model.layers.1.self_attn.q_proj.weight' is stored as " + std::string(type)));
  }
}

TEST_CASE("a quantization_config counts for what it did to the weights that are needed") {
  AlteredCheckpoint cache("llama_mha");
  const at::Tensor expected = cache.logits();
  cache.config["quantization_config"] = {{"quant_method", "compressed-tensors"},
                                         {"kv_cache_scheme", {{"num_bits", 8}}}};
  check_loads(cache, expected, {"quantization_config (compressed-tensors) is not followed"});
  cache.tensors["model.layers.0.mlp.up_proj.weight"] = {
      "F8_E4M3", {64, 40}, std::string(2560, 'a')};
  CHECK_THAT(cache.refusal(), Contains("is stored as F8_E4M3 (quantised by compressed-tensors)"));
  cache.tensors.erase("model.layers.0.mlp.up_proj.weight");
  cache.set("model.layers.0.mlp.up_proj.weight_packed", at::ones({64, 5}));
  CHECK_THAT(cache.refusal(), Contains("up_proj.weight_packed is there: quantised weights"));
}

TEST_CASE("random renames and removals give the right model or one line that names the tensor") {
  const AlteredCheckpoint plain("llama_mha");
  const at::Tensor expected = plain.logits();
  std::vector<std::string> names;
  for (const auto& [name, entry] : plain.tensors) names.push_back(name);
  std::mt19937 random(7);
  const auto below = [&](size_t n) { return static_cast<size_t>(random() % n); };
  for (int round = 0; round < 120; ++round) {
    AlteredCheckpoint altered = plain;
    const std::string victim = names[below(names.size())];
    const size_t harm = below(4);  // 0 and 1: none
    if (harm == 2) altered.tensors.erase(victim);
    if (harm == 3) {
      std::string misspelt = victim;
      misspelt[below(misspelt.size())] = 'X';
      altered.rename(victim, misspelt);
    }
    const char* prefixes[] = {"", "language_model.", "model.language_model."};
    prepend(altered, prefixes[below(3)]);
    if (below(2)) altered.set("extra_tower." + std::to_string(round), at::rand({3}));
    INFO("round " << round << ", harm " << harm << " to " << victim);
    const std::string refusal = altered.refusal();
    if (harm < 2) {
      REQUIRE(refusal.empty());
      CHECK(at::equal(altered.logits(), expected));
    } else {
      CHECK_THAT(refusal, Contains(victim) && Contains("missing") && !Contains("\n"));
    }
  }
}
