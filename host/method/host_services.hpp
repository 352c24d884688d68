// SPDX-License-Identifier: Apache-2.0
// What the host offers to plugins: the kvh_host object, the services of a call, the description of
// the model.
#pragma once

#include <string>
#include <vector>

#include "base/context.hpp"
#include "kvhost/plugin.h"
#include "model/config.hpp"

namespace kvhost {

// What libraries are opened with, once per process; it drops what they log.
const kvh_host& loading_host();

// The host as the methods of one press see it. `context` must outlive it.
class PluginHost {
 public:
  explicit PluginHost(const Context& context);
  PluginHost(const PluginHost&) = delete;
  PluginHost& operator=(const PluginHost&) = delete;
  const kvh_host& get() const { return host_; }
  const Context& context() const { return context_; }

 private:
  const Context& context_;
  kvh_host host_;
};

// Services of a call; copyable. The object and `context` must outlive the call.
kvh_exec make_exec(const Context& context, uint64_t seed);
// Throws Error(Interrupted) once the run was cancelled.
void check_cancelled(const kvh_exec& exec);

// Owns what a kvh_model points to.
class ModelView {
 public:
  ModelView(const ModelConfig& config, DType cache_dtype);
  ModelView(const ModelView&) = delete;
  ModelView& operator=(const ModelView&) = delete;
  const kvh_model* get() const { return &model_; }

 private:
  kvh_layer_shape layer_shape(int64_t layer) const;

  std::string family_, dir_;
  ModelConfig config_;
  kvh_rope rope_{}, local_rope_{};
  std::vector<kvh_layer_shape> shapes_;
  std::vector<const kvh_layer_shape*> layers_;
  kvh_model model_{};
};

kvh_dtype plugin_dtype(DType dtype);

}  // namespace kvhost
