// SPDX-License-Identifier: Apache-2.0
// A model: configuration, tokenizer, weights. A handle; copies share one model. May be used by any
// number of threads at once.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/api.hpp"
#include "base/dtype.hpp"
#include "base/weight_type.hpp"
#include "measure/model_facts.hpp"

namespace kvhost {

struct ModelOptions {
  std::filesystem::path folder;            // of a Hugging Face checkpoint; or a GGUF file
  std::optional<DType> dtype = {};         // of weights and cache; none: the checkpoint's
  bool needs_tokenizer = true;             // false: one that is absent is no error
  std::optional<WeightType> weights = {};  // matrices kept as BF16, Q8_0 or Q4_0; none: as stored
};

class Tokenizer;
struct ModelState;

class KVHOST_API Model {
 public:
  explicit Model(std::shared_ptr<const ModelState> state) : state_(std::move(state)) {}

  const ModelFacts& facts() const;
  DType dtype() const;
  int64_t vocab_size() const;
  int64_t max_positions() const;  // what the model was made for; 0: not known
  bool is_eos(int32_t token) const;
  // Things a user should know; usually none. Those of the weights are known once they are read; the
  // engine's Context is told them then.
  std::vector<std::string> warnings() const;

  const Tokenizer* tokenizer() const;  // null: token ids only
  // `add_special`: what the tokenizer puts around a text (<s> and the like).
  std::vector<int32_t> encode(std::string_view text, bool add_special = true) const;
  std::string decode(std::span<const int32_t> tokens) const;

  // Reads the weights now rather than with the first sequence; returns the milliseconds it took,
  // also when it was long ago.
  double load() const;

  // Hashes that tell this model and its tokenizer from others, for saved caches. Of the weights:
  // the sizes, the headers, and samples all over.
  std::string weights_hash() const;
  std::string tokenizer_hash() const;

  const ModelState& state() const { return *state_; }
  const std::shared_ptr<const ModelState>& shared() const { return state_; }

 private:
  std::shared_ptr<const ModelState> state_;
};

}  // namespace kvhost
