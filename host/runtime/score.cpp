// SPDX-License-Identifier: Apache-2.0
#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <cmath>

#include "base/interrupt.hpp"
#include "base/json_file.hpp"
#include "input/token_file.hpp"
#include "runtime/dumps.hpp"
#include "runtime/generate.hpp"
#include "runtime/session.hpp"

namespace kvhost {
namespace {

constexpr int64_t kLargestBlock =
    256;  // bounds the logits held at once; the result does not depend on it

struct Scored {
  std::vector<double> logprobs;
  std::vector<int64_t> top1;

  void add(std::span<const float> logits, int32_t token) {
    const auto row = log_softmax(logits);
    logprobs.push_back(row[token]);
    top1.push_back(std::max_element(row.begin(), row.end()) - row.begin());
  }
};

nlohmann::json kept_counts(const KvCache& cache) {
  nlohmann::json layers = nlohmann::json::array();
  for (int64_t l = 0; l < cache.layout().n_layers; ++l) {
    nlohmann::json heads = nlohmann::json::array();
    for (int64_t h = 0; h < cache.layout().n_kv_heads; ++h) heads.push_back(cache.n_kept(l, h));
    layers.push_back(heads);
  }
  return layers;
}

nlohmann::json to_json(const Scored& scored, const Request& request) {
  double nll = 0;
  for (const double logprob : scored.logprobs) nll -= logprob;
  nll /= static_cast<double>(scored.logprobs.size());
  return {{"press", request.composition.text()},
          {"n_context_tokens", request.prompt.tokens.size()},
          {"n_continuation_tokens", scored.logprobs.size()},
          {"logprobs", scored.logprobs},
          {"top1", scored.top1},
          {"nll", nll},
          {"ppl", std::exp(nll)},
          {"warnings", request.warnings}};
}

}  // namespace

nlohmann::json score(const ScoreOptions& options, const RunCallbacks& callbacks) {
  const c10::InferenceMode inference;  // no autograd bookkeeping per operator
  const Request request = prepare(options.run);
  const auto continuation = read_token_file(options.continuation_file, request.config.vocab_size);
  Generation prefilled_as;
  const Decoder decoder = load_decoder(request, prefilled_as.timings.load_ms);
  KvCache cache(decoder.cache_layout());
  const Prefilled prefilled = prefill(request,
                                      *request.press,
                                      request.budget.entries_total,
                                      decoder,
                                      cache,
                                      false,
                                      options.run.generate.seed,
                                      callbacks,
                                      "prefill",
                                      prefilled_as);
  Scored scored;
  scored.add(prefilled.logits, continuation[0]);
  if (!options.run.output.dump_keep.empty())
    write_json(options.run.output.dump_keep, kept_positions(cache));
  const auto decode_run =
      make_decode_run(request, decoder, cache, options.run.generate.seed, prefilled_as.timings);
  const auto n = static_cast<int64_t>(continuation.size());
  const int64_t block = options.block > 0 ? options.block : kLargestBlock;
  const nlohmann::json n_kept = kept_counts(cache);
  for (int64_t first = 0; first + 1 < n; first += block) {
    throw_if_interrupted();
    if (callbacks.progress)
      callbacks.progress("scoring", static_cast<double>(first) / static_cast<double>(n));
    const int64_t count = std::min(block, n - 1 - first);
    const at::Tensor logits =
        step(decoder, cache, decode_run.get(), std::span(continuation).subspan(first, count), true)
            .contiguous();
    for (int64_t i = 0; i < count; ++i)
      scored.add(
          {logits.data_ptr<float>() + i * logits.size(-1), static_cast<size_t>(logits.size(-1))},
          continuation[first + i + 1]);
  }
  nlohmann::json result = to_json(scored, request);
  result["n_kept"] = n_kept;
  result["cache_bytes_kept"] = prefilled_as.memory.cache_bytes_kept;
  if (!options.run.output.json.empty()) write_json(options.run.output.json, result);
  return result;
}

}  // namespace kvhost
