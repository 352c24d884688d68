// SPDX-License-Identifier: Apache-2.0
#include "runtime/generate.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/interrupt.hpp"
#include "measure/stopwatch.hpp"
#include "runtime/sampler.hpp"

namespace kvhost {
namespace {

constexpr int64_t kDefaultNewTokens = 64;

bool is_eos(const ModelConfig& config, int32_t token) {
  const auto& ids = config.eos_token_ids;
  return std::find(ids.begin(), ids.end(), token) != ids.end();
}

// Text so far, cut at the first stop string; streams only what can no longer become part of one.
class TextOut {
 public:
  // No tokenizer: no text.
  TextOut(const Tokenizer* tokenizer,
          const std::vector<std::string>& stops,
          const std::function<void(std::string_view)>& sink)
      : stops_(stops), sink_(sink) {
    if (tokenizer) decoder_.emplace(*tokenizer);
  }

  // False when a stop string was completed.
  bool push(int32_t token) { return !decoder_ || add(decoder_->push(token)); }
  void finish() {
    if (stopped_ || !decoder_) return;
    add(decoder_->flush());
    if (!stopped_) emit(text_.size());
  }
  const std::string& text() const { return text_; }

 private:
  bool add(const std::string& piece) {
    text_ += piece;
    size_t first = std::string::npos;
    for (const auto& stop : stops_) first = std::min(first, text_.find(stop));
    if (first != std::string::npos) {
      text_.resize(first);
      stopped_ = true;
      emit(first);
      return false;
    }
    size_t longest = 0;
    for (const auto& stop : stops_) longest = std::max(longest, stop.size());
    emit(longest == 0 ? text_.size() : text_.size() - std::min(text_.size(), longest - 1));
    return true;
  }

  void emit(size_t end) {
    if (end <= emitted_) return;
    if (sink_) sink_(std::string_view(text_).substr(emitted_, end - emitted_));
    emitted_ = end;
  }

  std::optional<StreamDecoder> decoder_;
  const std::vector<std::string>& stops_;
  const std::function<void(std::string_view)>& sink_;
  std::string text_;
  size_t emitted_ = 0;
  bool stopped_ = false;
};

}  // namespace

std::vector<float> log_softmax(std::span<const float> logits) {
  const float largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float x : logits) sum += std::exp(static_cast<double>(x) - largest);
  const double shift = largest + std::log(sum);
  std::vector<float> out;
  out.reserve(logits.size());
  for (const float x : logits) out.push_back(static_cast<float>(x - shift));
  return out;
}

void generate(const Request& request,
              const RunOptions& options,
              const Decoder& decoder,
              KvCache& cache,
              DecodeRun* decode_run,
              const std::vector<float>& first_logits,
              const std::function<void(std::string_view)>& on_text,
              Generation& out,
              std::vector<std::vector<float>>* logprobs) {
  int64_t limit =
      request.prompt.wanted_new_tokens > 0 ? request.prompt.wanted_new_tokens : kDefaultNewTokens;
  limit = options.generate.max_new_tokens.value_or(limit);
  Sampler sampler(options.generate);
  TextOut text(request.tokenizer.get(), options.generate.stop, on_text);
  std::vector<float> logits = first_logits;
  out.finish_reason = "length";
  out.timings.ttft_ms = out.timings.prefill_ms;
  double decode_ms = 0;
  while (static_cast<int64_t>(out.tokens.size()) < limit) {
    throw_if_interrupted();
    const int32_t token = sampler.next(logits);
    out.tokens.push_back(token);
    if (logprobs) logprobs->push_back(log_softmax(logits));
    if (is_eos(request.config, token)) {
      out.finish_reason = "eos";
      break;
    }
    if (!text.push(token)) {
      out.finish_reason = "stop";
      break;
    }
    if (static_cast<int64_t>(out.tokens.size()) == limit) break;
    const Stopwatch watch(decode_ms);
    const at::Tensor next =
        step(decoder, cache, decode_run, std::span(&out.tokens.back(), 1), false).contiguous();
    logits.assign(next.data_ptr<float>(), next.data_ptr<float>() + next.size(-1));
  }
  text.finish();
  out.text = text.text();
  const auto steps =
      static_cast<double>(out.tokens.size()) - 1;  // the first token comes from the prefill
  out.timings.decode_ms = decode_ms;
  out.timings.tpot_ms = steps > 0 ? decode_ms / steps : 0;
  out.timings.tokens_per_s = decode_ms > 0 ? 1000 * steps / decode_ms : 0;
}

}  // namespace kvhost
