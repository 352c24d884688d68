// SPDX-License-Identifier: Apache-2.0
// A tiny checkpoint and the built plugins, ready to run compositions on.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "model/decoder.hpp"
#include "model/weights.hpp"
#include "press/decode_run.hpp"
#include "press/prefill_run.hpp"
#include "registry/catalog.hpp"

namespace kvhost::test {

// Scanned once: the plugins of this build and those of `extra_folder`.
const registry::Catalog& catalog();

inline Composition composed(const std::string& text, uint32_t phase = KVH_METHOD_PREFILL) {
  return compose({PressSource::Form::Text, text, "--press", ""}, catalog(), AliasTable(), phase);
}

// Never cancelled, nobody listens.
const Context& context();

// Names of the checkpoints under tests/golden/models.
std::vector<std::string> tiny_models();

struct TinyModel {
  std::shared_ptr<const Weights> weights;
  std::unique_ptr<Decoder> decoder;

  explicit TinyModel(const std::string& name, DType dtype = DType::Float32);
  explicit TinyModel(std::shared_ptr<const Weights> weights);
  const ModelConfig& config() const { return decoder->config(); }
  std::vector<int32_t> random_tokens(int64_t n, uint32_t seed) const;
};

// A method with what must be said so that it cuts something on a short prompt.
std::string with_parameters(const std::string& name, const ModelConfig& config);

// Every scorer, allocator and wrapper in the build, in a composition that runs it after the prefill
// of a short prompt; and some that combine them.
std::vector<std::string> prefill_compositions(const ModelConfig& config);

using Positions = std::vector<std::vector<std::vector<int32_t>>>;  // [layer][kv head][entry]
Positions held_positions(const KvCache& cache);

// `tokens`, borrowed, with a tokenizer of bytes.
SeenPrompt byte_prompt(const std::vector<int32_t>& tokens, const ModelConfig& config);

// Prefills `tokens` under `press_text` with `entries_per_head` on average.
struct PressedCache {
  KvCache cache;
  Timings timings;
  PressTrace trace;
  LayerBudgets budgets;
  int64_t peak_extra_bytes = 0;

  PressedCache(const TinyModel& model,
               const std::string& press_text,
               const std::vector<int32_t>& tokens,
               int64_t entries_per_head);
};

}  // namespace kvhost::test
