// SPDX-License-Identifier: Apache-2.0
#include "cli/job.hpp"

#include <cstdio>

#include "base/error.hpp"
#include "base/interrupt.hpp"
#include "engine/cache_file.hpp"
#include "engine/model_state.hpp"
#include "engine/policy_state.hpp"
#include "input/paths.hpp"

namespace kvhost {

namespace {

constexpr int64_t kDefaultNewTokens = 64;

void check_device(const std::string& device) {
  if (device == "cpu") return;
  cannot_load("--device " + device,
              "this kvhost runs its cache and kernels on the CPU only; expected --device cpu");
}

// A saved cache names its model, so that --model may be left out.
std::filesystem::path model_folder(const RunOptions& options) {
  if (!options.model.empty() || options.prompt.cache.empty()) return resolve_model(options.model);
  const auto facts = read_cache_metadata(options.prompt.cache);
  const auto model = facts.find("model");
  if (model == facts.end() || !std::filesystem::exists(model->second))
    bad_request(options.prompt.cache.string(),
                "was made with the model '" + (model == facts.end() ? "" : model->second) +
                    "', which is not there; expected --model with it");
  return model->second;
}

SequenceOptions sequence_options(const RunOptions& options) {
  SequenceOptions result;
  result.sampling = {options.generate.temperature,
                     options.generate.top_p,
                     options.generate.top_k,
                     options.generate.seed};
  result.method_seed = options.generate.seed;
  result.keep_scores = !options.output.dump_scores.empty();
  return result;
}

}  // namespace

Context program_context(const RunOptions& options) {
  Context context;
  context.cancelled = &interrupted;
  context.log = [](Context::Level level, std::string_view text) {
    if (level < Context::Level::Warning) return;
    std::fprintf(stderr, "kvhost: note: %.*s\n", static_cast<int>(text.size()), text.data());
  };
  context.threads = options.threads;
  return context;
}

Engine make_engine(const RunOptions& options) {
  return make_engine(options, program_context(options));
}

Engine make_engine(const RunOptions& options, const Context& context) {
  check_device(options.device);
  return Engine({options.plugins.paths, options.plugins.prefer}, context);
}

Model open_model(const Engine& engine, const RunOptions& options) {
  ModelOptions model;
  model.folder = model_folder(options);
  model.dtype = options.dtype;
  model.weights = options.weights;
  model.needs_tokenizer =
      options.prompt.tokens_file.empty() || !options.generate.stop.empty() || options.prompt.chat;
  return engine.open(model);
}

void check_context(const Model& model, int64_t n_tokens) {
  if (model.max_positions() <= 0 || n_tokens <= model.max_positions()) return;
  bad_request("--prompt",
              "has " + std::to_string(n_tokens) + " tokens and the model was made for " +
                  std::to_string(model.max_positions()) +
                  "; expected no more: --max-prompt-tokens " +
                  std::to_string(model.max_positions()) + " keeps the first ones");
}

Job prepare_model(const RunOptions& options) {
  const Engine engine = make_engine(options);
  const Model model = open_model(engine, options);
  const Policy policy = engine.policy(model, options.press);
  Job job{engine, model, policy, {}, sequence_options(options), model.warnings()};
  for (const auto& warning : policy.warnings()) job.warnings.push_back(warning);
  return job;
}

namespace {

// What a method cannot do with this prompt is told before the weights are read.
void check_methods(const Job& job) {
  const Press& press = *job.policy.state().press;
  SeenPrompt seen;
  seen.tokens = job.prompt.tokens;
  if (press.wants_prompt()) seen = job.model.state().prompt(job.prompt.tokens);
  seen.n_question = job.prompt.n_question;
  check_prompt(press, seen, job.sequence.method_seed);
}

}  // namespace

Job prepare(const RunOptions& options) {
  Job job = prepare_model(options);
  if (!options.prompt.cache.empty()) return job;
  job.prompt = read_prompt(options.prompt, job.model);
  job.sequence.n_question = job.prompt.n_question;
  check_context(job.model, static_cast<int64_t>(job.prompt.tokens.size()));
  check_methods(job);
  return job;
}

Sequence read_sequence(const Job& job,
                       const RunOptions& options,
                       const JobCallbacks& callbacks,
                       std::string_view phase) {
  if (!options.prompt.cache.empty())
    return Sequence::load(options.prompt.cache, job.model, job.policy, job.sequence);
  Sequence sequence(job.model, job.policy, job.sequence);
  sequence.prefill(job.prompt.tokens, [&](double share) {
    if (callbacks.progress) callbacks.progress(phase, share);
  });
  return sequence;
}

Policy full_policy(const Job& job) {
  PolicyOptions everything;
  everything.press = {PressSource::Form::Text, "none", "--compare-full", ""};
  return job.engine.policy(job.model, everything);
}

GenerationLimits limits_of(const RunOptions& options, const Prompt& prompt) {
  const int64_t wish = prompt.wanted_new_tokens > 0 ? prompt.wanted_new_tokens : kDefaultNewTokens;
  return {options.generate.max_new_tokens.value_or(wish), options.generate.stop};
}

RunReport describe(const Job& job, const Sequence& sequence) {
  RunReport report;
  report.model = job.model.facts();
  report.dtype = job.model.dtype();
  report.press_spec = sequence.press();
  if (report.press_spec == job.policy.press()) report.press_json = job.policy.press_json();
  report.plugins = job.policy.plugins();
  report.decode = sequence.decode_report();
  report.budget = sequence.budget();
  report.n_prompt_tokens = sequence.n_prompt_tokens();
  report.layers = sequence.layers();
  report.observed_name = sequence.observed_name();
  report.observed_from = sequence.observed_from();
  report.run.timings = sequence.timings();
  report.run.memory = sequence.memory();
  report.warnings = job.warnings;
  report.title = job.prompt.title;
  report.question = job.prompt.question;
  report.expect = job.prompt.expect;
  int64_t total = 0;
  for (const auto& layer : report.layers) total += layer.budget;
  if (total != report.budget.entries_total && report.press_spec != "none" && !report.layers.empty())
    report.warnings.push_back("the layers' budgets sum to " + std::to_string(total) + " entries, " +
                              std::to_string(report.budget.entries_total) + " were asked for");
  return report;
}

}  // namespace kvhost
