// SPDX-License-Identifier: Apache-2.0
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/interrupt.hpp"
#include "base/json_file.hpp"
#include "base/parallel.hpp"
#include "base/process_memory.hpp"
#include "base/text.hpp"
#include "base/version.hpp"
#include "cli/command.hpp"
#include "cli/job.hpp"
#include "cli/output_files.hpp"
#include "cli/run_flags.hpp"
#include "eval/bench.hpp"
#include "kernels/attention.hpp"
#include "measure/report_json.hpp"
#include "report/progress.hpp"
#include "report/table.hpp"

namespace kvhost {

namespace {

using eval::BenchSample;
using eval::Spread;
using nlohmann::json;

struct BenchFlags {
  explicit BenchFlags(CLI::App& app) : shared(app) {}
  RunFlags shared;
  std::vector<std::string> beside;
  std::string json;
  int64_t rounds = 5, warmup = 1;
};

struct Figure {
  const char* name;
  double BenchSample::* value;
};

constexpr Figure kTimes[] = {{"first_token_ms", &BenchSample::first_token_ms},
                             {"token_ms", &BenchSample::token_ms},
                             {"prefill_ms", &BenchSample::prefill_ms},
                             {"score_ms", &BenchSample::score_ms},
                             {"allocate_ms", &BenchSample::allocate_ms},
                             {"select_ms", &BenchSample::select_ms},
                             {"compact_ms", &BenchSample::compact_ms}};

std::vector<eval::BenchArm> arms_of(const Job& job,
                                    const RunOptions& options,
                                    const BenchFlags& flags) {
  std::vector<eval::BenchArm> arms = {{"full", full_policy(job)}};
  const auto add = [&](const Policy& policy) {
    for (const auto& arm : arms)
      if (arm.policy.press() == policy.press()) return;
    arms.push_back({policy.press(), policy});
  };
  add(job.policy);
  for (const auto& text : flags.beside) {
    PolicyOptions press = options.press;
    press.press = {PressSource::Form::Text, text, "--beside", ""};
    add(job.engine.policy(job.model, press));
  }
  return arms;
}

json spread_json(const Spread& spread) {
  return {{"median", spread.median}, {"low", spread.low}, {"high", spread.high}};
}

json arm_json(const eval::BenchArm& arm,
              const std::vector<BenchSample>& samples,
              const std::vector<BenchSample>& full) {
  const BenchSample& last = samples.back();
  json out = {{"press", arm.name},
              {"plugins", to_json(arm.policy.plugins())},
              {"cache_bytes_full", last.bytes_full},
              {"cache_bytes_kept", last.bytes_kept},
              {"cache_bytes_peak", last.bytes_peak},
              {"cache_bytes_end", last.bytes_end}};
  for (const auto& figure : kTimes)
    out[figure.name] = spread_json(eval::spread_of(samples, figure.value));
  for (const auto& sample : samples) {
    json one;
    for (const auto& figure : kTimes) one[figure.name] = sample.*figure.value;
    out["rounds"].push_back(one);
  }
  if (samples.size() >= eval::kFewestRounds && &samples != &full) {
    out["speed_up"] = {
        {"token", spread_json(eval::speed_up(samples, full, &BenchSample::token_ms))},
        {"first_token", spread_json(eval::speed_up(samples, full, &BenchSample::first_token_ms))}};
  }
  return out;
}

std::string range(const json& spread, int decimals) {
  return format_number(spread["median"], decimals) + " (" + format_number(spread["low"], decimals) +
         "-" + format_number(spread["high"], decimals) + ")";
}

void print(const json& report) {
  std::vector<std::vector<std::string>> rows = {
      {"press", "cache", "peak", "first token ms", "ms a token", "tokens/s", "faster than full"}};
  for (const auto& arm : report["arms"]) {
    const double token = arm["token_ms"]["median"];
    rows.push_back({arm["press"],
                    format_bytes(arm["cache_bytes_kept"]),
                    format_bytes(arm["cache_bytes_peak"]),
                    range(arm["first_token_ms"], 0),
                    range(arm["token_ms"], 2),
                    format_number(1000 / token, 1),
                    arm.contains("speed_up") ? range(arm["speed_up"]["token"], 2) + "x" : "-"});
  }
  print_table(std::cout, make_ink("auto", 1), rows, /*with_head=*/true);
  std::vector<std::vector<std::string>> stages = {
      {"compression ms", "score", "allocate", "select", "compact", "of first token"}};
  for (const auto& arm : report["arms"]) {
    double sum = 0;
    std::vector<std::string> row = {arm["press"]};
    for (const char* stage : {"score_ms", "allocate_ms", "select_ms", "compact_ms"}) {
      sum += arm[stage]["median"].get<double>();
      row.push_back(format_number(arm[stage]["median"], 1));
    }
    row.push_back(format_percent(sum / arm["first_token_ms"]["median"].get<double>()));
    if (sum > 0) stages.push_back(row);
  }
  std::cout << '\n';
  if (stages.size() > 1) print_table(std::cout, make_ink("auto", 1), stages, /*with_head=*/true);
  std::cout << "medians (lowest-highest) of " << report["n_rounds"] << " rounds, "
            << report["n_prompt_tokens"] << " tokens read, " << report["n_new_tokens"]
            << " generated; " << report["cpu_level"].get<std::string>() << ", " << report["threads"]
            << " threads\n";
}

int bench(const BenchFlags& flags) {
  RunOptions defaults;
  defaults.press.min_entries = 0;
  const RunOptions options = flags.shared.options(defaults);
  check_output_file("--json", flags.json);
  const Job job = prepare(options);
  eval::BenchRequest request;
  request.arms = arms_of(job, options, flags);
  request.prompt = job.prompt.tokens;
  request.n_new = limits_of(options, job.prompt).max_new_tokens;
  request.n_rounds = flags.rounds;
  request.n_warmup = flags.warmup;
  request.seed = options.generate.seed;
  if (request.n_new < 1) bad_request("--max-new-tokens", "found 0; expected at least 1");
  check_context(job.model, static_cast<int64_t>(request.prompt.size()) + request.n_new);
  Progress progress(true);
  const double load_ms = job.model.load();
  const auto samples =
      eval::run_bench(job.model, request, [&](const std::string& arm, double share) {
        progress.show(arm, std::min(share, 0.999));
      });
  progress.erase();
  json report = {{"schema", 1},
                 {"kvhost", version()},
                 {"model", job.model.facts().path},
                 {"dtype", dtype_name(job.model.dtype())},
                 {"cpu_level", cpu_level()},
                 {"threads", num_threads()},
                 {"n_prompt_tokens", request.prompt.size()},
                 {"n_new_tokens", request.n_new},
                 {"n_rounds", request.n_rounds},
                 {"n_warmup", request.n_warmup},
                 {"load_ms", load_ms},
                 {"rss_peak_bytes", peak_rss_bytes()}};
  for (size_t i = 0; i < samples.size(); ++i)
    report["arms"].push_back(arm_json(request.arms[i], samples[i], samples[0]));
  if (!flags.json.empty()) write_json(flags.json, report);
  if (!goes_to_stdout(flags.json)) print(report);
  return 0;
}

}  // namespace

Command bench_command() {
  return {
      "bench",
      "times and bytes of compositions beside the full cache, in rounds",
      "",
      "Reads one prompt with each composition and generates the same tokens after it, in rounds that\n"
      "measure all of them in turn: what else the machine does meets them alike. Medians, with the\n"
      "lowest and the highest; how much faster than the full cache, round by round, from three\n"
      "rounds on.",
      "kvhost bench -f book.txt\n"
      "kvhost bench --model smollm2 -f book.txt --press snapkv --beside adakv:snapkv -n 64\n"
      "kvhost bench -f book.txt --keep-ratio 0.5 --rounds 9 --json times.json",
      [](CLI::App& app) {
        auto flags = std::make_shared<BenchFlags>(app);
        auto* own = flags.get();
        flags->shared.add_model();
        flags->shared.add_prompt();
        flags->shared.add_press();
        app.option_defaults()->group("Rounds");
        app.add_option("--beside", flags->beside, "Another composition, at the same budget.")
            ->type_name("SPEC");
        add_integer(
            app, {"--rounds", "N", "Rounds that count. Default: 5."}, kPositive, [own](int64_t v) {
              own->rounds = v;
            });
        add_integer(app,
                    {"--warmup", "N", "Rounds before them. Default: 1."},
                    kNotNegative,
                    [own](int64_t v) { own->warmup = v; });
        flags->shared.add_generate();
        app.option_defaults()->group("Output");
        add_text(app,
                 {"--json", "FILE", "All figures of all rounds; - = standard output."},
                 [own](const std::string& v) { own->json = v; });
        flags->shared.add_plugins();
        return [flags] { return bench(*flags); };
      }};
}

}  // namespace kvhost
