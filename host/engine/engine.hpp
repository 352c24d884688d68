// SPDX-License-Identifier: Apache-2.0
// The engine: methods found once, models opened, policies made. Everything it makes shares what it
// needs and may outlive it.
//
// Threads: Engine, Model and Policy are const after construction and may be used by any number of
// threads at once. A Sequence or a Batch belongs to one thread at a time; different ones may run at
// the same time. Two engines in one process know nothing of each other.
//
// Errors: everything here throws kvhost::Error (a std::runtime_error), whose text is one line:
// where, what was found, what was expected, the cure.
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "base/context.hpp"
#include "engine/model.hpp"
#include "engine/policy.hpp"

namespace kvhost {

struct PluginSet;

struct EngineOptions {
  std::vector<std::filesystem::path> plugin_paths;  // searched beside the usual folders, in order
  bool prefer_plugins = false;  // those found there take the place of built-in ones of a name
};

class KVHOST_API Engine {
 public:
  // Reads the manifests of all methods along the search path; opens none.
  explicit Engine(const EngineOptions& options = {}, Context context = {});

  // Reads configuration and tokenizer; the weights are read when the first sequence needs them.
  Model open(const ModelOptions& options) const;

  // Checks the composition against the manifests, then opens the libraries of its methods.
  Policy policy(const Model& model, const PolicyOptions& options) const;

  const PluginSet& plugins() const;
  const Context& context() const;

 private:
  struct State;
  std::shared_ptr<const State> state_;
};

}  // namespace kvhost
