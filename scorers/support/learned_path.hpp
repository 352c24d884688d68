// SPDX-License-Identifier: Apache-2.0
// Where a learned file lies that comes in its publishers' form or as safetensors.
#pragma once

#include <unistd.h>

#include <kvhost/resources.hpp>

namespace kvhost::scorers {

inline bool is_tensor_file(const std::string& path) {
  const std::string end = ".safetensors";
  return path.size() > end.size() && path.compare(path.size() - end.size(), end.size(), end) == 0;
}

// As given; else `published` in the model's folder, or where that is absent and `tensors` is not,
// `tensors`. May not exist: opening says so.
inline std::string learned_path(const kvh_model& model,
                                const std::string& given,
                                const std::string& published,
                                const std::string& tensors) {
  const std::string path = sdk::resource_path(model, given, published);
  if (!given.empty() || ::access(path.c_str(), F_OK) == 0) return path;
  const std::string other = sdk::resource_path(model, "", tensors);
  return ::access(other.c_str(), F_OK) == 0 ? other : path;
}

}  // namespace kvhost::scorers
