// SPDX-License-Identifier: Apache-2.0
#include "engine/generate.hpp"

#include "engine/sequence_state.hpp"
#include "engine/text_out.hpp"

namespace kvhost {

Generation generate(Sequence& sequence,
                    const GenerationLimits& limits,
                    const GenerationSinks& sinks) {
  const Sequence::State& state = sequence.state();
  const Model model(state.model);
  const double decode_before = sequence.timings().decode_ms;
  Generation out;
  TextOut text(model.tokenizer(), limits.stop);
  const auto tell = [&] {
    std::string piece = text.take_new();
    if (sinks.on_text && !piece.empty()) sinks.on_text(piece);
    return piece;
  };
  out.finish_reason = "length";
  while (static_cast<int64_t>(out.tokens.size()) < limits.max_new_tokens) {
    state.policy->context().check();
    if (sinks.on_logits) sinks.on_logits(sequence.logits());
    const int32_t token = sequence.next();
    out.tokens.push_back(token);
    const bool ended = model.is_eos(token);
    const bool stopped = !ended && !text.push(token);
    const std::string piece = tell();
    if (sinks.on_token) sinks.on_token(token, piece);
    if (ended || stopped) {
      out.finish_reason = ended ? "eos" : "stop";
      break;
    }
  }
  text.finish();
  tell();
  out.text = text.text();
  // The first token's logits were there, so n tokens take n - 1 passes.
  const auto steps = static_cast<double>(out.tokens.size()) - 1;
  out.timings.decode_ms = sequence.timings().decode_ms - decode_before;
  out.timings.tpot_ms = steps > 0 ? out.timings.decode_ms / steps : 0;
  out.timings.tokens_per_s = out.timings.decode_ms > 0 ? 1000 * steps / out.timings.decode_ms : 0;
  return out;
}

}  // namespace kvhost
