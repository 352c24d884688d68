// SPDX-License-Identifier: Apache-2.0
// The method under check, opened in the child, with something inside where it wants a scorer.
#pragma once

#include <optional>
#include <string>

#include "kit/trial_layer.hpp"
#include "kvhost/testing/plugin_method.hpp"
#include "registry/catalog.hpp"

namespace kvhost {

class Subject {
 public:
  // `settings`: in place of defaults. Throws what the method refuses them with.
  explicit Subject(const registry::MethodInfo& method,
                   testing::Settings settings = {},
                   const LayerSpec& spec = {});

  const testing::PluginMethod& method() const { return *plugin_; }
  // A layer with what this configuration asks for.
  std::unique_ptr<TrialLayer> layer(const LayerSpec& spec) const;
  std::vector<kvh_need> needs() const;

 private:
  testing::FakeLayer frame_;  // lends the model that create() sees
  std::vector<kvh_child> children_;  // of a wrapper
  std::optional<testing::PluginMethod> plugin_;
};

// Scores as a scorer would give them: different everywhere, the last two entries of a head pinned.
void make_up_scores(kvh_scores& out);

// Why the checks of numbers cannot say anything of it; "" where they can.
std::string why_not_numbers(const registry::MethodInfo& method);

}  // namespace kvhost
