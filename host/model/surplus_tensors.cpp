// SPDX-License-Identifier: Apache-2.0
#include "model/surplus_tensors.hpp"

#include <algorithm>
#include <cctype>

#include "base/error.hpp"
#include "model/float_tensor.hpp"
#include "model/name_list.hpp"

namespace kvhost {

namespace {

// Tensors that come with a weight or stand in a layer, and the value with which they do nothing.
struct Neutral {
  const char* ending;
  double value;
};
constexpr Neutral kNeutral[] = {
    {".bias", 0}, {"norm.weight", 1}, {".weight_scale", 1}, {".weight_scale_inv", 1}};

// Endings that quantisers give to what they put in place of ".weight".
constexpr const char* kQuantised[] = {
    ".qweight", ".weight_packed", ".weight.absmax", ".weight_blocks", "_blocks", ".w_q"};

bool is_norm(const std::string& name) { return name.ends_with("norm.weight"); }

bool tells_of_another_model(const ModelConfig& config,
                            const TensorNames& names,
                            const StoredTensor& tensor) {
  const std::string& name = tensor.name;
  const int64_t layer = names.layer_of(name);
  const std::string weight = name.substr(0, name.rfind('.')) + ".weight";
  const bool beside_used =
      (layer >= 0 && layer < config.n_layers) || (weight != name && names.meaning(weight));
  for (const auto& [ending, value] : kNeutral)
    if (name.ends_with(ending))
      return beside_used &&
             !all_are(tensor, value - (is_norm(name) && config.norm_adds_one ? 1 : 0));
  return false;
}

// Whether two names differ in one place, by a few letters; other numbers are other layers.
bool almost_same(const std::string& a, const std::string& b) {
  constexpr size_t kFew = 4;
  const size_t most = std::min(a.size(), b.size());
  size_t start = 0, end = 0;
  while (start < most && a[start] == b[start]) ++start;
  while (end < most - start && a[a.size() - 1 - end] == b[b.size() - 1 - end]) ++end;
  const std::string other =
      a.substr(start, a.size() - start - end) + b.substr(start, b.size() - start - end);
  const bool number =
      std::any_of(other.begin(), other.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
  return !number && std::max(a.size(), b.size()) - start - end <= kFew;
}

}  // namespace

void refuse_telling(const ModelConfig& config,
                    const Checkpoint& checkpoint,
                    const TensorNames& names,
                    const std::vector<std::string>& surplus) {
  std::vector<std::string> telling;
  for (const auto& name : surplus)
    if (tells_of_another_model(config, names, checkpoint.tensors.at(name))) telling.push_back(name);
  if (telling.empty()) return;
  const bool one = telling.size() == 1;
  cannot_load(checkpoint.source.string(),
              (one ? "tensor " : "tensors ") + some_of(telling) + (one ? " changes" : " change") +
                  " what the model computes, but config.json describes a " + config.family +
                  " model without; expected the config.json that goes with these weights");
}

std::string hint_for(const std::string& missing, const std::vector<std::string>& surplus) {
  const std::string stem = missing.substr(0, missing.rfind('.'));
  for (const auto& name : surplus)
    for (const char* ending : kQuantised)
      if (name == stem + ending)
        return "; " + name + " is there: quantised weights, of which kvhost reads GGUF files only";
  for (const auto& name : surplus)
    if (almost_same(missing, name)) return "; " + name + " is there and not used";
  return "";
}

}  // namespace kvhost
