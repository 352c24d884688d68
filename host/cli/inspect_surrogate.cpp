// SPDX-License-Identifier: Apache-2.0
#include "cli/inspect_surrogate.hpp"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/text.hpp"

namespace kvhost {
namespace {

using Json = nlohmann::json;

// Of the model's tensors that every token goes through: all but the embedding, which is looked up.
int64_t model_parameters(const ModelInventory& model) {
  int64_t all = 0;
  for (const auto& tensor : model.tensors) {
    int64_t n = 1;
    for (const int64_t size : tensor.shape) n *= size;
    if (tensor.used) all += n;
  }
  const int64_t embedding = model.config.vocab_size * model.config.hidden_size;
  return model.config.tied_embeddings ? all : all - embedding;
}

Json beside(const train::SurrogateFacts& facts, const ModelInventory& model) {
  const ModelConfig& c = model.config;
  const int64_t parameters = model_parameters(model);
  int64_t bytes = 0;
  for (const auto& tensor : model.tensors) bytes += tensor.bytes;
  const bool fits = facts.n_layers == c.n_layers && facts.n_inputs == c.hidden_size &&
                    facts.n_outputs == c.n_kv_heads;
  return {{"n_parameters", parameters},
          {"weights_bytes", bytes},
          {"flops_per_token", 2 * parameters},
          {"fits", fits}};
}

}  // namespace

Json surrogate_json(const std::string& file,
                    const train::SurrogateFacts& facts,
                    const std::optional<ModelInventory>& model) {
  return {{"file", file},
          {"type", train::type_name(facts.type)},
          {"n_layers", facts.n_layers},
          {"n_inputs", facts.n_inputs},
          {"n_hidden", facts.n_hidden},
          {"n_outputs", facts.n_outputs},
          {"n_parameters", facts.n_parameters},
          {"bytes", facts.bytes},
          {"flops_per_token", facts.flops_per_token},
          {"metadata", facts.metadata},
          {"model", model ? beside(facts, *model) : Json()}};
}

std::string surrogate_text(const Json& surrogate) {
  const auto number = [](const Json& from, const char* key) { return from[key].get<int64_t>(); };
  const int64_t hidden = number(surrogate, "n_hidden");
  std::string out = surrogate["file"].get<std::string>() + ": " +
                    surrogate["type"].get<std::string>() + " surrogate, " +
                    std::to_string(number(surrogate, "n_layers")) + " layers of " +
                    std::to_string(number(surrogate, "n_inputs")) +
                    (hidden > 0 ? " -> " + std::to_string(hidden) : "") + " -> " +
                    std::to_string(number(surrogate, "n_outputs")) + "\n";
  const Json& model = surrogate["model"];
  const auto line =
      [&](const char* name, const std::string& value, const char* key, const char* own) {
        char share[48] = "";
        if (!model.is_null())
          std::snprintf(share,
                        sizeof share,
                        ", %.3f %% of the model's",
                        100.0 * surrogate[own].get<double>() / model[key].get<double>());
        out += std::string("  ") + name + value + share + "\n";
      };
  line("parameters       ",
       std::to_string(number(surrogate, "n_parameters")),
       "n_parameters",
       "n_parameters");
  line("bytes            ", format_bytes(number(surrogate, "bytes")), "weights_bytes", "bytes");
  line("FLOPs per token  ",
       std::to_string(number(surrogate, "flops_per_token")),
       "flops_per_token",
       "flops_per_token");
  for (const auto& [key, value] : surrogate["metadata"].items())
    out += "  " + key + "  " + value.get<std::string>() + "\n";
  if (!model.is_null() && !model["fits"].get<bool>())
    out += "  note: layers, hidden size or KV heads are not this model's\n";
  return out;
}

}  // namespace kvhost
