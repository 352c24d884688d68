// SPDX-License-Identifier: Apache-2.0
// What the methods of a composition say of a text: the ranks that its layer allocator observed, and
// the entries it gives each layer. Asked of the plugins, nothing is computed here.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "analysis/recipe.hpp"
#include "base/scratch_folder.hpp"
#include "engine/engine.hpp"

namespace kvhost::analysis {

class Probe {
 public:
  Probe(const Engine& engine, const Model& model, double keep_ratio)
      : engine_(engine), model_(model), keep_ratio_(keep_ratio) {}

  struct Seen {
    std::string press;             // canonical
    std::vector<double> observed;  // [n_layers]
    std::vector<int64_t> entries;  // [n_layers] over all KV heads
    // What observing and dividing took, and what the model took for the same prompt: the prefill
    // without any stage of the compression.
    double ms = 0, model_ms = 0;
  };
  // Reads a text with a composition whose layer allocator looks at the prompt; an Error where it
  // does not.
  Seen observe(const NamedPress& press,
               std::span<const int32_t> tokens,
               const std::function<void(double)>& progress) const;

  struct Budgets {
    std::string press;  // as written: {profile} is still there
    std::vector<int64_t> entries;
  };
  // The entries of `press` for a text of that many tokens, with a file of `ranks` for {profile}.
  // The text is read only where the composition has to see it.
  Budgets budgets(const NamedPress& press,
                  std::span<const double> ranks,
                  std::span<const int32_t> tokens) const;

 private:
  Policy policy(const NamedPress& press, const std::string& text) const;
  std::string with_profile(const std::string& press, std::span<const double> ranks) const;

  const Engine& engine_;
  const Model& model_;
  double keep_ratio_;
  ScratchFolder folder_{"analyze"};
  mutable int64_t n_profiles_ = 0;  // each file's name is new: presses are known by their text
};

}  // namespace kvhost::analysis
