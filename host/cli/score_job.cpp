// SPDX-License-Identifier: Apache-2.0
#include "cli/score_job.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/json_file.hpp"
#include "cli/dumps.hpp"
#include "input/token_file.hpp"
#include "measure/report_json.hpp"

namespace kvhost {
namespace {

struct Scored {
  std::vector<double> logprobs;
  std::vector<int64_t> top1;

  void add(std::span<const float> logits, int32_t token) {
    const auto row = log_softmax(logits);
    logprobs.push_back(row[token]);
    top1.push_back(std::max_element(row.begin(), row.end()) - row.begin());
  }
};

nlohmann::json to_json(const Scored& scored, const Job& job, const Sequence& sequence) {
  double nll = 0;
  for (const double logprob : scored.logprobs) nll -= logprob;
  nll /= static_cast<double>(scored.logprobs.size());
  nlohmann::json n_kept = nlohmann::json::array();
  for (const auto& layer : sequence.layers()) n_kept.push_back(layer.n_kept);
  return {{"press", job.policy.press()},
          {"plugins", to_json(job.policy.plugins())},
          {"n_context_tokens", sequence.n_prompt_tokens()},
          {"n_continuation_tokens", scored.logprobs.size()},
          {"logprobs", scored.logprobs},
          {"top1", scored.top1},
          {"nll", nll},
          {"ppl", std::exp(nll)},
          {"n_kept", n_kept},
          {"cache_bytes_kept", sequence.memory().cache_bytes_kept},
          {"warnings", job.warnings}};
}

}  // namespace

nlohmann::json score(const ScoreOptions& options, const JobCallbacks& callbacks) {
  const Job job = prepare(options.run);
  const auto continuation = read_token_file(options.continuation_file, job.model.vocab_size());
  check_context(job.model, static_cast<int64_t>(job.prompt.tokens.size() + continuation.size()));
  Sequence sequence = read_sequence(job, options.run, callbacks);
  if (!options.run.output.dump_keep.empty())
    write_json(options.run.output.dump_keep, kept_positions(sequence));
  Scored scored;
  const auto n = static_cast<double>(continuation.size());
  const auto add = [&](size_t i, std::span<const float> logits) {
    scored.add(logits, continuation[i]);
    if (callbacks.progress) callbacks.progress("scoring", static_cast<double>(i) / n);
  };
  sequence.force(continuation, add, options.block);
  return to_json(scored, job, sequence);
}

}  // namespace kvhost
