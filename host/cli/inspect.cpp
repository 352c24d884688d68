// SPDX-License-Identifier: Apache-2.0
#include "cli/inspect.hpp"

#include <algorithm>
#include <iomanip>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/text.hpp"

namespace kvhost {

namespace {

using Json = nlohmann::json;

int64_t count_of(const std::vector<int64_t>& shape) {
  int64_t n = 1;
  for (const int64_t size : shape) n *= size;
  return n;
}

// Keys and values of one token in all layers, in the checkpoint's dtype.
int64_t cache_bytes(const ModelConfig& c) {
  return 2 * c.n_layers * c.n_kv_heads * c.head_dim * element_size(c.checkpoint_dtype);
}

Json sizes_json(const ModelConfig& c) {
  const auto windowed = std::count_if(
      c.sliding_window.begin(), c.sliding_window.end(), [](int64_t window) { return window > 0; });
  return {{"n_layers", c.n_layers},
          {"hidden_size", c.hidden_size},
          {"intermediate_size", c.intermediate_size},
          {"n_heads", c.n_heads},
          {"n_kv_heads", c.n_kv_heads},
          {"head_dim", c.head_dim},
          {"n_window_layers", windowed},
          {"vocab_size", c.vocab_size},
          {"max_positions", c.max_positions},
          {"tied_embeddings", c.tied_embeddings},
          {"rope", {{"scaling", c.rope.scaling}, {"theta", c.rope.theta}}}};
}

Json tensors_json(const std::vector<TensorFacts>& tensors) {
  Json out = Json::array();
  for (const auto& tensor : tensors)
    out.push_back({{"name", tensor.name},
                   {"type", tensor.type},
                   {"shape", tensor.shape},
                   {"bytes", tensor.bytes},
                   {"used", tensor.used}});
  return out;
}

std::string shape_of(const Json& tensor) {
  std::vector<std::string> sizes;
  for (const auto& size : tensor["shape"]) sizes.push_back(std::to_string(size.get<int64_t>()));
  return "[" + join(sizes, ", ") + "]";
}

std::string number(const Json& value) { return std::to_string(value.get<int64_t>()); }

std::string attention_line(const Json& sizes) {
  std::string out = number(sizes["n_heads"]) + " query heads over " + number(sizes["n_kv_heads"]) +
                    " KV heads of " + number(sizes["head_dim"]);
  if (const int64_t windowed = sizes["n_window_layers"]; windowed > 0)
    out += ", a window in " + std::to_string(windowed) + " of " + number(sizes["n_layers"]) +
           " layers";
  return out;
}

void add_tensors(const Json& tensors, std::ostringstream& out) {
  size_t widest = 0;
  for (const auto& tensor : tensors)
    widest = std::max(widest, tensor["name"].get<std::string>().size());
  for (const auto& tensor : tensors)
    out << "  " << std::left << std::setw(static_cast<int>(widest))
        << tensor["name"].get<std::string>() << "  " << std::setw(8)
        << tensor["type"].get<std::string>() << "  " << std::setw(16) << shape_of(tensor) << "  "
        << format_bytes(tensor["bytes"]) << (tensor["used"] ? "" : "  not used") << '\n';
}

}  // namespace

Json inventory_json(const std::string& model, const ModelInventory& inventory) {
  std::map<std::string, std::pair<int64_t, int64_t>> types;  // tensors, bytes
  int64_t n_parameters = 0, bytes = 0;
  for (const auto& tensor : inventory.tensors) {
    types[tensor.type].first += 1;
    types[tensor.type].second += tensor.bytes;
    bytes += tensor.bytes;
    if (tensor.used) n_parameters += count_of(tensor.shape);
  }
  Json by_type = Json::object(), files = Json::array();
  for (const auto& [type, sum] : types)
    by_type[type] = {{"n_tensors", sum.first}, {"bytes", sum.second}};
  for (const auto& file : inventory.files) files.push_back(file.string());
  const ModelConfig& config = inventory.config;
  return {{"model", model},
          {"family", config.family},
          {"dtype", dtype_name(config.checkpoint_dtype)},
          {"sizes", sizes_json(config)},
          {"files", files},
          {"n_parameters", n_parameters},
          {"weights_bytes", bytes},
          {"types", by_type},
          {"cache_bytes_per_token", cache_bytes(config)},
          {"tensors", tensors_json(inventory.tensors)},
          {"warnings", inventory.warnings},
          {"problem", inventory.problem ? Json(inventory.problem->what()) : Json()}};
}

std::string inventory_text(const Json& inventory, bool each) {
  const Json& sizes = inventory["sizes"];
  std::ostringstream out;
  const auto line = [&](const char* what, const std::string& text) {
    out << std::left << std::setw(12) << what << text << '\n';
  };
  line("model", inventory["model"]);
  line("family",
       inventory["family"].get<std::string>() + ", " + number(sizes["n_layers"]) +
           " layers of width " + number(sizes["hidden_size"]) + ", MLP " +
           number(sizes["intermediate_size"]));
  line("attention", attention_line(sizes));
  line("positions",
       number(sizes["max_positions"]) + ", rope " + sizes["rope"]["scaling"].get<std::string>());
  line("vocabulary",
       number(sizes["vocab_size"]) +
           (sizes["tied_embeddings"] ? ", head tied to the embedding" : ""));
  line("weights",
       number(inventory["n_parameters"]) + " parameters, " +
           format_bytes(inventory["weights_bytes"]) + " in " +
           std::to_string(inventory["files"].size()) +
           (inventory["files"].size() == 1 ? " file" : " files"));
  for (const auto& [type, sum] : inventory["types"].items())
    line("", type + ": " + number(sum["n_tensors"]) + " tensors, " + format_bytes(sum["bytes"]));
  line("cache",
       format_bytes(inventory["cache_bytes_per_token"]) + " a token in " +
           inventory["dtype"].get<std::string>());
  if (each) add_tensors(inventory["tensors"], out);
  for (const auto& warning : inventory["warnings"]) line("note", warning);
  return out.str();
}

}  // namespace kvhost
