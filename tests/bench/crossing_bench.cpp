// SPDX-License-Identifier: Apache-2.0
// What a call into a plugin takes beyond what the plugin does: methods of every kind that do nothing,
// over a layer of a model's dimensions, by the very path of a run (frame, guard, call, check). Rounds
// are interleaved and the best of each is printed.
// usage: crossing_bench [MS_OF_A_DECODE_STEP ...]     (of SmolLM2-135M and Qwen3-0.6B, to compare with)
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "base/context.hpp"
#include "cache/kv_cache.hpp"
#include "method/host_services.hpp"
#include "method/instance.hpp"
#include "method/layer_data.hpp"
#include "model/config.hpp"
#include "registry/catalog.hpp"

namespace {

using namespace kvhost;

struct Dimensions {
  const char* name;
  int64_t n_layers, n_heads, n_kv_heads, head_dim;
  double step_ms;  // of decoding one token on two cores, unless said otherwise
};

std::unique_ptr<Node> node_of(const registry::Catalog& catalog, const std::string& name) {
  auto node = std::make_unique<Node>();
  node->method = *catalog.find(name);
  node->where = "the bench";
  if (node->method.kind == registry::Kind::Wrapper) node->inner.push_back(node_of(catalog, "null_scorer"));
  return node;
}

ModelConfig config_of(const Dimensions& of) {
  ModelConfig config;
  config.family = "llama";
  config.n_layers = of.n_layers;
  config.n_heads = of.n_heads;
  config.n_kv_heads = of.n_kv_heads;
  config.head_dim = of.head_dim;
  config.hidden_size = of.n_heads * of.head_dim;
  config.vocab_size = 1;
  config.max_positions = 8192;
  return config;
}

struct Case {
  const char* name;
  std::function<void()> run;
  double best_ns = std::numeric_limits<double>::infinity();
};

void time(std::vector<Case>& cases) {
  constexpr int kRounds = 15, kCalls = 2000;
  for (int round = 0; round < kRounds; ++round)
    for (Case& one : cases) {
      const auto begin = std::chrono::steady_clock::now();
      for (int i = 0; i < kCalls; ++i) one.run();
      const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - begin;
      one.best_ns = std::min(one.best_ns, took.count() / kCalls);
    }
}

double ns_of(const std::vector<Case>& cases, const std::string& name) {
  for (const Case& one : cases)
    if (one.name == name) return one.best_ns;
  std::abort();
}

// A decode step is a share of a cut, which comes every 64 tokens and asks of every layer for scores
// and budgets.
void tell(const Dimensions& of, const std::vector<Case>& cases) {
  std::printf("%s: %ld layers, %ld heads over %ld of keys, of %ld\n", of.name, of.n_layers, of.n_heads, of.n_kv_heads, of.head_dim);
  for (const Case& one : cases) std::printf("  %8.0f ns  %s\n", one.best_ns, one.name);
  std::printf("  %8.0f ns  a child inside a wrapper\n", ns_of(cases, "score, of a wrapper with a child") - ns_of(cases, "score"));
  const double a_layer = ns_of(cases, "layer, made ready") + ns_of(cases, "score, of a wrapper with a child") +
                         ns_of(cases, "allocate, of heads") + ns_of(cases, "edit");
  const double a_step = a_layer * static_cast<double>(of.n_layers) / 64;
  std::printf("  %8.0f ns  of a decode step: press, heads, wrapper and scorer at every layer, every 64 tokens\n", a_step);
  std::printf("  %8.4f %%   of one of %.1f ms\n", 100 * a_step / (1e6 * of.step_ms), of.step_ms);
}

void bench(const Dimensions& of, const registry::Catalog& catalog) {
  const Context context;
  const ModelConfig config = config_of(of);
  const ModelView view(config, DType::BFloat16);
  const kvh_exec exec = make_exec(context, 0);
  CacheLayout layout;
  layout.n_layers = 1;
  layout.n_kv_heads = of.n_kv_heads;
  layout.head_dim = of.head_dim;
  layout.dtype = DType::BFloat16;
  KvCache cache(layout);
  cache.append(0, 64, 0);
  cache.advance(64);
  LayerInputs inputs;
  inputs.phase = KVH_PHASE_DECODE;
  inputs.n_seen = 100;  // heads hold 64 of them
  inputs.q_len = 1;
  inputs.layer_budget = 0;
  inputs.cache = &cache;
  inputs.model = view.get();
  inputs.exec = &exec;

  const auto make = [&](const char* name) {
    return std::make_unique<Instance>(*node_of(catalog, name), view.get(), context, nullptr, kDecodePhases);
  };
  const auto scorer = make("null_scorer"), wrapper = make("null_wrapper"), heads = make("null_heads"),
             layers = make("null_layers");
  const Instance press(*node_of(catalog, "null_press"), view.get(), context, scorer.get(), kDecodePhases);
  const kvh_sequence_info info = sequence_info(KVH_PHASE_DECODE);
  const SequenceState of_scorer(*scorer, info), of_wrapper(*wrapper, info), of_heads(*heads, info), of_layers(*layers, info);
  SequenceState beside(*scorer, info);
  const SequenceState of_press(press, info, &beside);

  const auto n_heads = static_cast<size_t>(of.n_kv_heads);
  std::vector<int64_t> counts(n_heads, 64), budgets(n_heads);
  std::vector<float> row(64);
  std::vector<int8_t> pins(64);
  std::vector<float*> rows(n_heads, row.data());
  std::vector<int8_t*> pin_rows(n_heads, pins.data());
  kvh_scores scores{sizeof scores, static_cast<int32_t>(n_heads), counts.data(), rows.data(), pin_rows.data()};
  const kvh_score_view seen{sizeof seen, scores.n_kv_heads, counts.data(), rows.data(), pin_rows.data()};
  kvh_edit edited{};
  edited.struct_size = sizeof edited;
  edited.n_kv_heads = scores.n_kv_heads;
  std::vector<double> shares(static_cast<size_t>(of.n_layers));
  kvh_layer_request request{};
  request.struct_size = sizeof request;
  request.n_layers = static_cast<int32_t>(of.n_layers);
  kvh_layer_answer answer{};
  answer.struct_size = sizeof answer;
  answer.shares = shares.data();

  LayerData data(inputs);
  std::vector<Case> cases;
  cases.push_back({"layer, made ready", [&] { const LayerData made(inputs); }});
  cases.push_back({"score", [&] { data.score(*scorer, of_scorer, &scores); }});
  cases.push_back({"score, of a wrapper with a child", [&] { data.score(*wrapper, of_wrapper, &scores); }});
  cases.push_back({"allocate, of heads", [&] {
                     data.call("allocate()", *heads, of_heads, [&](const kvh_layer& layer, kvh_error* error) {
                       return heads->functions<kvh_head_allocator>()->allocate(
                           heads->get(), of_heads.get(), &layer, &seen, nullptr, budgets.data(), error);
                     });
                   }});
  cases.push_back({"observe", [&] {
                     data.call("observe()", *layers, of_layers, [&](const kvh_layer& layer, kvh_error* error) {
                       return layers->functions<kvh_layer_allocator>()->observe(
                           layers->get(), of_layers.get(), &layer, error);
                     });
                   }});
  cases.push_back({"allocate, of layers", [&] {
                     layers->call("allocate()", -1, [&](kvh_error* error) {
                       return layers->functions<kvh_layer_allocator>()->allocate(
                           layers->get(), of_layers.get(), &request, &answer, error);
                     });
                   }});
  cases.push_back({"edit", [&] {
                     data.call("edit()", press, of_press, [&](const kvh_layer& layer, kvh_error* error) {
                       return press.functions<kvh_press>()->edit(press.get(), of_press.get(), &layer, &edited, error);
                     });
                   }});
  cases.push_back({"when", [&] {
                     layers->enter("when()", -1, [&] {
                       return layers->functions<kvh_layer_allocator>()->when(layers->get());
                     });
                   }});
  cases.push_back({"create, needs, when and destroy, of heads", [&] { make("null_heads"); }});
  cases.push_back({"begin and end", [&] { const SequenceState state(*scorer, info); }});
  time(cases);
  tell(of, cases);
}

}  // namespace

int main(int argc, char** argv) {
  const auto catalog = registry::Catalog::scan({KVHOST_NULL_METHODS}, "", "");
  // The fastest steps of bench/results: 2026-11-26-gguf-smollm2.json, 2026-11-21-qwen3-0.6b-4096-2cores.json.
  Dimensions all[] = {{"SmolLM2-135M", 30, 9, 3, 64, 9.9}, {"Qwen3-0.6B", 28, 16, 8, 128, 47.1}};
  for (int i = 1; i < argc && i <= 2; ++i) all[i - 1].step_ms = std::atof(argv[i]);
  for (const Dimensions& one : all) bench(one, catalog);
  return 0;
}
