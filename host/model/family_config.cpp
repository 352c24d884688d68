// SPDX-License-Identifier: Apache-2.0
#include "model/family_config.hpp"

namespace kvhost {

namespace {

// What transformers reads in the families alone whose defaults name it.
constexpr const char* kFamilyKeys[] = {
    "attention_multiplier",   "attn_logit_softcapping", "embedding_multiplier",
    "final_logit_softcapping", "logits_scaling",         "no_rope_layer_interval",
    "no_rope_layers",          "qkv_bias",               "query_pre_attn_scalar",  "residual_multiplier",
    "rope_local_base_freq",    "sliding_window_pattern"};

// Written beside text_config rather than in it.
constexpr const char* kOuterKeys[] = {
    "bos_token_id", "dtype", "eos_token_id", "quantization_config", "torch_dtype"};

const Wrapper* wrapper_of(const JsonFields& fields) {
  return fields.has("model_type") ? find_wrapper(fields.text_or("model_type", "")) : nullptr;
}

}  // namespace

bool is_wrapped(const JsonFields& fields) { return wrapper_of(fields) != nullptr; }

nlohmann::json text_part(const std::filesystem::path& file, const nlohmann::json& json) {
  const JsonFields fields(file, json);
  const Wrapper* wrapper = wrapper_of(fields);
  if (!wrapper) return json;
  if (!fields.object("text_config"))
    fields.refuse("text_config", "the config of the text model in a " +
                                     std::string(wrapper->model_type) + " model");
  nlohmann::json text = json.at("text_config");
  text.emplace("model_type", wrapper->text_type);
  for (const char* key : kOuterKeys)
    if (fields.has(key)) text.emplace(key, json.at(key));
  // Outside it is true where left out; a head that is stored counts in any case.
  text["tie_word_embeddings"] = fields.flag_or("tie_word_embeddings", true);
  return text;
}

nlohmann::json with_defaults(const Family& family, const nlohmann::json& written) {
  nlohmann::json out = nlohmann::json::parse(family.defaults);
  nlohmann::json kept = written;
  for (const char* key : kFamilyKeys)
    if (!out.contains(key)) kept.erase(key);
  out.update(kept);
  return out;
}

}  // namespace kvhost
