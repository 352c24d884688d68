// SPDX-License-Identifier: Apache-2.0
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/json_file.hpp"
#include "base/text.hpp"
#include "cli/command.hpp"
#include "cli/job.hpp"
#include "cli/output_files.hpp"
#include "cli/run_flags.hpp"
#include "report/progress.hpp"
#include "report/table.hpp"
#include "train/calibrator.hpp"

namespace kvhost {

namespace {

struct CalibrateFlags {
  explicit CalibrateFlags(CLI::App& app) : shared(app) {}
  RunFlags shared;
  train::CalibrateOptions calibrate;
  std::string out, json;
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
  if (flags.calibrate.method.empty())
    bad_request("METHOD", "not given; expected a method that reads a file made from texts");
  if (flags.calibrate.data.empty()) bad_request("--data", "not given; expected text files");
  check_output_files({{"--out", flags.out}, {"--json", flags.json}});
  if (goes_to_stdout(flags.out))
    bad_request("--out", "found '-'; expected a file: its format is binary");
  const RunOptions options = flags.shared.options();
  const Engine engine = make_engine(options);
  const Model model = open_model(engine, options);
  train::CalibrateOptions wanted = flags.calibrate;
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

void add_texts_read(CLI::App& app, train::CalibrateOptions& to) {
  app.option_defaults()->group("Texts");
  add_texts(app,
            {"--data", "FILE", "A UTF-8 text to learn from; may be repeated."},
            [&to](const std::string& v) { to.data.emplace_back(v); });
  add_integer(app,
              {"--text-tokens", "N", "Tokens of a piece of text. Default: 1000."},
              Limits{16, 1 << 20},
              [&to](int64_t v) { to.text_tokens = v; });
  add_integer(app,
              {"--max-texts", "N", "Pieces read, at most. Default: 100."},
              Limits{1, 1 << 20},
              [&to](int64_t v) { to.max_texts = v; });
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
        app.add_option("method_name", flags->calibrate.method)->group("")->type_name("METHOD");
        flags->shared.add_model();
        add_texts_read(app, flags->calibrate);
        app.option_defaults()->group("Output");
        add_text(app,
                 {"-o,--out",
                  "FILE",
                  "The file to write. Default: what the method looks for in the model's folder."},
                 [flags = flags.get()](const std::string& v) { flags->out = v; });
        add_text(app,
                 {"--json", "FILE", "The report; - = standard output."},
                 [flags = flags.get()](const std::string& v) { flags->json = v; });
        flags->shared.add_plugins();
        return [flags] { return calibrate_with(*flags); };
      }};
}

}  // namespace kvhost
