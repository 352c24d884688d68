// SPDX-License-Identifier: Apache-2.0
#include "results/kvpress_folder.hpp"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/json_file.hpp"
#include "base/text.hpp"
#include "results/table_text.hpp"

namespace kvhost::results {

namespace fs = std::filesystem;
using Json = nlohmann::json;
using Config = std::map<std::string, std::string>;

namespace {

std::string setting(const Config& config, const std::string& key) {
  const auto found = config.find(key);
  return found == config.end() ? "" : found->second;
}

bool is_true(const Config& config, const std::string& key) {
  const std::string value = setting(config, key);
  return value == "true" || value == "True";
}

double real(const fs::path& file, const Config& config, const std::string& key, double usual) {
  const std::string text = setting(config, key);
  if (text.empty()) return usual;
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (*end != '\0') bad_request(file.string(), key + ": found '" + text + "'; expected a number");
  return value;
}

// What else distinguishes two runs, in kvpress's own words.
std::string settings_text(const Config& config) {
  std::vector<std::string> parts;
  for (const char* key : {"fraction",
                          "max_new_tokens",
                          "max_context_length",
                          "needle_depth",
                          "key_channel_compression_ratio",
                          "threshold",
                          "compression_interval",
                          "target_size",
                          "hidden_states_buffer_size",
                          "fp8"})
    if (const std::string value = setting(config, key);
        !value.empty() && value != "1.0" && value != "false")
      parts.push_back(std::string(key) + "=" + value);
  return join(parts, ", ");
}

struct KvpressRun {
  fs::path folder;
  Config config;
  Json metrics;
  std::map<std::string, int64_t> n_predictions;  // by task
};

KvpressRun read_run(const fs::path& folder) {
  KvpressRun run;
  run.folder = folder;
  const fs::path config = folder / "config.yaml", predictions = folder / "predictions.csv";
  run.config = flat_yaml(read_file(config, ExitCode::BadRequest));
  for (const char* key : {"dataset", "model", "press_name"})
    if (setting(run.config, key).empty())
      bad_request(config.string(),
                  std::string("found no ") + key + "; expected what kvpress's evaluate.py writes");
  run.metrics = read_json(folder / "metrics.json", ExitCode::BadRequest);
  if (fs::exists(predictions))
    run.n_predictions = count_by_column(read_file(predictions, ExitCode::BadRequest), "task");
  return run;
}

Run circumstances(const KvpressRun& run) {
  Run out;
  out.model = setting(run.config, "model");
  out.code_version = "kvpress";
  out.source = "kvpress " + run.folder.filename().string();
  return out;
}

DoneCell empty_cell(const KvpressRun& run) {
  const Config& config = run.config;
  const std::string press = setting(config, "press_name"), data_dir = setting(config, "data_dir");
  const std::string settings = settings_text(config);
  const fs::path file = run.folder / "config.yaml";
  DoneCell done;
  Cell& cell = done.cell;
  cell.suite = "kvpress";
  cell.suite_hash = "kvpress" + (settings.empty() ? "" : " " + settings);
  cell.model_hash = setting(config, "model");
  cell.data_hash = setting(config, "dataset") + (data_dir.empty() ? "" : "/" + data_dir);
  cell.composition = press == "no_press" ? "none" : "kvpress " + press;
  cell.arm = press == "no_press" ? "no_press" : press + " (kvpress)";
  cell.budget = press == "no_press" ? 1 : 1 - real(file, config, "compression_ratio", 0);
  cell.question_aware = is_true(config, "query_aware") || is_true(config, "compress_questions");
  cell.seed = static_cast<int64_t>(real(file, config, "seed", 0));
  return done;
}

// Figures of RULER and LongBench are given in hundredths.
std::string unit_of(const std::string& dataset) {
  return dataset.starts_with("ruler") || dataset.starts_with("longbench") ? "%" : "";
}

class Reader {
 public:
  Reader(const KvpressRun& run, std::vector<DoneCell>& out)
      : run_(run), out_(out), shared_(std::make_shared<const Run>(circumstances(run))) {}

  // {"task": {"metric": 1.0}}, {"metric": 1.0}, or 1.0; a list holds a case each.
  void read(const Json& value, std::vector<std::string> names, const std::string& case_id) {
    if (value.is_number()) add(value, std::move(names), case_id);
    if (value.is_object())
      for (const auto& [name, inner] : value.items()) {
        auto longer = names;
        longer.push_back(name);
        read(inner, std::move(longer), case_id);
      }
    if (value.is_array())
      for (size_t i = 0; i < value.size(); ++i) read(value[i], names, std::to_string(i));
  }

 private:
  void add(double value, std::vector<std::string> names, const std::string& case_id) {
    const std::string dataset = setting(run_.config, "dataset");
    const std::string metric = names.empty() ? "score" : names.back();
    if (!names.empty()) names.pop_back();
    DoneCell done = empty_cell(run_);
    done.run = shared_;
    // What a figure is of: a task that metrics.json names, else the part of the data set.
    done.cell.task = names.empty() ? done.cell.data_hash : dataset + "/" + join(names, "/");
    done.cell.case_id = case_id.empty() ? "all" : case_id;
    const bool is_count = metric == "total" || metric == "answered";
    Measurement m{metric, unit_of(dataset), value, is_count ? Better::Unsaid : Better::Higher, ""};
    const auto counted = run_.n_predictions.find(names.empty() ? "" : names.front());
    if (counted != run_.n_predictions.end())
      m.extra = json_text(Json{{"n_predictions", counted->second}});
    // Several metrics of one task are one cell.
    const auto same = std::find_if(out_.begin(), out_.end(), [&](const DoneCell& other) {
      return static_cast<const CellKey&>(other.cell) == static_cast<const CellKey&>(done.cell);
    });
    if (same != out_.end()) {
      same->measurements.push_back(std::move(m));
      return;
    }
    done.measurements.push_back(std::move(m));
    out_.push_back(std::move(done));
  }

  const KvpressRun& run_;
  std::vector<DoneCell>& out_;
  std::shared_ptr<const Run> shared_;
};

std::vector<fs::path> runs_in(const fs::path& folder) {
  std::vector<fs::path> out;
  std::error_code error;
  for (const auto& entry : fs::recursive_directory_iterator(folder, error))
    if (entry.path().filename() == "metrics.json") out.push_back(entry.path().parent_path());
  if (error)
    bad_request(folder.string(), "cannot be read: " + error.message() + "; expected a folder");
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace

std::vector<DoneCell> read_kvpress(const fs::path& folder) {
  const auto runs = runs_in(folder);
  if (runs.empty())
    bad_request(folder.string(),
                "found no metrics.json there or below; expected the results folder of kvpress's "
                "evaluate.py");
  std::vector<DoneCell> cells;
  for (const auto& path : runs) {
    const KvpressRun run = read_run(path);
    std::vector<DoneCell> of_run;  // a second run of the same settings is another file's
    Reader(run, of_run).read(run.metrics, {}, "");
    if (of_run.empty())
      bad_request((path / "metrics.json").string(), "holds no number; expected kvpress's metrics");
    for (auto& done : of_run) cells.push_back(std::move(done));
  }
  return cells;
}

}  // namespace kvhost::results
