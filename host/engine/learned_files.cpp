// SPDX-License-Identifier: Apache-2.0
#include "engine/learned_files.hpp"

#include <algorithm>
#include <filesystem>
#include <kvhost/resources.hpp>

#include "base/error.hpp"
#include "base/text.hpp"
#include "format/safetensors.hpp"
#include "kvhost/layout_parts.h"
#include "method/extension.hpp"

namespace kvhost {
namespace {

struct LearnedFile {
  std::string given, usual;  // as a parameter names it; what it is called beside the model
  const char* command = "";  // that makes one
};

std::string text_of(const registry::Value& value) {
  const auto* text = value.if_is<std::string>();
  return text ? *text : "";
}

// What the method reads, where it tells of such a thing at all.
LearnedFile learned_file(const Instance& method, const Node& node) {
  LearnedFile file;
  const auto* surrogate =
      extension_of<kvh_surrogate>(method, KVH_EXT_SURROGATE, KVH_SURROGATE_SIZE_1_0);
  const auto* calibrated =
      extension_of<kvh_calibrate>(method, KVH_EXT_CALIBRATE, KVH_CALIBRATE_SIZE_1_0);
  bool linear = false;
  for (size_t i = 0; i < node.values.size(); ++i) {
    const registry::ParamInfo& param = node.method.params[i];
    if (param.type == KVH_PARAM_FILE) file.given = text_of(node.values[i]);
    linear = linear || (param.type == KVH_PARAM_CHOICE && text_of(node.values[i]) == "linear");
  }
  if (surrogate) {
    const char* usual = linear ? surrogate->file_linear : surrogate->file_mlp;
    file.usual = usual ? usual : "";
    file.command = "train";
  } else if (calibrated) {
    file.usual = calibrated->file ? calibrated->file : "";
    file.command = "calibrate";
  }
  return file;
}

void check_one(const Instance& method, const Node& node, const kvh_model& shown, const Model& model) {
  const LearnedFile file = learned_file(method, node);
  if (file.usual.empty()) return;
  const std::string path = sdk::resource_path(shown, file.given, file.usual);
  if (!path.ends_with(".safetensors") || !std::filesystem::exists(path)) return;
  const auto metadata = read_safetensors_file(path).metadata;
  const auto made_for = metadata.find("model_hash");
  if (made_for == metadata.end()) return;
  const std::string hash = model.weights_hash();
  if (made_for->second == hash) return;
  cannot_load(path,
              "was made for another model, of hash " +
                  kvhost::quoted(made_for->second.substr(0, 12)) + "; expected one made for " +
                  model.facts().path + ", " + kvhost::quoted(hash.substr(0, 12)) + ": `kvhost " +
                  file.command + " " + method.name() +
                  "` makes it, or one whose metadata names no model_hash");
}

// A method and all inside it, which the node has in the same order.
void check(const Instance& method, const Node& node, const kvh_model& shown, const Model& model) {
  check_one(method, node, shown, model);
  for (size_t i = 0; i < method.inner().size(); ++i)
    check(*method.inner()[i], *node.inner[i], shown, model);
}

}  // namespace

void check_learned_files(const Composition& composition, const Press& press, const Model& model) {
  for (size_t i = 0; i < composition.stages.size(); ++i) {
    const auto nodes = composition.stages[i].parts();
    const auto parts = press.stages()[i].parts();
    for (size_t p = 0; p < parts.size(); ++p)
      if (parts[p] && nodes[p]) check(*parts[p], *nodes[p], *press.model(), model);
  }
}

}  // namespace kvhost
