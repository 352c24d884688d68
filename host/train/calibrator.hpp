// SPDX-License-Identifier: Apache-2.0
// A method's learned file, made by the observer that the method brings (kvhost/calibrate.h).
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "engine/engine.hpp"
#include "train/trainer.hpp"

namespace kvhost::train {

struct CalibrateOptions {
  std::string method;  // "qfilter", or with parameters: "expected_attention_stats(n_sink=4)"
  std::vector<std::filesystem::path> data;  // text files
  std::filesystem::path out;   // "": what the method looks for in the model's folder
  int64_t text_tokens = 1000;  // of a piece of text
  int64_t max_texts = 100;
};

struct CalibrateReport {
  std::string method, model, model_hash;
  std::filesystem::path file;
  int64_t n_texts = 0, n_tokens = 0;
  double read_ms = 0;
  std::vector<std::pair<std::string, std::vector<int64_t>>> tensors;  // name, shape
};

// Methods that calibrate() can be asked for, by name.
std::vector<std::string> calibrated_methods(const Engine& engine);

CalibrateReport calibrate(const Engine& engine,
                          const Model& model,
                          const CalibrateOptions& options,
                          const TrainProgress& progress);

}  // namespace kvhost::train
