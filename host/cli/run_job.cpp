// SPDX-License-Identifier: Apache-2.0
#include "cli/run_job.hpp"

#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/json_file.hpp"
#include "base/output_file.hpp"
#include "base/process_memory.hpp"
#include "cli/dumps.hpp"
#include "cli/kept.hpp"
#include "engine/agreement.hpp"
#include "measure/report_json.hpp"
#include "report/kept_html.hpp"

namespace kvhost {
namespace {

// The full cache first, so that the compressed one can be held against it.
FullRun run_full(const Job& job, const RunOptions& options, const JobCallbacks& callbacks) {
  Sequence sequence(job.model, full_policy(job), job.sequence);
  sequence.prefill(job.prompt.tokens, [&](double share) {
    if (callbacks.progress) callbacks.progress("prefill, full cache", share);
  });
  FullRun full;
  GenerationSinks sinks;
  sinks.on_logits = [&](std::span<const float> row) { full.logprobs.push_back(log_softmax(row)); };
  full.generation = generate(sequence, limits_of(options, job.prompt), sinks);
  full.generation.timings.prefill_ms = sequence.timings().prefill_ms;
  full.generation.timings.ttft_ms = sequence.timings().prefill_ms;
  full.generation.memory = sequence.memory();
  full.generation.memory.rss_peak_bytes = peak_rss_bytes();
  return full;
}

void write_dumps(const OutputOptions& output, const Sequence& sequence, const RunReport& report) {
  if (!output.dump_keep.empty()) write_json(output.dump_keep, kept_positions(sequence));
  if (!output.dump_scores.empty()) dump_scores(output.dump_scores, sequence.scores());
  if (!output.dump_budgets.empty()) write_json(output.dump_budgets, budgets_json(report));
}

// What was measured before stays, what generating took comes on top.
void add_generation(Generation&& made, RunReport& report) {
  Timings timings = report.run.timings;
  timings.decode_ms = made.timings.decode_ms;
  timings.tpot_ms = made.timings.tpot_ms;
  timings.tokens_per_s = made.timings.tokens_per_s;
  timings.ttft_ms = timings.prefill_ms;
  made.timings = timings;
  made.memory = report.run.memory;
  report.run = std::move(made);
}

// The prompt's text and what was kept of it, by the second composition of --kept-beside too.
std::optional<KeptView> kept_of(const Job& job,
                                const RunOptions& options,
                                const Sequence& sequence,
                                const JobCallbacks& callbacks) {
  const OutputOptions& output = options.output;
  if (output.kept_html.empty() && !output.show_kept) return std::nullopt;
  KeptView view = kept_view(job.model, job.prompt.title, sequence);
  if (view.pieces.empty())
    cannot_load(job.model.facts().path, "has no tokenizer; expected one for pictures of the text");
  view.presses.push_back(kept_press(sequence));
  if (output.kept_beside.empty()) return view;
  PolicyOptions beside = options.press;
  beside.press = {PressSource::Form::Text, output.kept_beside, "--kept-beside", ""};
  beside.decode_press.form = PressSource::Form::None;
  const Policy policy = job.engine.policy(job.model, beside);
  Sequence second(job.model, policy, job.sequence);
  second.prefill(sequence.tokens(), [&](double share) {
    if (callbacks.progress) callbacks.progress("prefill, beside", share);
  });
  KeptPress press = kept_press(second);
  const Generation made = generate(second, limits_of(options, job.prompt));
  press.exchanges.push_back({job.prompt.question, made.text, job.prompt.expect});
  view.presses.push_back(std::move(press));
  return view;
}

}  // namespace

RunResult run(const RunOptions& options, const JobCallbacks& callbacks) {
  const Job job = prepare(options);
  const double load_ms = job.model.load();
  std::optional<FullRun> full;
  if (options.output.compare_full && options.prompt.cache.empty())
    full = run_full(job, options, callbacks);

  Sequence sequence = read_sequence(job, options, callbacks);
  RunResult result;
  result.report = describe(job, sequence);
  RunReport& report = result.report;
  report.run.timings.load_ms = load_ms;
  result.kept = kept_of(job, options, sequence, callbacks);
  write_dumps(options.output, sequence, report);
  if (full) {
    Sequence twin = sequence.fork();
    report.agreement = agreement(twin, *full);
  }
  add_generation(generate(sequence, limits_of(options, job.prompt), callbacks.generation), report);
  report.decode = sequence.decode_report();
  report.run.memory.rss_peak_bytes = peak_rss_bytes();
  const Timings& timings = sequence.timings();  // cuts while generating included
  report.run.timings.score_ms = timings.score_ms;
  report.run.timings.allocate_ms = timings.allocate_ms;
  report.run.timings.select_ms = timings.select_ms;
  report.run.timings.compact_ms = timings.compact_ms;
  if (full) report.full = std::move(full->generation);
  if (result.kept)
    result.kept->presses[0].exchanges.push_back({report.question, report.run.text, report.expect});
  const OutputOptions& output = options.output;
  if (!output.json.empty()) write_json(output.json, to_json(report));
  if (!output.kept_html.empty())
    write_file(output.kept_html, [&](std::ostream& out) { write_kept_html(out, *result.kept); });
  return result;
}

}  // namespace kvhost
