// SPDX-License-Identifier: Apache-2.0
#include "train/trainer.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/sha256.hpp"
#include "base/version.hpp"
#include "engine/model_state.hpp"
#include "engine/plugin_set.hpp"
#include "kvhost/layout_parts.h"
#include "measure/stopwatch.hpp"
#include "method/extension.hpp"
#include "method/host_services.hpp"
#include "method/instance.hpp"
#include "train/collector.hpp"
#include "train/fit_linear.hpp"
#include "train/surrogate_file.hpp"
#include "train/text_pieces.hpp"

namespace kvhost::train {
namespace {

namespace fs = std::filesystem;

struct Learner {
  std::string teacher, file;
};

// What the method says of what it reads.
Learner learner(const Engine& engine, const TrainOptions& options) {
  const PressSource source{PressSource::Form::Text, options.method, "METHOD", ""};
  const PluginSet& plugins = engine.plugins();
  const Composition composition =
      compose(source, plugins.catalog, plugins.aliases, KVH_METHOD_PREFILL);
  const bool one = composition.stages.size() == 1 && composition.stages[0].scorer;
  if (!one)
    bad_request("METHOD", "'" + options.method + "' is no scorer; expected one that learns");
  const Instance method(
      *composition.stages[0].scorer, /*model=*/nullptr, engine.context(), nullptr);
  const auto* learned =
      extension_of<kvh_surrogate>(method, KVH_EXT_SURROGATE, KVH_SURROGATE_SIZE_1_0);
  if (!learned)
    bad_request("METHOD",
                "'" + options.method +
                    "' learns nothing from another's scores; expected a scorer "
                    "that does (`kvhost list`)");
  if (!learned->teacher || !learned->file_linear || !learned->file_mlp)
    cannot_load(method.name(),
                "its " KVH_EXT_SURROGATE " lacks a name; expected teacher, file_linear and file_mlp");
  const bool linear = options.type == SurrogateType::Linear;
  return {learned->teacher, linear ? learned->file_linear : learned->file_mlp};
}

std::string key_of(const std::vector<std::vector<int32_t>>& pieces,
                   const TrainReport& report,
                   const TrainOptions& options) {
  std::string all = report.model_hash + "\n" + report.teacher + "\n" +
                    std::to_string(options.n_samples) + " " + std::to_string(options.seed) + "\n";
  for (const auto& piece : pieces)
    all.append(reinterpret_cast<const char*>(piece.data()), piece.size() * sizeof(int32_t));
  return sha256_hex(all.data(), all.size());
}

PolicyOptions asking(const std::string& teacher) {
  PolicyOptions options;
  options.press = {PressSource::Form::Text, teacher, "--teacher", ""};
  options.keep_ratio = 1.0;
  options.min_entries = 0;
  return options;
}

void collect_all(const Engine& engine,
                 const Model& model,
                 const std::vector<std::vector<int32_t>>& pieces,
                 const TrainOptions& options,
                 const TrainProgress& progress,
                 TrainReport& report,
                 PairStore& pairs) {
  const Stopwatch watch(report.collect_ms);
  const Policy teacher = engine.policy(model, asking(report.teacher));
  const CollectOptions how{options.n_samples, options.seed};
  const auto wanted = static_cast<double>(std::min<int64_t>(
      std::ssize(pieces), (options.max_pairs + how.n_samples - 1) / how.n_samples));
  while (pairs.n_texts() < std::ssize(pieces) && pairs.n_rows() < options.max_pairs) {
    const auto done = static_cast<double>(pairs.n_texts());
    collect(model,
            teacher,
            pieces[static_cast<size_t>(pairs.n_texts())],
            how,
            pairs,
            [&](double share) { progress("collecting", std::min(1.0, (done + share) / wanted)); });
  }
}

LayerFit fit_layer(const PairStore& pairs,
                   int64_t layer,
                   const MlpRecipe& recipe,
                   const TrainOptions& options,
                   const Context& context,
                   Surrogate& surrogate) {
  const Pairs learned = pairs.read(layer, /*held_out=*/false);
  const Pairs held_out = pairs.read(layer, /*held_out=*/true);
  LayerFit fit;
  if (options.type == SurrogateType::Linear) {
    surrogate.layers.push_back(fit_linear(learned, options.alpha));
  } else {
    MlpRecipe own = recipe;
    own.seed = options.seed * 1'000'003 + static_cast<uint64_t>(layer);
    MlpFit found = fit_mlp(learned, held_out, own, [&] { context.check(); });
    surrogate.layers.push_back(std::move(found.layer));
    fit.curve = std::move(found.curve);
  }
  fit.fit = fitness(surrogate.layers.back().predict(held_out.inputs), held_out.targets);
  return fit;
}

}  // namespace

TrainReport train(const Engine& engine,
                  const Model& model,
                  const TrainOptions& options,
                  const TrainProgress& progress) {
  const ModelConfig& config = model.state().config;
  const Learner learned = learner(engine, options);
  TrainReport report;
  report.method = options.method;
  report.teacher = options.teacher.empty() ? learned.teacher : options.teacher;
  report.model = model.facts().path;
  report.model_hash = model.weights_hash();
  report.type = options.type;
  report.file = options.out.empty() ? fs::path(report.model) / learned.file : options.out;
  const fs::path work =
      options.work.empty() ? fs::path(report.file.string() + ".pairs") : options.work;
  const auto pieces = pieces_of(model, options.data, options.text_tokens, /*n_least=*/2);
  PairStore pairs(work,
                  {config.n_layers, config.hidden_size, config.n_kv_heads},
                  key_of(pieces, report, options));
  collect_all(engine, model, pieces, options, progress, report, pairs);
  report.n_texts = pairs.n_texts();
  report.n_pairs = pairs.n_rows();
  MlpRecipe recipe = options.mlp;
  if (recipe.n_hidden == 0) recipe.n_hidden = std::max<int64_t>(16, config.hidden_size / 8);
  if (options.type == SurrogateType::Mlp) report.n_hidden = recipe.n_hidden;
  Surrogate surrogate;
  surrogate.type = options.type;
  {
    const Stopwatch watch(report.fit_ms);
    for (int64_t l = 0; l < config.n_layers; ++l) {
      progress("fitting", static_cast<double>(l) / static_cast<double>(config.n_layers));
      report.layers.push_back(fit_layer(pairs, l, recipe, options, engine.context(), surrogate));
    }
  }
  write_surrogate(report.file,
                  surrogate,
                  {{"kvhost", version()},
                   {"method", report.method},
                   {"type", type_name(report.type)},
                   {"teacher", report.teacher},
                   {"model_hash", report.model_hash},
                   {"n_pairs", std::to_string(report.n_pairs)}});
  report.n_parameters = surrogate_facts(report.file)->n_parameters;
  if (options.work.empty()) pairs.clear();
  return report;
}

}  // namespace kvhost::train
