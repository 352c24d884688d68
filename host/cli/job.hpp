// SPDX-License-Identifier: Apache-2.0
// A request made ready: everything that can be known of it without weights. What is wrong with it
// is found here.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/prompt.hpp"
#include "engine/engine.hpp"
#include "engine/generate.hpp"
#include "engine/sequence.hpp"
#include "input/options.hpp"

namespace kvhost {

struct JobCallbacks {
  std::function<void(std::string_view phase, double share)> progress;  // may be empty
  GenerationSinks generation;
};

struct Job {
  Engine engine;
  Model model;
  Policy policy;
  Prompt prompt;  // empty with --cache
  SequenceOptions sequence;
  std::vector<std::string> warnings;
};

// Stops at Ctrl-C, tells what methods log on standard error.
Context program_context(const RunOptions& options);

Engine make_engine(const RunOptions& options);
Engine make_engine(const RunOptions& options, const Context& context);  // with another than that
Model open_model(const Engine& engine, const RunOptions& options);

Job prepare(const RunOptions& options);
// Without reading the prompt.
Job prepare_model(const RunOptions& options);

// The prompt read and compressed, or the cache of --cache.
Sequence read_sequence(const Job& job,
                       const RunOptions& options,
                       const JobCallbacks& callbacks,
                       std::string_view phase = "prefill");

// A policy that keeps everything, beside the job's.
Policy full_policy(const Job& job);

GenerationLimits limits_of(const RunOptions& options, const Prompt& prompt);

// The job's measurements of a sequence, before anything was generated.
RunReport describe(const Job& job, const Sequence& sequence);

// Throws Error(BadRequest) unless `n_tokens` fit what the model was made for; before the prefill.
void check_context(const Model& model, int64_t n_tokens);

}  // namespace kvhost
