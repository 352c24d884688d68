// SPDX-License-Identifier: Apache-2.0
// What the handles of one model share.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "engine/model.hpp"
#include "model/config.hpp"
#include "model/decoder.hpp"
#include "tokenizer/tokenizer.hpp"

namespace kvhost {

struct ModelState {
  ModelFacts facts;
  ModelConfig config;
  DType dtype = DType::Float32;
  std::shared_ptr<const Tokenizer> tokenizer;  // null: ids only
  std::vector<std::string> warnings;

  // Read at the first call, by whichever thread comes first.
  const Decoder& decoder() const;
  double load_ms() const;

 private:
  mutable std::once_flag once_;
  mutable std::unique_ptr<const Decoder> decoder_;
  mutable double load_ms_ = 0;
};

// Configuration and tokenizer. Throws Error.
std::shared_ptr<const ModelState> open_model(const ModelOptions& options);

}  // namespace kvhost
