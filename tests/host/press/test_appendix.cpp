// SPDX-License-Identifier: Apache-2.0
// Entries that a method puts behind a prompt: what they hold against a model whose weights carry the
// changes, where they stand, and what they cost.
#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "model/forward.hpp"
#include "press/passes.hpp"
#include "press_fixture.hpp"
#include "temp_folder.hpp"

// libtorch has a CHECK of its own, which ends the process.
#undef CHECK
#define CHECK(...) \
  INTERNAL_CATCH_TEST("CHECK", Catch::ResultDisposition::ContinueOnFailure, __VA_ARGS__)

using namespace kvhost;
using namespace kvhost::test;

namespace {

namespace fs = std::filesystem;

constexpr int64_t kRows = 3, kRank = 2, kTokens = 60, kBudget = 20;
constexpr double kScale = 1.5;

// float32 tensors by name, as a safetensors file.
class LearnedFile {
 public:
  void add(const std::string& name, const at::Tensor& tensor) {
    const at::Tensor flat = tensor.contiguous();
    const auto* begin = reinterpret_cast<const char*>(flat.const_data_ptr<float>());
    const size_t first = data_.size();
    data_.append(begin, static_cast<size_t>(flat.numel()) * sizeof(float));
    header_[name] = {{"dtype", "F32"},
                     {"shape", std::vector<int64_t>(tensor.sizes().begin(), tensor.sizes().end())},
                     {"data_offsets", {first, data_.size()}}};
  }
  std::string write() const {
    std::string text = header_.dump();
    text.append((8 - text.size() % 8) % 8, ' ');
    const uint64_t length = text.size();
    std::ofstream file(path_, std::ios::binary);
    file.write(reinterpret_cast<const char*>(&length), sizeof length) << text << data_;
    return path_.string();
  }

 private:
  TempFolder folder_;
  fs::path path_ = folder_ / "learned.safetensors";
  nlohmann::json header_ = nlohmann::json::object();
  std::string data_;
};

// A small change of every matrix of every layer, also merged into `model`'s weights.
struct Learned {
  LearnedFile file;
  at::Tensor rows;

  explicit Learned(TinyModel& model, bool wrong_shape = false) {
    const ModelConfig& c = model.config();
    const at::Generator random = at::make_generator<at::CPUGeneratorImpl>(7);
    const auto randn = [&](int64_t n, int64_t m) { return at::randn({n, m}, random); };
    rows = 0.3 * randn(kRows, c.hidden_size);
    file.add("restore_embeddings", rows);
    file.add("scale", at::full({1}, kScale));
    auto& layers = const_cast<ModelWeights&>(model.weights->tensors()).layers;
    for (size_t l = 0; l < layers.size(); ++l) {
      const std::pair<const char*, Linear*> matrices[] = {{"q_proj", &layers[l].q},
                                                          {"k_proj", &layers[l].k},
                                                          {"v_proj", &layers[l].v},
                                                          {"o_proj", &layers[l].output},
                                                          {"gate_proj", &layers[l].gate},
                                                          {"up_proj", &layers[l].up},
                                                          {"down_proj", &layers[l].down}};
      for (const auto& [name, linear] : matrices) {
        at::Tensor& weight = linear->weight.dense();
        const at::Tensor down = 0.2 * randn(kRank, weight.size(1) + (wrong_shape ? 1 : 0));
        const at::Tensor up = 0.2 * randn(weight.size(0), kRank);
        const std::string to = "layers." + std::to_string(l) + "." + name;
        file.add(to + ".lora_A", down);
        file.add(to + ".lora_B", up);
        if (!wrong_shape) weight = (weight + kScale * up.matmul(down)).contiguous();
      }
    }
  }
};

std::string refusal(const TinyModel& model, const std::string& press, int64_t budget) {
  try {
    PressedCache(model, press, model.random_tokens(kTokens, 1), budget);
  } catch (const Error& e) {
    return e.what();
  }
  return "accepted";
}

at::Tensor last_rows(const KvCache& cache, int64_t layer, int64_t head, bool keys) {
  const HeadSpan span = cache.head(layer, head);
  const int64_t d = cache.layout().head_dim;
  return at::from_blob(keys ? span.keys : span.values, {span.n, d}, at::kFloat)
      .narrow(0, span.n - kRows, kRows);
}

}  // namespace

