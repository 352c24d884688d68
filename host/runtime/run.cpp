// SPDX-License-Identifier: Apache-2.0
#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <sys/resource.h>

#include <cmath>
#include <limits>

#include "base/json_file.hpp"
#include "runtime/agreement.hpp"
#include "runtime/dumps.hpp"
#include "runtime/generate.hpp"
#include "runtime/session.hpp"

namespace kvhost {
namespace {

int64_t peak_rss() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss * 1024;  // kilobytes on Linux
}

RunReport describe(const Request& request) {
  RunReport report;
  report.model_path = request.model_dir.string();
  report.model = request.config;
  report.dtype = request.dtype;
  report.press_spec = request.composition.text();
  report.press_json = request.composition.json();
  if (request.decode_press) report.decode_press_spec = request.decode_composition.text();
  report.budget = request.budget;
  report.n_prompt_tokens = static_cast<int64_t>(request.prompt.tokens.size());
  report.warnings = request.warnings;
  report.expect = request.prompt.expect;
  report.title = request.prompt.title;
  return report;
}

void describe_layers(const KvCache& cache, const Prefilled& prefilled, RunReport& report) {
  report.observed_name = prefilled.budgets.observed_name;
  int64_t total = 0;
  for (int64_t l = 0; l < cache.layout().n_layers; ++l) {
    LayerReport layer;
    int64_t held = 0;
    for (int64_t h = 0; h < cache.layout().n_kv_heads; ++h) {
      layer.n_kept.push_back(cache.n_kept(l, h));
      held += layer.n_kept.back();
    }
    const auto& budgets = prefilled.budgets;
    layer.budget = budgets.entries.empty() ? held : budgets.entries[l];
    layer.observed =
        budgets.observed.empty() ? std::numeric_limits<double>::quiet_NaN() : budgets.observed[l];
    total += layer.budget;
    report.layers.push_back(std::move(layer));
  }
  if (report.budget.mode == "decided" && total < report.budget.entries_total)
    report.budget.entries_total = total;  // a method's own decision is known only now
  if (total != report.budget.entries_total && report.press_spec != "none")
    report.warnings.push_back("the layers' budgets sum to " + std::to_string(total) + " entries, " +
                              std::to_string(report.budget.entries_total) + " were asked for");
}

// The full cache first, so that the compressed one can be held against it.
FullRun run_full(const Request& request,
                 const RunOptions& options,
                 const Decoder& decoder,
                 const RunCallbacks& callbacks) {
  FullRun full;
  KvCache cache(decoder.cache_layout());
  const Press none({}, request.config, request.dtype);
  const Prefilled prefilled = prefill(request,
                                      none,
                                      0,
                                      decoder,
                                      cache,
                                      false,
                                      options.generate.seed,
                                      callbacks,
                                      "prefill, full cache",
                                      full.generation);
  generate(request,
           options,
           decoder,
           cache,
           nullptr,
           prefilled.logits,
           {},
           full.generation,
           &full.logprobs);
  full.generation.memory.rss_peak_bytes = peak_rss();
  return full;
}

void write_dumps(const OutputOptions& output,
                 const KvCache& cache,
                 const Prefilled& prefilled,
                 const RunReport& report) {
  if (!output.dump_keep.empty()) write_json(output.dump_keep, kept_positions(cache));
  if (!output.dump_scores.empty()) dump_scores(output.dump_scores, prefilled.trace);
  if (!output.dump_budgets.empty()) write_json(output.dump_budgets, budgets_json(report));
}

}  // namespace

RunReport run(const RunOptions& options, const RunCallbacks& callbacks) {
  const c10::InferenceMode inference;  // no autograd bookkeeping per operator
  const Request request = prepare(options);
  RunReport report = describe(request);
  const Decoder decoder = load_decoder(request, report.run.timings.load_ms);
  std::optional<FullRun> full;
  if (options.output.compare_full) full = run_full(request, options, decoder, callbacks);

  KvCache cache(decoder.cache_layout());
  const uint64_t seed = options.generate.seed;
  const bool keep_scores = !options.output.dump_scores.empty();
  const auto fill = [&](Generation& out) {
    return prefill(request,
                   *request.press,
                   request.budget.entries_total,
                   decoder,
                   cache,
                   keep_scores,
                   seed,
                   callbacks,
                   "prefill",
                   out);
  };
  const Prefilled prefilled = fill(report.run);
  describe_layers(cache, prefilled, report);
  write_dumps(options.output, cache, prefilled, report);
  if (full) {
    report.agreement = agreement(request, decoder, cache, *full, seed);
    cache.clear();
    Generation again;  // the teacher-forced pass changed the cache
    fill(again);
  }
  const auto decode_run = make_decode_run(request, decoder, cache, seed, report.run.timings);
  generate(request,
           options,
           decoder,
           cache,
           decode_run.get(),
           prefilled.logits,
           callbacks.on_text,
           report.run,
           nullptr);
  report.run.memory.rss_peak_bytes = peak_rss();
  if (full) report.full = std::move(full->generation);
  if (!options.output.json.empty()) write_json(options.output.json, to_json(report));
  return report;
}

}  // namespace kvhost
