// SPDX-License-Identifier: Apache-2.0
// What the host offers to plugins: the kvh_host object, the services of a call, the description of
// the model.
#pragma once

#include <string>
#include <vector>

#include "kvhost/plugin.h"
#include "model/config.hpp"

namespace kvhost {

// The one host object of the process.
const kvh_host& plugin_host();

// Services of a call; copyable, the returned object must outlive the call.
kvh_exec make_exec(uint64_t seed);

// Owns what a kvh_model points to.
class ModelView {
 public:
  ModelView(const ModelConfig& config, DType cache_dtype);
  ModelView(const ModelView&) = delete;
  ModelView& operator=(const ModelView&) = delete;
  const kvh_model* get() const { return &model_; }

 private:
  std::string family_, dir_;
  std::vector<float> inv_freq_;
  kvh_rope rope_{};
  kvh_model model_{};
};

kvh_dtype plugin_dtype(DType dtype);

}  // namespace kvhost
