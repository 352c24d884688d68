// SPDX-License-Identifier: Apache-2.0
// What is accepted runs: a composition that is made without a word, before any weights are read
// (`kvhost plan` does no more), does not fail in a layer later. Methods in each other's place, behind
// cuts that leave heads alike, unlike and of unlike lengths, and while generating.
#include <ATen/ATen.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <memory>
#include <set>

#include "base/error.hpp"
#include "press/channel_order.hpp"
#include "press/decode_run.hpp"
#include "press_fixture.hpp"

using namespace kvhost;
using namespace kvhost::test;
using registry::Kind;
using registry::MethodInfo;

namespace {

using Texts = std::set<std::string>;

std::vector<const MethodInfo*> methods_of(std::initializer_list<Kind> kinds, uint32_t phase) {
  std::vector<const MethodInfo*> found;
  for (const auto& method : catalog().methods()) {
    const bool wanted = std::find(kinds.begin(), kinds.end(), method.kind) != kinds.end();
    if (wanted && (method.flags & phase) && method.name.rfind("zoo_", 0) != 0)
      found.push_back(&method);
  }
  return found;
}

std::string text_of(const MethodInfo& method, const ModelConfig& config) {
  return with_parameters(method.name, config);
}

// A whole composition around or of one method.
std::string whole(const MethodInfo& method, const ModelConfig& config) {
  const bool complete = method.kind == Kind::Scorer || (method.flags & KVH_METHOD_NO_SCORER);
  return text_of(method, config) + (complete ? "" : ":knorm");
}

// Every method with every scorer inside, and every two that may hold each other.
Texts nested(const ModelConfig& config) {
  const auto scorers = methods_of({Kind::Scorer}, KVH_METHOD_PREFILL);
  const auto outer = methods_of(
      {Kind::Press, Kind::LayerAllocator, Kind::HeadAllocator, Kind::Wrapper}, KVH_METHOD_PREFILL);
  Texts texts;
  for (const auto* one : outer) {
    for (const auto* scorer : scorers)
      texts.insert(text_of(*one, config) + ":" + text_of(*scorer, config));
    for (const auto* other : outer)
      if (one->kind >= other->kind || one->kind == Kind::Wrapper)
        texts.insert(text_of(*one, config) + ":" + text_of(*other, config) + ":knorm");
  }
  return texts;
}

// Every method behind each kind of cut.
Texts behind_cuts(const ModelConfig& config) {
  const auto all = methods_of(
      {Kind::Press, Kind::LayerAllocator, Kind::HeadAllocator, Kind::Wrapper, Kind::Scorer},
      KVH_METHOD_PREFILL);
  Texts texts;
  for (const std::string first :
       {"streaming_llm", "knorm", "adakv:knorm", "key_rerotation:knorm",
        "think(window_size=8):knorm", "merging:knorm", "think(window_size=8)"})
    for (const auto* method : all) texts.insert(first + "+" + whole(*method, config));
  return texts;
}

// "": refused when it was made, or it ran. Else what it said while it ran.
std::string failure_of(const TinyModel& model,
                       const std::string& text,
                       const std::vector<int32_t>& tokens) {
  try {
    const Press press(composed(text), model.config(), DType::Float32, context());
  } catch (const Error&) {
    return "";
  }
  try {
    PressedCache(model, text, tokens, /*entries_per_head=*/21);
  } catch (const std::exception& e) {
    return e.what();
  }
  return "";
}

int check_all(const TinyModel& model, const Texts& texts, int64_t n_tokens) {
  const auto tokens = model.random_tokens(n_tokens, 8);
  int n_failed = 0;
  for (const auto& text : texts) {
    const std::string failure = failure_of(model, text, tokens);
    INFO(text);
    CHECK(failure == "");
    n_failed += failure != "";
  }
  return n_failed;
}

// Generates beside the composition that compressed the prompt, through three cuts.
std::string failure_while_generating(const TinyModel& model,
                                     const std::string& prefill,
                                     const std::string& text) {
  std::unique_ptr<Press> press;
  try {
    press = std::make_unique<Press>(
        composed(text, KVH_METHOD_DECODE), model.config(), DType::Float32, context());
    check_decodes(*press);
    check_channels_last(
        Press(composed(prefill), model.config(), DType::Float32, context()), *press);
  } catch (const Error&) {
    return "";
  }
  const int64_t n_prompt = 60, every = 6;
  const auto tokens = model.random_tokens(n_prompt + 3 * every, 3);
  PressedCache pressed(model, prefill, {tokens.begin(), tokens.begin() + n_prompt}, 24);
  try {
    DecodeRun run({*press, *model.decoder, pressed.cache, pressed.timings, 0, nullptr, n_prompt},
                  {every, 20});
    for (size_t i = n_prompt; i < tokens.size(); ++i) {
      run.begin_forward(1);
      ForwardOptions options;
      options.capture = run.capture();
      options.sink = [&](int64_t layer, const LayerCapture& capture) {
        run.on_layer(layer, capture);
      };
      model.decoder->forward(std::span(&tokens[i], 1), pressed.cache, options);
      run.end_forward();
    }
  } catch (const std::exception& e) {
    return e.what();
  }
  return "";
}

}  // namespace

TEST_CASE("what is accepted runs: every method in every other that takes it") {
  const TinyModel model("llama_gqa");
  CHECK(check_all(model, nested(model.config()), 90) == 0);
}

TEST_CASE("what is accepted runs: every method behind every kind of cut") {
  const TinyModel model("llama_gqa");
  CHECK(check_all(model, behind_cuts(model.config()), 90) == 0);
}

TEST_CASE("what is accepted runs: on sliding windows, softcaps and sinks") {
  for (const std::string name : {"mistral_window", "gemma2", "gpt_oss"}) {
    const TinyModel model(name);
    Texts texts;
    for (const auto* method : methods_of(
             {Kind::Press, Kind::LayerAllocator, Kind::HeadAllocator, Kind::Wrapper, Kind::Scorer},
             KVH_METHOD_PREFILL)) {
      const std::string text = whole(*method, model.config());
      texts.insert({text, "adakv:knorm+" + text, "chunk(chunk_length=25):" + text});
    }
    INFO(name);
    CHECK(check_all(model, texts, 150) == 0);
  }
}

TEST_CASE("what is accepted runs: every method while generating, behind every kind of prefill") {
  for (const std::string name : {"llama_gqa", "mistral_window"}) {
    const TinyModel model(name);
    for (const auto* method : methods_of(
             {Kind::Press, Kind::LayerAllocator, Kind::HeadAllocator, Kind::Wrapper, Kind::Scorer},
             KVH_METHOD_DECODE))
      for (const std::string prefill : {"none", "knorm", "adakv:knorm", "key_rerotation:knorm",
                                        "think(window_size=8):knorm"})
        for (const std::string before : {"", "knorm+"}) {
          // One ranking for all layers, of a prompt that all heads hold alike: which that is shows
          // when it was read.
          if (method->name == "triattention_heads" && prefill.rfind("adakv", 0) == 0) continue;
          const std::string text = before + whole(*method, model.config());
          INFO(name << ", " << prefill << ", then " << text);
          CHECK(failure_while_generating(model, prefill, text) == "");
        }
  }
}
