// SPDX-License-Identifier: Apache-2.0
// What the handles of one model share.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/context.hpp"
#include "engine/model.hpp"
#include "method/prompt.hpp"
#include "model/config.hpp"
#include "model/decoder.hpp"
#include "tokenizer/tokenizer.hpp"

namespace kvhost {

struct ModelState {
  ModelFacts facts;
  ModelConfig config;
  DType dtype = DType::Float32;
  std::optional<WeightType> weights;  // how matrices are kept; none: as stored
  std::shared_ptr<const Tokenizer> tokenizer;  // null: ids only
  std::vector<std::string> warnings;  // of configuration and tokenizer
  Context context;

  // Read at the first call, by whichever thread comes first.
  const Decoder& decoder() const;
  double load_ms() const;
  // What the chat template, where there is one, puts around a user's text. Rendered at the first
  // call; throws Error where it cannot be.
  struct Frame {
    std::vector<int32_t> prefix, suffix;
  };
  const Frame& frame() const;
  // `tokens`, borrowed, as methods see a prompt.
  SeenPrompt prompt(std::span<const int32_t> tokens) const;
  // Of the files as they were at the first call.
  const std::string& weights_hash() const;
  std::vector<std::string> all_warnings() const;  // with those of the weights, once they are read

 private:
  mutable std::once_flag once_, frame_once_, hash_once_;
  mutable std::string hash_;
  mutable Frame frame_;
  mutable std::unique_ptr<const Decoder> decoder_;
  mutable std::mutex mutex_;
  mutable std::vector<std::string> weight_warnings_;
  mutable double load_ms_ = 0;
};

// Configuration and tokenizer. `context` hears what there is to know of the weights when they are
// read. Throws Error.
std::shared_ptr<const ModelState> open_model(const ModelOptions& options, const Context& context);

}  // namespace kvhost
