// SPDX-License-Identifier: Apache-2.0
#include "spec/swap.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/text.hpp"
#include "kvhost/method.h"

namespace kvhost {
namespace {

using registry::Kind;

// Outermost first, as compositions nest.
constexpr Kind kOrder[] = {
    Kind::Press, Kind::LayerAllocator, Kind::HeadAllocator, Kind::Wrapper, Kind::Scorer};

struct Part {
  Kind kind;
  std::string method, text;
  bool divides = false;  // several scorers stand inside, as part of the text
};
using Parts = std::vector<Part>;

Parts parts_of(const StageSpec& stage) {
  Parts out;
  for (const Node* node : stage.parts())
    while (node) {
      const bool divides = node->inner.size() > 1;
      out.push_back(
          {node->method.kind, node->method.name, divides ? node_text(*node) : own_text(*node)});
      out.back().divides = divides;
      node = node->inner.size() == 1 ? node->inner.front().get() : nullptr;
    }
  return out;
}

std::string text_of(const Parts& parts) {
  std::string out;
  for (const auto& part : parts) out += (out.empty() ? "" : ":") + part.text;
  return out;
}

// Where a part of `kind` would stand that is not there.
size_t place_for(Kind kind, const Parts& parts) {
  const auto rank = [](Kind k) { return std::find(std::begin(kOrder), std::end(kOrder), k); };
  size_t at = 0;
  while (at < parts.size() && rank(parts[at].kind) < rank(kind)) ++at;
  return at;
}

// One stage's texts with one part changed.
std::vector<std::string> variants(const Parts& parts,
                                  const registry::Catalog& catalog,
                                  Kind kind) {
  std::vector<std::string> out;
  // Scorers that stand beside one another are there, and stay.
  bool any = kind == Kind::Scorer && !parts.empty() && parts.back().divides;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].kind != kind) continue;
    any = true;
    Parts fewer = parts;
    fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(i));
    if (kind != Kind::Scorer && !fewer.empty() && !parts[i].divides) out.push_back(text_of(fewer));
  }
  for (const auto& method : catalog.methods()) {
    if (method.kind != kind || !(method.flags & KVH_METHOD_PREFILL)) continue;
    const Part other{kind, method.name, method.name};
    for (size_t i = 0; i < parts.size(); ++i) {
      if (parts[i].kind != kind || parts[i].method == method.name || parts[i].divides) continue;
      Parts changed = parts;
      changed[i] = other;
      out.push_back(text_of(changed));
    }
    if (any) continue;
    Parts more = parts;
    more.insert(more.begin() + static_cast<std::ptrdiff_t>(place_for(kind, parts)), other);
    out.push_back(text_of(more));
  }
  return out;
}

}  // namespace

std::vector<Kind> kinds_named(const std::string& name, const std::string& flag) {
  std::vector<std::string> names = {"allocator"};
  std::vector<Kind> out;
  for (const Kind kind : kOrder) {
    std::string word = registry::kind_name(kind);
    std::replace(word.begin(), word.end(), ' ', '_');
    if (word == name || (name == "allocator" && word.ends_with("_allocator"))) out.push_back(kind);
    names.push_back(word);
  }
  if (out.empty())
    bad_request(flag,
                "found '" + name + "'; expected one of " + join(names, ", ") +
                    did_you_mean(name, names));
  return out;
}

std::vector<std::string> swapped(const Composition& composition,
                                 const registry::Catalog& catalog,
                                 Kind kind) {
  std::vector<std::string> out;
  for (size_t s = 0; s < composition.stages.size(); ++s)
    for (const auto& variant : variants(parts_of(composition.stages[s]), catalog, kind)) {
      std::string text;
      for (size_t i = 0; i < composition.stages.size(); ++i)
        text += (i > 0 ? "+" : "") + (i == s ? variant : composition.stages[i].text());
      if (std::find(out.begin(), out.end(), text) == out.end()) out.push_back(text);
    }
  return out;
}

}  // namespace kvhost
