// SPDX-License-Identifier: Apache-2.0
// What is kept: the composition, its budget, and the run file that may hold both.
#include "base/error.hpp"
#include "cli/run_flags.hpp"

namespace kvhost {

namespace {

void clear_budget(PressOptions& press) {
  press.keep_ratio.reset();
  press.compression_ratio.reset();
  press.budget.reset();
}

}  // namespace

void RunFlags::add_press() {
  app_.option_defaults()->group("Compression");
  add_text(
      app_,
      {"--press",
       "SPEC",
       "Methods, outermost first: allocator:scorer, parameters in (). 'none' = full cache. "
       "Default: {press}."},
      [this](const std::string& v) {
        later([v](RunOptions& o) { o.press.press = {PressSource::Form::Text, v, "--press", ""}; });
      });
  add_text(app_,
           {"--decode-press", "SPEC", "What compresses while generating. Default: nothing."},
           [this](const std::string& v) {
             later([v](RunOptions& o) {
               o.press.decode_press = {PressSource::Form::Text, v, "--decode-press", ""};
             });
           });
  add_integer(app_,
              {"--decode-every", "N", "Compress every N generated tokens. Default: 64."},
              kPositive,
              [this](int64_t v) { later([v](RunOptions& o) { o.press.decode_every = v; }); });
  add_integer(app_,
              {"--decode-budget",
               "N",
               "Entries per head kept while generating. Default: the prefill budget."},
              kPositive,
              [this](int64_t v) { later([v](RunOptions& o) { o.press.decode_budget = v; }); });
  add_number(app_,
             {"--decode-keep-ratio",
              "X",
              "Instead: share of all tokens seen so far that stays while generating."},
             kKeepRatioLimits,
             [this](double v) { later([v](RunOptions& o) { o.press.decode_keep_ratio = v; }); });
  add_text(app_,
           {"--config", "FILE", "A JSON run file; flags win over it."},
           [this](const std::string& v) { config_ = v; });

  add_budget();
}

void RunFlags::add_budget() {
  app_.option_defaults()->group("Budget (at most one; default: --keep-ratio 0.25)");
  const char* const group = "--keep-ratio, --compression-ratio, --budget";
  add_number(app_,
             {"--keep-ratio", "X", "Share of the entries kept, in (0, 1]."},
             kKeepRatioLimits,
             [this, group](double v) {
               name_one_of(group, budget_flag_, "--keep-ratio");
               later([v](RunOptions& o) { clear_budget(o.press), o.press.keep_ratio = v; });
             });
  add_number(app_,
             {"--compression-ratio", "X", "Share of the entries removed, in [0, 1)."},
             kCompressionRatioLimits,
             [this, group](double v) {
               name_one_of(group, budget_flag_, "--compression-ratio");
               later([v](RunOptions& o) { clear_budget(o.press), o.press.compression_ratio = v; });
             });
  add_integer(app_,
              {"--budget", "N", "Entries kept per layer and KV head on average."},
              kPositive,
              [this, group](int64_t v) {
                name_one_of(group, budget_flag_, "--budget");
                later([v](RunOptions& o) { clear_budget(o.press), o.press.budget = v; });
              });
  add_integer(app_,
              {"--min-entries",
               "N",
               "A ratio leaves at least N entries per head: short prompts are kept whole. Default: "
               "128 (score: 0); 0 = compress however short."},
              kNotNegative,
              [this](int64_t v) { later([v](RunOptions& o) { o.press.min_entries = v; }); });
}

}  // namespace kvhost
