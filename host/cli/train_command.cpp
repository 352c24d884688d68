// SPDX-License-Identifier: Apache-2.0
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/json_file.hpp"
#include "base/text.hpp"
#include "cli/command.hpp"
#include "cli/job.hpp"
#include "cli/learn_flags.hpp"
#include "cli/output_files.hpp"
#include "report/progress.hpp"
#include "report/table.hpp"
#include "train/trainer.hpp"

namespace kvhost {

namespace {

struct TrainFlags : LearnFlags {
  using LearnFlags::LearnFlags;
  train::TrainOptions train;
};

nlohmann::json to_json(const train::TrainReport& report) {
  nlohmann::json layers = nlohmann::json::array();
  for (size_t l = 0; l < report.layers.size(); ++l) {
    const train::LayerFit& layer = report.layers[l];
    nlohmann::json curve = nlohmann::json::array();
    for (const auto& epoch : layer.curve)
      curve.push_back(
          {{"train_loss", epoch.train_loss}, {"validation_loss", epoch.validation_loss}});
    layers.push_back({{"layer", l},
                      {"r2", layer.fit.r2},
                      {"spearman", layer.fit.spearman},
                      {"curve", std::move(curve)}});
  }
  return {{"method", report.method},
          {"type", train::type_name(report.type)},
          {"teacher", report.teacher},
          {"model", report.model},
          {"model_hash", report.model_hash},
          {"file", report.file.string()},
          {"n_hidden", report.n_hidden},
          {"n_parameters", report.n_parameters},
          {"n_texts", report.n_texts},
          {"n_pairs", report.n_pairs},
          {"collect_ms", report.collect_ms},
          {"fit_ms", report.fit_ms},
          {"layers", std::move(layers)}};
}

void print(const train::TrainReport& report) {
  std::cout << report.file.string() << ": " << train::type_name(report.type) << ", "
            << report.n_parameters << " parameters, from " << report.n_pairs << " tokens of "
            << report.n_texts << " texts (" << report.teacher << "); collected in "
            << format_ms(report.collect_ms) << ", fitted in " << format_ms(report.fit_ms) << '\n';
  std::cout << "held out:  layer      R2  Spearman  epochs\n";
  char line[80];
  for (size_t l = 0; l < report.layers.size(); ++l) {
    const train::LayerFit& layer = report.layers[l];
    std::snprintf(line,
                  sizeof line,
                  "%16zu  %6.3f  %8.3f  %6zu\n",
                  l,
                  layer.fit.r2,
                  layer.fit.spearman,
                  layer.curve.size());
    std::cout << line;
  }
}

int train_with(const TrainFlags& flags) {
  flags.check("a scorer that learns");
  const RunOptions options = flags.shared.options();
  const Engine engine = make_engine(options);
  const Model model = open_model(engine, options);
  train::TrainOptions wanted = flags.train;
  wanted.method = flags.method;
  wanted.data = flags.data;
  wanted.out = flags.out;
  Progress progress(true);
  const auto report =
      train::train(engine, model, wanted, [&](std::string_view phase, double share) {
        engine.context().check();
        progress.show(phase, share);
      });
  progress.erase();
  const nlohmann::json json = to_json(report);
  write_json(report.file.string() + ".json", json);
  if (!flags.json.empty()) write_json(flags.json, json);
  if (!goes_to_stdout(flags.json)) print(report);
  return 0;
}

void add_learning(CLI::App& app, TrainFlags& flags) {
  train::TrainOptions& to = flags.train;
  app.option_defaults()->group("Learning");
  flags.add_data(app);
  add_text(app,
           {"--teacher", "SPEC", "Whose scores are learned. Default: as the method says."},
           [&to](const std::string& v) { to.teacher = v; });
  add_choice(app,
             {"--type", "", "One matrix a layer, or two and a GELU. Default: mlp."},
             {"linear", "mlp"},
             [&to](const std::string& v) {
               to.type = v == "linear" ? train::SurrogateType::Linear : train::SurrogateType::Mlp;
             });
  flags.add_text_tokens(app, to.text_tokens);
  add_integer(app,
              {"--samples", "N", "Tokens taken of each piece. Default: 500."},
              Limits{1, 1 << 20},
              [&to](int64_t v) { to.n_samples = v; });
  add_integer(app,
              {"--max-pairs", "N", "Tokens taken in all, at most about. Default: 20000."},
              Limits{1, 1 << 24},
              [&to](int64_t v) { to.max_pairs = v; });
  add_integer(app,
              {"--hidden", "N", "Width of an mlp. Default: an eighth of the hidden size."},
              Limits{1, 1 << 20},
              [&to](int64_t v) { to.mlp.n_hidden = v; });
  add_integer(app,
              {"--epochs", "N", "Of an mlp, at most. Default: 15."},
              Limits{1, 10000},
              [&to](int64_t v) { to.mlp.epochs = v; });
  add_integer(app, {"--seed", "N", "Of all draws. Default: 0."}, kNotNegative, [&to](int64_t v) {
    to.seed = static_cast<uint64_t>(v);
  });
}

}  // namespace

Command train_command() {
  return {
      "train",
      "learn what a method needs for a model, from texts",
      "METHOD",
      "Runs the teacher over pieces of the texts, keeps pairs of hidden states and scores in a "
      "folder, and fits a\n"
      "small model per layer to them. The result is what the method reads; a stopped run goes on "
      "with the same command.",
      "kvhost train kvzap --data book.txt --type linear\n"
      "kvhost train kvzap --model smollm2 --data a.txt --data b.txt -o kvzap_mlp.safetensors",
      [](CLI::App& app) {
        auto flags = std::make_shared<TrainFlags>(app);
        flags->add_method(app);
        flags->shared.add_model();
        add_learning(app, *flags);
        flags->add_output(app, ", and FILE.json");
        add_text(
            app,
            {"--work", "DIR", "Where pairs are kept. Default: FILE.pairs, removed at the end."},
            [flags = flags.get()](const std::string& v) { flags->train.work = v; });
        flags->shared.add_plugins();
        return [flags] { return train_with(*flags); };
      }};
}

}  // namespace kvhost
