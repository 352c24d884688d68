// SPDX-License-Identifier: Apache-2.0
// A surrogate learned from texts, from the first token to the file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/engine.hpp"
#include "train/fit_mlp.hpp"
#include "train/fitness.hpp"
#include "train/surrogate.hpp"

namespace kvhost::train {

struct TrainOptions {
  std::string method;   // the scorer that reads the file
  std::string teacher;  // a composition; "": the one that the method names
  SurrogateType type = SurrogateType::Mlp;
  std::vector<std::filesystem::path> data;  // text files
  std::filesystem::path work;  // folder of the pairs; "": beside the result, removed at the end
  std::filesystem::path out;   // "": what the method looks for in the model's folder
  int64_t text_tokens = 1000;  // of a piece of text
  int64_t n_samples = 500;     // tokens taken of one
  int64_t max_pairs = 20000;
  double alpha = 1;  // of the ridge regression
  MlpRecipe mlp{.n_hidden = 0};  // 0: an eighth of the hidden size, 16 at least
  uint64_t seed = 0;
};

struct LayerFit {
  Fitness fit;               // on texts held out
  std::vector<Epoch> curve;  // of an mlp
};

struct TrainReport {
  std::string method, teacher, model, model_hash;
  std::filesystem::path file;
  SurrogateType type = SurrogateType::Mlp;
  int64_t n_hidden = 0, n_texts = 0, n_pairs = 0, n_parameters = 0;
  double collect_ms = 0, fit_ms = 0;
  std::vector<LayerFit> layers;
};

// Told what is going on and how much of it is done; may throw to stop. What was collected stays in
// the work folder then, and the same call goes on with it.
using TrainProgress = std::function<void(std::string_view phase, double share)>;

TrainReport train(const Engine& engine,
                  const Model& model,
                  const TrainOptions& options,
                  const TrainProgress& progress);

}  // namespace kvhost::train