TEST_CASE("what stands behind a prompt is what a model with merged weights makes of the rows") {
  for (const std::string name : {"llama_gqa", "qwen2", "qwen3"}) {
    INFO(name);
    const TinyModel model(name);
    TinyModel merged(name);
    Learned learned(merged);
    const auto tokens = model.random_tokens(kTokens, 1);
    const std::string with = "(file=" + learned.file.write() + ")";
    const PressedCache pressed(model, "restorekv" + with + ":knorm", tokens, kBudget);
    KvCache wanted(model.decoder->cache_layout());
    model.decoder->forward(tokens, wanted);
    std::vector<Stretch> one(1);
    one[0].rows = &learned.rows;
    one[0].cache = &wanted;
    Forward pass(*merged.decoder, one);
    while (pass.step()) {
    }
    for (int64_t l = 0; l < model.config().n_layers; ++l)
      for (int64_t h = 0; h < model.config().n_kv_heads; ++h)
        for (const bool keys : {true, false}) {
          const at::Tensor ours = last_rows(pressed.cache, l, h, keys),
                           theirs = last_rows(wanted, l, h, keys);
          CHECK((ours - theirs).abs().max().item<double>() < 1e-5);
        }
    // Without the changes it would be something else.
    wanted.truncate(kTokens);
    Forward plain(*model.decoder, one);
    while (plain.step()) {
    }
    const at::Tensor difference =
        last_rows(pressed.cache, 1, 0, true) - last_rows(wanted, 1, 0, true);
    CHECK(difference.abs().max().item<double>() > 1e-2);
  }
}

TEST_CASE("entries behind a prompt are part of the budget, and the selection is that of the rest") {
  const TinyModel model("llama_gqa");
  TinyModel other("llama_gqa");
  Learned learned(other);
  const auto tokens = model.random_tokens(kTokens, 1);
  const std::string outer = "restorekv(file=" + learned.file.write() + "):";
  for (const std::string inner : {"knorm", "kvzip(chunk_size=25)"}) {
    INFO(inner);
    const PressedCache pressed(model, outer + inner, tokens, kBudget);
    auto expected = held_positions(PressedCache(model, inner, tokens, kBudget - kRows).cache);
    for (auto& layer : expected)
      for (auto& head : layer)
        for (int32_t i = 0; i < kRows; ++i) head.push_back(kTokens + i);
    CHECK(held_positions(pressed.cache) == expected);
    CHECK(pressed.cache.n_seen() == kTokens + kRows);
    for (size_t l = 0; l < pressed.budgets.entries.size(); ++l)
      CHECK(pressed.budgets.entries[l] == kBudget * model.config().n_kv_heads);
  }
  const PressedCache joint(model, "joint:" + outer + "kvzip(chunk_size=25)", tokens, kBudget);
  int64_t n = 0;
  for (const auto& layer : held_positions(joint.cache))
    for (const auto& head : layer) n += std::ssize(head);
  CHECK(n == kBudget * model.config().n_layers * model.config().n_kv_heads);
}

TEST_CASE("nothing stands behind a prompt of which nothing is cut") {
  const TinyModel model("llama_gqa");
  TinyModel other("llama_gqa");
  Learned learned(other);
  const std::string press = "restorekv(file=" + learned.file.write() + "):knorm";
  const PressedCache pressed(model, press, model.random_tokens(kTokens, 1), kTokens);
  CHECK(pressed.cache.n_seen() == kTokens);
  CHECK(pressed.cache.n_kept(0, 0) == kTokens);
}

TEST_CASE("rows are read as the tokens whose embeddings they are") {
  const TinyModel model("llama_gqa");
  const auto tokens = model.random_tokens(9, 4);
  KvCache a(model.decoder->cache_layout()), b(model.decoder->cache_layout());
  const at::Tensor logits = model.decoder->forward(tokens, a);
  const at::Tensor rows = model.weights->tensors().embedding.gather(tokens, DType::Float32);
  std::vector<Stretch> one(1);
  one[0].rows = &rows;
  one[0].cache = &b;
  Forward pass(*model.decoder, std::move(one));
  while (pass.step()) {
  }
  CHECK(at::equal(pass.logits(0), logits));
}

TEST_CASE("what cannot stand behind a prompt is refused in one line") {
  const TinyModel model("llama_gqa");
  TinyModel other("llama_gqa");
  Learned learned(other), wrong(other, /*wrong_shape=*/true);
  const std::string outer = "restorekv(file=" + learned.file.write() + "):knorm";
  CHECK_THAT(refusal(model, outer, kRows),
             Catch::Contains("3 entries per head, of which 'restorekv' puts 3 behind the prompt; "
                             "expected more than that"));
  CHECK(refusal(model, outer, kRows + 1) == "accepted");
  CHECK_THAT(refusal(model, "key_rerotation:" + outer, 10),
             Catch::Contains("gives entries new positions; expected one of the two"));
  CHECK_THAT(refusal(model, "knorm+" + outer, 10), Catch::Contains("stands after a '+'"));
  CHECK_THAT(refusal(model, "restorekv(file=" + wrong.file.write() + "):knorm", 10),
             Catch::Contains("changes the query matrix of layer 0, 48 x 41; expected 48 x 40"));
  CHECK_THAT(refusal(model, "restorekv(file=/nowhere.safetensors):knorm", 10),
             Catch::Contains("scripts/restorekv_file.py makes of the published folder"));
}
