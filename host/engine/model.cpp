// SPDX-License-Identifier: Apache-2.0
#include "engine/model.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "engine/model_state.hpp"
#include "format/gguf.hpp"
#include "measure/stopwatch.hpp"
#include "model/weights.hpp"
#include "tokenizer/gguf_tokenizer.hpp"

namespace kvhost {
namespace {

// Token ids in, token ids out needs no tokenizer; anything with text does.
std::shared_ptr<const Tokenizer> load_tokenizer(const ModelOptions& options,
                                                std::vector<std::string>& warnings) {
  std::shared_ptr<const Tokenizer> tokenizer;
  try {
    tokenizer = std::make_shared<const Tokenizer>(Tokenizer::load(options.folder));
  } catch (const Error& e) {
    if (options.needs_tokenizer) throw;
    warnings.push_back(std::string(e.what()) + "; generated ids have no text");
    return nullptr;
  }
  for (const auto& warning : tokenizer->warnings()) warnings.push_back(warning);
  return tokenizer;
}

// A GGUF file's tokens say more of how texts end than its metadata.
std::shared_ptr<const Tokenizer> load_with_ends(const std::filesystem::path& file,
                                                ModelConfig& config,
                                                std::vector<std::string>& warnings) {
  const GgufMetadata metadata = read_gguf(file).metadata;
  const TokenizerParts parts = gguf_tokenizer_parts(metadata, file.string());
  const auto ends = end_ids(parts);
  config.eos_token_ids.assign(ends.begin(), ends.end());
  auto tokenizer = std::make_shared<const Tokenizer>(Tokenizer::from_parts(parts));
  warnings = tokenizer->warnings();
  return tokenizer;
}

}  // namespace

std::shared_ptr<const ModelState> open_model(const ModelOptions& options, const Context& context) {
  auto state = std::make_shared<ModelState>();
  state->context = context;
  state->config = read_config(options.folder);
  state->dtype = options.dtype.value_or(state->config.checkpoint_dtype);
  state->weights = options.weights;
  const ModelConfig& c = state->config;
  state->facts = {
      options.folder.string(), c.family, c.n_layers, c.n_heads, c.n_kv_heads, c.head_dim};
  const bool with_ends = options.needs_tokenizer && is_gguf(options.folder);
  state->tokenizer = with_ends ? load_with_ends(options.folder, state->config, state->warnings)
                               : load_tokenizer(options, state->warnings);
  return state;
}

const Decoder& ModelState::decoder() const {
  std::call_once(once_, [this] {
    const Stopwatch watch(load_ms_);
    const auto read = Weights::load(facts.path, dtype, weights);
    decoder_ = std::make_unique<const Decoder>(read);
    if (context.log)
      for (const auto& text : read->warnings()) context.log(Context::Level::Warning, text);
    const std::lock_guard lock(mutex_);
    weight_warnings_ = read->warnings();
  });
  return *decoder_;
}

std::vector<std::string> ModelState::all_warnings() const {
  std::vector<std::string> all = warnings;
  const std::lock_guard lock(mutex_);
  all.insert(all.end(), weight_warnings_.begin(), weight_warnings_.end());
  return all;
}

double ModelState::load_ms() const {
  decoder();
  return load_ms_;
}

const ModelFacts& Model::facts() const { return state_->facts; }
DType Model::dtype() const { return state_->dtype; }
int64_t Model::vocab_size() const { return state_->config.vocab_size; }
int64_t Model::max_positions() const { return state_->config.max_positions; }
std::vector<std::string> Model::warnings() const { return state_->all_warnings(); }
const Tokenizer* Model::tokenizer() const { return state_->tokenizer.get(); }
double Model::load() const { return state_->load_ms(); }

bool Model::is_eos(int32_t token) const {
  const auto& ids = state_->config.eos_token_ids;
  return std::find(ids.begin(), ids.end(), token) != ids.end();
}

namespace {

const Tokenizer& tokenizer_of(const ModelState& state) {
  if (!state.tokenizer)
    cannot_load(state.facts.path,
                "has no tokenizer; expected tokenizer.json, or token ids in place of text");
  return *state.tokenizer;
}

}  // namespace

std::vector<int32_t> Model::encode(std::string_view text, bool add_special) const {
  return tokenizer_of(*state_).encode(text, add_special);
}

std::string Model::decode(std::span<const int32_t> tokens) const {
  return tokenizer_of(*state_).decode(tokens);
}

}  // namespace kvhost
