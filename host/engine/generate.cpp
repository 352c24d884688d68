// SPDX-License-Identifier: Apache-2.0
#include "engine/generate.hpp"

#include <algorithm>
#include <optional>

#include "engine/sequence_state.hpp"

namespace kvhost {
namespace {

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
  // What became final since it was asked last.
  std::string take_new() {
    std::string piece = text_.substr(taken_, emitted_ - taken_);
    taken_ = emitted_;
    return piece;
  }
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
  size_t emitted_ = 0, taken_ = 0;
  bool stopped_ = false;
};

}  // namespace

Generation generate(Sequence& sequence,
                    const GenerationLimits& limits,
                    const GenerationSinks& sinks) {
  const Sequence::State& state = sequence.state();
  const Model model(state.model);
  const double decode_before = sequence.timings().decode_ms;
  Generation out;
  TextOut text(model.tokenizer(), limits.stop, sinks.on_text);
  out.finish_reason = "length";
  while (static_cast<int64_t>(out.tokens.size()) < limits.max_new_tokens) {
    state.policy->context().check();
    if (sinks.on_logits) sinks.on_logits(sequence.logits());
    const int32_t token = sequence.next();
    out.tokens.push_back(token);
    const bool ended = model.is_eos(token);
    const bool stopped = !ended && !text.push(token);
    if (sinks.on_token) sinks.on_token(token, text.take_new());
    if (ended || stopped) {
      out.finish_reason = ended ? "eos" : "stop";
      break;
    }
  }
  text.finish();
  out.text = text.text();
  // The first token's logits were there, so n tokens take n - 1 passes.
  const auto steps = static_cast<double>(out.tokens.size()) - 1;
  out.timings.decode_ms = sequence.timings().decode_ms - decode_before;
  out.timings.tpot_ms = steps > 0 ? out.timings.decode_ms / steps : 0;
  out.timings.tokens_per_s = out.timings.decode_ms > 0 ? 1000 * steps / out.timings.decode_ms : 0;
  return out;
}

}  // namespace kvhost
