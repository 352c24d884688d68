// SPDX-License-Identifier: Apache-2.0
// What the host offers to plugins: the kvh_host object, the services of a call, the description of
// the model.
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "base/context.hpp"
#include "kvhost/plugin.h"
#include "model/config.hpp"

namespace kvhost {

class Weights;

// What libraries are opened with, once per process; it drops what they log.
const kvh_host& loading_host();

// The host as one configured method sees it, which its lines name. `context` must outlive it.
class PluginHost {
 public:
  // `where`: in the composition.
  PluginHost(const Context& context, const std::string& method, const std::string& where);
  PluginHost(const PluginHost&) = delete;
  PluginHost& operator=(const PluginHost&) = delete;
  const kvh_host& get() const { return host_; }
  const Context& context() const { return context_; }
  void log(int32_t level, const char* text) const;

 private:
  const Context& context_;
  std::string name_;  // what lines begin with
  kvh_host host_;
};

// Services of a call; copyable. The object and `context` must outlive the call.
kvh_exec make_exec(const Context& context, uint64_t seed);
// Throws Error(Interrupted) once the run was cancelled.
void check_cancelled(const kvh_exec& exec);

// Owns what a kvh_model points to.
class ModelView {
 public:
  // n_first: of sequences that a pass of that many tokens begins; some models rotate longer ones
  // otherwise.
  ModelView(const ModelConfig& config, DType cache_dtype, int64_t n_first = 0);
  ModelView(const ModelView&) = delete;
  ModelView& operator=(const ModelView&) = delete;
  const kvh_model* get() const { return &model_; }
  // With the numbers of it that are weights, the sinks. A model is described before its weights are
  // read; any thread may ask for them.
  const kvh_model* get(const Weights& weights) const;

 private:
  kvh_layer_shape layer_shape(int64_t layer) const;

  std::string family_, dir_;
  ModelConfig config_;
  int64_t entry_bytes_;
  kvh_rope rope_{}, local_rope_{};
  mutable std::once_flag sinks_read_;
  mutable std::vector<std::vector<float>> sinks_;  // by layer, [n_heads] or empty
  std::vector<kvh_layer_shape> shapes_;
  std::vector<const kvh_layer_shape*> layers_;
  kvh_model model_{};
};

kvh_dtype plugin_dtype(DType dtype);

// Whether all layers have the same numbers of heads and dimensions and keys of their own, so that
// methods without KVH_METHOD_MIXED_LAYERS may see the model.
bool is_even(const kvh_model& model);

}  // namespace kvhost
