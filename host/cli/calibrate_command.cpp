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
#include "train/calibrator.hpp"

namespace kvhost {

namespace {

struct CalibrateFlags : LearnFlags {
  using LearnFlags::LearnFlags;
  train::CalibrateOptions calibrate;
};

nlohmann::json to_json(const train::CalibrateReport& report) {
  nlohmann::json tensors = nlohmann::json::array();
  for (const auto& [name, shape] : report.tensors)
    tensors.push_back({{"name", name}, {"shape", shape}});
  return {{"method", report.method},
          {"model", report.model},
          {"model_hash", report.model_hash},
          {"file", report.file.string()},
          {"n_texts", report.n_texts},
          {"n_tokens", report.n_tokens},
          {"read_ms", report.read_ms},
          {"tensors", std::move(tensors)}};
}

void print(const train::CalibrateReport& report) {
  std::cout << report.file.string() << ": from " << report.n_tokens << " tokens of "
            << report.n_texts << " texts, read in " << format_ms(report.read_ms) << '\n';
  for (const auto& [name, shape] : report.tensors)
    std::cout << "  " << name << ' ' << nlohmann::json(shape).dump() << '\n';
}

int calibrate_with(const CalibrateFlags& flags) {
  flags.check("a method that reads a file made from texts");
  const RunOptions options = flags.shared.options();
  const Engine engine = make_engine(options);
  const Model model = open_model(engine, options);
  train::CalibrateOptions wanted = flags.calibrate;
  wanted.method = flags.method;
  wanted.data = flags.data;
  wanted.out = flags.out;
  Progress progress(true);
  const auto report =
      train::calibrate(engine, model, wanted, [&](std::string_view phase, double share) {
        engine.context().check();
        progress.show(phase, share);
      });
  progress.erase();
  if (!flags.json.empty()) write_json(flags.json, to_json(report));
  if (!goes_to_stdout(flags.json)) print(report);
  return 0;
}

void add_texts_read(CLI::App& app, CalibrateFlags& flags) {
  app.option_defaults()->group("Texts");
  flags.add_data(app);
  flags.add_text_tokens(app, flags.calibrate.text_tokens);
  add_integer(app,
              {"--max-texts", "N", "Pieces read, at most. Default: 100."},
              Limits{1, 1 << 20},
              [&flags](int64_t v) { flags.calibrate.max_texts = v; });
}

}  // namespace

Command calibrate_command() {
  return {
      "calibrate",
      "make the file that a method reads, from texts",
      "METHOD",
      "Reads pieces of the texts with the full cache while the method looks on, and writes what it "
      "learned of the\n"
      "model: statistics of queries, directions, centres. Minutes; for what is fitted to another "
      "method's scores see train.",
      "kvhost calibrate qfilter --data book.txt\n"
      "kvhost calibrate 'expected_attention_stats(n_sink=4)' --model smollm2 --data a.txt --data b.txt\n"
      "kvhost calibrate triattention --model smollm2 --data a.txt --text-tokens 4000",
      [](CLI::App& app) {
        auto flags = std::make_shared<CalibrateFlags>(app);
        flags->add_method(app);
        flags->shared.add_model();
        add_texts_read(app, *flags);
        flags->add_output(app, "");
        flags->shared.add_plugins();
        return [flags] { return calibrate_with(*flags); };
      }};
}

}  // namespace kvhost
