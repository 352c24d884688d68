// SPDX-License-Identifier: Apache-2.0
#include "press_fixture.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <random>

#include "registry/search_path.hpp"

namespace kvhost::test {

namespace fs = std::filesystem;

std::string with_parameters(const std::string& name, const ModelConfig& config) {
  if (name == "per_layer") {
    std::string ratios;
    for (int64_t l = 0; l < config.n_layers; ++l)
      ratios += (ratios.empty() ? "0." : ",0.") + std::to_string(3 + l % 6);
    return "per_layer(compression_ratios=[" + ratios + "])";
  }
  if (name == "dms") return "dms(threshold=-4,sliding_window_size=8)";
  if (name == "simlayerkv") return "simlayerkv(lazy_threshold=0.05,n_recent=20)";
  if (name == "chunk") return "chunk(chunk_length=25)";
  if (name == "block") return "block(block_size=16)";
  return name;
}

const registry::Catalog& catalog() {
  static const auto scanned =
      registry::Catalog::scan({KVHOST_TEST_PLUGINS, KVHOST_TEST_ZOO}, KVHOST_TEST_DESCRIBE, "");
  return scanned;
}

const Context& context() {
  static const Context plain;
  return plain;
}

std::vector<std::string> tiny_models() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(fs::path(KVHOST_TEST_DATA) / "golden/models"))
    if (fs::exists(entry.path() / "config.json")) names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

TinyModel::TinyModel(const std::string& name, DType dtype)
    : weights(Weights::load(fs::path(KVHOST_TEST_DATA) / "golden/models" / name, dtype)),
      decoder(std::make_unique<Decoder>(weights)) {}

TinyModel::TinyModel(std::shared_ptr<const Weights> given)
    : weights(std::move(given)), decoder(std::make_unique<Decoder>(weights)) {}

std::vector<int32_t> TinyModel::random_tokens(int64_t n, uint32_t seed) const {
  std::mt19937 random(seed);
  std::vector<int32_t> tokens;
  for (int64_t i = 0; i < n; ++i)
    tokens.push_back(static_cast<int32_t>(random() % static_cast<uint32_t>(config().vocab_size)));
  return tokens;
}

Positions held_positions(const KvCache& cache) {
  Positions all(static_cast<size_t>(cache.layout().n_layers));
  for (int64_t l = 0; l < cache.layout().n_layers; ++l)
    for (int64_t h = 0; h < cache.layout().n_kv_heads; ++h) {
      const HeadSpan span = cache.head(l, h);
      all[l].emplace_back(span.positions, span.positions + span.n);
    }
  return all;
}

// A tokenizer that tests/oracle/replay_tokens.py has too: a token a byte, from 2 on.
SeenPrompt byte_prompt(const std::vector<int32_t>& tokens, const ModelConfig& config) {
  SeenPrompt prompt;
  prompt.tokens = tokens;
  const int64_t n_ids = config.vocab_size - 2;
  prompt.tokenize = [n_ids](const std::string& text) {
    std::vector<int32_t> ids;
    for (const char c : text)
      ids.push_back(static_cast<int32_t>(2 + static_cast<unsigned char>(c) % n_ids));
    return ids;
  };
  prompt.suffix = prompt.tokenize("\n");
  prompt.n_question = std::min<int64_t>(7, static_cast<int64_t>(tokens.size()));
  return prompt;
}

PressedCache::PressedCache(const TinyModel& model,
                           const std::string& press_text,
                           const std::vector<int32_t>& tokens,
                           int64_t entries_per_head)
    : cache(model.decoder->cache_layout()) {
  const ModelConfig& config = model.config();
  const Composition composition = composed(press_text);
  const Press press(composition, config, cache.layout().dtype, context());
  const int64_t total = entries_per_head * config.n_layers * config.n_kv_heads;
  const auto kv_len = static_cast<int64_t>(tokens.size());
  trace.keep_scores = true;
  if (press.none()) {
    model.decoder->forward(tokens, cache);
    return;
  }
  const SeenPrompt prompt = byte_prompt(tokens, config);
  PrefillRun run({press, *model.decoder, cache, timings, 0, &prompt}, total, kv_len, trace);
  ForwardOptions options;
  options.capture = press.capture();
  options.sink = [&](int64_t layer, const LayerCapture& capture) { run.on_layer(layer, capture); };
  const at::Tensor logits = model.decoder->forward(tokens, cache, options).select(0, 0);
  run.finish({}, &logits);
  budgets = run.budgets();
  peak_extra_bytes = run.peak_extra_bytes();
}

std::vector<std::string> prefill_compositions(const ModelConfig& config) {
  std::vector<std::string> texts;
  for (const auto& method : catalog().methods()) {
    if (!(method.flags & KVH_METHOD_PREFILL) || method.name.rfind("zoo_", 0) == 0) continue;
    if (method.kind == registry::Kind::Press) continue;  // edits values: no mask expresses that
    if (method.name == "restorekv") continue;            // nor entries of no token
    const std::string text = with_parameters(method.name, config);
    const bool complete =
        method.kind == registry::Kind::Scorer || (method.flags & KVH_METHOD_NO_SCORER);
    texts.push_back(complete ? text : text + ":knorm");
  }
  texts.push_back("rankkv:adakv:snapkv(window_size=8)");
  texts.push_back("pyramidkv(window_size=8):adakv:snapkv(window_size=8)");
  texts.push_back("streaming_llm+adakv:snapkv(window_size=8)");
  texts.push_back("rankkv(profile=none):knorm+snapkv(window_size=8)");
  texts.push_back("chunk(chunk_length=25):snapkv(window_size=8)");
  texts.push_back("block(block_size=16):snapkv(window_size=8)");
  texts.push_back("duo_attention(on_the_fly_scoring=true,sink_size=3,recent_size=11)");
  return texts;
}

}  // namespace kvhost::test
