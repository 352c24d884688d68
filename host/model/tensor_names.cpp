// SPDX-License-Identifier: Apache-2.0
#include "model/tensor_names.hpp"

#include <charconv>

namespace kvhost {

namespace {

// What stands before the names of the text part in models that also see.
constexpr const char* kPrefixes[] = {"", "language_model.", "model.language_model."};

std::string without(const std::string& prefix, const std::string& name) {
  return name.starts_with(prefix) ? name.substr(prefix.size()) : name;
}

}  // namespace

TensorNames::TensorNames(const Family& family, std::set<std::string> expected)
    : expected_(std::move(expected)) {
  const std::string embedding = family.names.embedding, layer = family.names.layer;
  prefix_ = embedding.substr(0, embedding.find('.') + 1);
  const std::string inner = without(prefix_, layer);
  layer_start_ = inner.substr(0, inner.find('#'));
}

std::optional<TensorNames::Meaning> TensorNames::meaning(const std::string& stored) const {
  int distance = 0;
  for (const char* wrapper : kPrefixes) {
    if (!stored.starts_with(wrapper)) continue;
    const std::string name = without(wrapper, stored);
    for (const auto& candidate : {name, without(prefix_, name), prefix_ + name}) {
      if (expected_.count(candidate)) return Meaning{candidate, distance};
      ++distance;
    }
  }
  return std::nullopt;
}

int64_t TensorNames::layer_of(const std::string& stored) const {
  for (const char* wrapper : kPrefixes) {
    if (!stored.starts_with(wrapper)) continue;
    const std::string inner = without(prefix_, without(wrapper, stored));
    if (!inner.starts_with(layer_start_)) continue;
    int64_t number = -1;
    const char* const end = inner.data() + inner.size();
    const auto read = std::from_chars(inner.data() + layer_start_.size(), end, number);
    if (read.ec == std::errc() && read.ptr != end && *read.ptr == '.') return number;
  }
  return -1;
}

}  // namespace kvhost
