// SPDX-License-Identifier: Apache-2.0
#include "model/rope_config.hpp"

#include <cmath>
#include <optional>

#include "model/config_limits.hpp"
#include "model/rope_scaling.hpp"

namespace kvhost {

namespace {

// Where the values of one rotation are looked for, first to last.
struct Sources {
  std::vector<JsonFields> fields;  // never empty; the last one is config.json itself
  bool scaled = false;             // the first one says how the context is extended

  const JsonFields* find(const std::string& key) const {
    for (const auto& source : fields)
      if (source.has(key)) return &source;
    return nullptr;
  }
};

std::optional<JsonFields> filled(const std::optional<JsonFields>& fields) {
  return fields && !fields->empty() ? fields : std::nullopt;
}

bool is_per_type(const JsonFields& parameters) {
  return parameters.has("full_attention") || parameters.has("sliding_attention");
}

// Of the layers that see everything, which are all where rotations do not differ.
Sources main_sources(const JsonFields& top) {
  Sources out;
  if (const auto scaling = filled(top.object("rope_scaling"))) out.fields.push_back(*scaling);
  auto parameters = filled(top.object("rope_parameters"));
  if (parameters && is_per_type(*parameters))
    parameters = filled(parameters->object("full_attention"));
  if (parameters) out.fields.push_back(*parameters);
  out.scaled = !out.fields.empty();
  out.fields.push_back(top);
  return out;
}

Sources local_sources(const JsonFields& top) {
  Sources out;
  const auto parameters = top.object("rope_parameters");
  if (parameters)
    if (const auto local = filled(parameters->object("sliding_attention")))
      out.fields.push_back(*local);
  out.scaled = !out.fields.empty();
  out.fields.push_back(top);
  return out;
}

int64_t read_rotary_dim(const Family& family, const Sources& sources, int64_t head_dim) {
  std::string key = "partial_rotary_factor";
  const JsonFields* source = sources.find(key);
  if (!source && family.rotary_share_key) {
    key = family.rotary_share_key;
    source = sources.find(key);
  }
  if (!source) return head_dim;
  const double share = source->positive(key);
  const auto dim = static_cast<int64_t>(static_cast<double>(head_dim) * std::min(share, 2.0));
  if (dim < 2 || dim > head_dim || dim % 2 != 0)
    source->refuse(key,
                   "a share of head_dim (" + std::to_string(head_dim) +
                       ") that is an even number of dimensions, here " + std::to_string(dim));
  return dim;
}

double read_theta(const Sources& sources, const std::string& top_key) {
  const std::string key = "rope_theta";
  for (size_t i = 0; i + 1 < sources.fields.size(); ++i)
    if (sources.fields[i].has(key)) return sources.fields[i].positive(key);
  const JsonFields& top = sources.fields.back();
  return top.positive_or(top_key, top.positive_or(key, 10000));
}

// theta ^ (-2i / dim), float32 as in transformers.
std::vector<float> plain_frequencies(double theta, int64_t dim) {
  std::vector<float> out;
  for (int64_t i = 0; i < dim; i += 2)
    out.push_back(1.0F / std::pow(static_cast<float>(theta),
                                  static_cast<float>(i) / static_cast<float>(dim)));
  return out;
}

RopeConfig read_rope(const Family& family,
                     const Sources& sources,
                     const std::string& theta_key,
                     const ModelConfig& config) {
  RopeConfig rope;
  rope.rotary_dim = read_rotary_dim(family, sources, config.head_dim);
  rope.theta = read_theta(sources, theta_key);
  rope.inv_freq = plain_frequencies(rope.theta, rope.rotary_dim);
  if (!sources.scaled) return rope;
  const JsonFields &own = sources.fields.front(), &top = sources.fields.back();
  const char* trained_key = "original_max_position_embeddings";
  const int64_t inner = own.integer_or(trained_key, 1, kMostPositions, config.max_positions);
  const int64_t trained = top.integer_or(trained_key, 1, kMostPositions, inner);
  extend_context({own, trained, config.max_positions, family.model_type}, rope);
  return rope;
}

void read_query_growth(const Sources& sources, ModelConfig& config) {
  const JsonFields* source = sources.find("llama_4_scaling_beta");
  if (!source) return;
  config.query_growth = source->number_or("llama_4_scaling_beta", 0);
  config.query_growth_period =
      source->integer_or("original_max_position_embeddings", 1, kMostPositions,
                         config.max_positions);
}

}  // namespace

void read_ropes(const Family& family, const JsonFields& fields, ModelConfig& config) {
  const Sources sources = main_sources(fields);
  config.rope = read_rope(family, sources, family.rope_theta_key, config);
  read_query_growth(sources, config);
  for (const auto kind : config.layer_rope)
    if (kind == ModelConfig::LayerRope::Local && config.local_rope.inv_freq.empty())
      config.local_rope =
          read_rope(family, local_sources(fields), "rope_local_base_freq", config);
}

std::vector<float> RopeConfig::frequencies(int64_t n_first) const {
  if (short_positions == 0 || n_first <= short_positions) return inv_freq;
  if (!long_inv_freq.empty()) return long_inv_freq;
  // Dynamic NTK: theta is stretched so that the longest wave covers the text.
  const auto dim = static_cast<double>(rotary_dim);
  const double stretch =
      dynamic_factor * static_cast<double>(n_first) / static_cast<double>(short_positions) -
      (dynamic_factor - 1);
  return plain_frequencies(theta * std::pow(stretch, dim / (dim - 2)), rotary_dim);
}

}  // namespace kvhost
