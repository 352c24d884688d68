// SPDX-License-Identifier: Apache-2.0
// The oracle for ragged attention, positions, layer-by-layer prefill and eviction while generating:
// what the compressed cache computes equals a dense run of the reference decoder in which later
// queries see only what was kept.
#include <ATen/ATen.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "base/error.hpp"
#include "model/reference.hpp"
#include "press_fixture.hpp"

using namespace kvhost;
using namespace kvhost::test;

namespace {

constexpr int64_t kPrompt = 90, kNew = 24;

// Grows with every forward: which entries each query saw.
class Seen {
 public:
  Seen(const ModelConfig& config, int64_t n) : config_(config), n_(n) {
    for (int64_t l = 0; l < config.n_layers; ++l) {
      at::Tensor causal = at::ones({n, n}, at::kBool).tril();
      if (const int64_t window = config.sliding_window.empty() ? 0 : config.sliding_window[l])
        causal = causal.triu(1 - window);
      visible_.push_back(causal.unsqueeze(0).repeat({config.n_kv_heads, 1, 1}));
    }
  }

  // Query `position` sees `held` and itself.
  void restrict(int64_t position, const Positions& held) {
    for (int64_t l = 0; l < config_.n_layers; ++l)
      for (int64_t h = 0; h < config_.n_kv_heads; ++h) {
        at::Tensor allowed = at::zeros({n_}, at::kBool);
        for (const int32_t p : held[l][h]) allowed[p] = true;
        allowed[position] = true;
        visible_[l][h][position].logical_and_(allowed);
      }
  }

  at::Tensor of_layer(int64_t layer) const { return visible_[layer]; }

 private:
  const ModelConfig& config_;
  int64_t n_;
  std::vector<at::Tensor> visible_;  // [n_kv_heads, n, n] (query, key)
};

void check_rows(const at::Tensor& ours, const at::Tensor& dense, const std::string& what) {
  const double tolerance = 1e-4 * dense.abs().max().item<double>();
  const double difference = (ours - dense).abs().max().item<double>();
  INFO(what << ": largest difference " << difference << ", tolerance " << tolerance);
  CHECK(difference <= tolerance);
}

void compare(const std::string& model_name,
             const std::string& press,
             const std::string& decode_press,
             int64_t every) {
  INFO("model " << model_name << ", press " << press << ", decode press " << decode_press);
  const TinyModel model(model_name);
  const auto tokens = model.random_tokens(kPrompt + kNew, 11);
  const std::vector<int32_t> prompt(tokens.begin(), tokens.begin() + kPrompt);
  PressedCache pressed(model, press, prompt, /*entries_per_head=*/24);

  std::unique_ptr<Press> decode;
  std::unique_ptr<DecodeRun> decode_run;
  if (!decode_press.empty()) {
    decode = std::make_unique<Press>(
        composed(decode_press, KVH_METHOD_DECODE), model.config(), DType::Float32, context());
    decode_run = std::make_unique<DecodeRun>(
        PressedSequence{*decode, *model.decoder, pressed.cache, pressed.timings},
        DecodePolicy{every, 20});
  }
  Seen seen(model.config(), kPrompt + kNew);
  std::vector<at::Tensor> rows;
  for (int64_t i = kPrompt; i < kPrompt + kNew; ++i) {
    seen.restrict(i, held_positions(pressed.cache));
    ForwardOptions options;
    if (decode_run) {
      decode_run->begin_forward(1);
      options.capture = decode_run->capture();
      options.sink = [&](int64_t layer, const LayerCapture& capture) {
        decode_run->on_layer(layer, capture);
      };
    }
    rows.push_back(
        model.decoder->forward(std::span(&tokens[i], 1), pressed.cache, options).clone());
    if (decode_run) decode_run->end_forward();
  }
  if (decode_run) CHECK(std::ssize(decode_run->cuts()) == kNew / every);
  const at::Tensor dense =
      reference_logits(*model.weights, tokens, [&](int64_t layer) { return seen.of_layer(layer); });
  check_rows(at::cat(rows), dense.narrow(0, kPrompt, kNew).to(at::kFloat), "decode");
}

// With a window where the default is all of the prompt, which is not there while generating.
std::string decoding(const registry::MethodInfo& method) {
  for (const auto& param : method.params)
    for (const char* window : {"query_window", "window_size"})
      if (param.name == window && param.def == 0) return method.name + "(" + window + "=6)";
  return method.name;
}

// Some methods look for learned files beside the model, which only some of the models have, or take
// no other attention than a plain softmax.
bool is_not_taken(const std::string& model, const std::string& press) {
  const auto folder = std::filesystem::path(KVHOST_TEST_DATA) / "golden/models" / model;
  const TinyModel tiny(model);
  try {
    const Composition composition = composed(press);
    const Press built(composition, tiny.config(), tiny.decoder->cache_layout().dtype, context());
  } catch (const Error& e) {
    const std::string what = e.what();
    if (what.find("expected a model with a plain softmax") != std::string::npos) return true;
    return e.code() == ExitCode::CannotLoad && what.find(folder.string()) != std::string::npos &&
           !std::filesystem::exists(folder / "kvzap_mlp.safetensors");
  }
  return false;
}

// Every composition meets a few models and every model a few compositions: all pairs would take
// minutes.
bool paired(size_t model, size_t composition) { return model % 5 == composition % 5; }

}  // namespace

TEST_CASE("a decode step on a compressed cache equals a dense run masked to the kept set") {
  const std::vector<std::string> models = tiny_models();
  for (size_t m = 0; m < models.size(); ++m) {
    const auto presses = prefill_compositions(TinyModel(models[m]).config());
    for (size_t p = 0; p < presses.size(); ++p)
      if (paired(m, p) && !is_not_taken(models[m], presses[p]))
        compare(models[m], presses[p], "", 0);
  }
}

TEST_CASE("eviction while generating equals a dense run masked step by step") {
  std::vector<std::string> scorers;
  for (const auto& method : catalog().methods())
    if (method.kind == registry::Kind::Scorer && (method.flags & KVH_METHOD_DECODE) &&
        method.name.rfind("zoo_", 0) != 0)
      scorers.push_back(decoding(method));
  const std::vector<std::string> models = tiny_models();
  for (size_t m = 0; m < models.size(); ++m)
    for (size_t s = 0; s < scorers.size(); ++s)
      if (paired(m, s) && !is_not_taken(models[m], "adakv:" + scorers[s]))
        compare(models[m], "adakv:snapkv(window_size=8)", "adakv:" + scorers[s], 6);
}

TEST_CASE("evictions by a threshold, and by a ranking of all layers, equal a dense run masked step by step") {
  for (const std::string model : {"llama_gqa", "qwen3", "mistral_window"})
    for (const std::string decode : {"dms(threshold=-0.2,sliding_window_size=5):kvzap",
                                     "dms(threshold=0,sliding_window_size=5):kvzap(model_type=linear)",
                                     "joint:knorm",
                                     "joint:snapkv(window_size=4)",
                                     "joint(heads=even):adakv:r_kv(window_size=4)"})
      compare(model, "adakv:snapkv(window_size=8)", decode, 6);
}
