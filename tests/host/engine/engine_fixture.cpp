// SPDX-License-Identifier: Apache-2.0
#include "engine_fixture.hpp"

#include <filesystem>
#include <random>

#include "engine/plugin_set.hpp"
#include "kvhost/method.h"

namespace kvhost::test {

namespace fs = std::filesystem;

const Engine& engine() {
  static const Engine one({{fs::path(KVHOST_TEST_PLUGINS)}}, {});
  return one;
}

Model tiny_model(const std::string& name, DType dtype) {
  return engine().open({fs::path(KVHOST_TEST_DATA) / "golden/models" / name, dtype, false});
}

std::vector<int32_t> some_tokens(const Model& model, int64_t n, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<int32_t> tokens;
  for (int64_t i = 0; i < n; ++i)
    tokens.push_back(static_cast<int32_t>(random() % static_cast<uint32_t>(model.vocab_size())));
  return tokens;
}

PolicyOptions keeping(const std::string& press, double keep_ratio, const std::string& decode) {
  PolicyOptions options;
  options.press = {PressSource::Form::Text, press, "--press", ""};
  if (!decode.empty())
    options.decode_press = {PressSource::Form::Text, decode, "--decode-press", ""};
  if (keep_ratio > 0) options.keep_ratio = keep_ratio;
  options.min_entries = 0;
  return options;
}

Sequence read(const Model& model,
              const PolicyOptions& options,
              const std::vector<int32_t>& prompt) {
  Sequence sequence(model, engine().policy(model, options));
  sequence.prefill(prompt);
  return sequence;
}

std::vector<int32_t> go_on(Sequence& sequence, int64_t n) {
  std::vector<int32_t> tokens;
  for (int64_t i = 0; i < n; ++i) tokens.push_back(sequence.next());
  return tokens;
}

std::vector<float> logits_of(Sequence& sequence) {
  const auto row = sequence.logits();
  return {row.begin(), row.end()};
}

std::vector<std::string> every_composition() {
  std::vector<std::string> texts = {"rankkv:adakv:snapkv(window_size=8)",
                                    "snapkv(window_size=8)+think(window_size=8)",
                                    "snapkv(window_size=8)+merging",
                                    "key_rerotation:streaming_llm",
                                    "cam:knorm",
                                    "attention_matching:matching_keys",
                                    "composite:kvcompose"};
  for (const auto& method : engine().plugins().catalog.methods()) {
    if (!(method.flags & KVH_METHOD_PREFILL) || method.kind == registry::Kind::Press) continue;
    // These checkpoints have no tokenizer, and nothing says where a question begins.
    if (method.flags & KVH_METHOD_READS_PROMPT) continue;
    const bool complete =
        method.kind == registry::Kind::Scorer || (method.flags & KVH_METHOD_NO_SCORER);
    texts.push_back(complete ? method.name : method.name + ":knorm");
  }
  return texts;
}

}  // namespace kvhost::test
