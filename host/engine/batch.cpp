// SPDX-License-Identifier: Apache-2.0
#include "engine/batch.hpp"

#include <ATen/core/Tensor.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <optional>

#include "base/error.hpp"
#include "engine/sequence_state.hpp"

namespace kvhost {

struct Batch::State {
  struct Reader {
    Sequence::State* sequence;
    std::vector<int32_t> tokens;
    OnLogits on_logits;  // may be empty
    size_t n_read = 0;   // in passes that are done
    size_t n_taken = 0;  // by the pass under way
  };

  std::shared_ptr<const ModelState> model;
  std::vector<Reader> readers;
  std::vector<Reader*> running;  // in the order of the pass's stretches
  std::optional<Forward> forward;

  // Everybody who has tokens left; a sequence that must be cut in between takes several passes.
  bool begin() {
    running.clear();
    std::vector<Stretch> stretches;
    for (auto& reader : readers) {
      const auto rest = std::span(reader.tokens).subspan(reader.n_read);
      if (rest.empty()) continue;
      reader.n_taken = reader.sequence->begin(rest, /*all_logits=*/false);
      running.push_back(&reader);
      stretches.push_back(reader.sequence->stretch());
    }
    if (running.empty()) return false;
    forward.emplace(model->decoder(), std::move(stretches));
    return true;
  }

  void hand_out(size_t stretch, const OnLogits& on_logits) const {
    forward->each_logits(stretch, [&](const at::Tensor& rows) {
      const at::Tensor held = rows.contiguous();  // [n, vocab_size]
      const auto width = static_cast<size_t>(held.size(1));
      for (int64_t i = 0; i < held.size(0); ++i)
        on_logits({held.const_data_ptr<float>() + i * held.size(1), width});
    });
  }

  void end() {
    for (size_t i = 0; i < running.size(); ++i) {
      if (running[i]->on_logits) hand_out(i, running[i]->on_logits);
      running[i]->sequence->end(forward->logits(i));
      running[i]->n_read += running[i]->n_taken;
    }
    forward.reset();
  }
};

Batch::Batch(const Model& model) : state_(std::make_unique<State>()) {
  state_->model = model.shared();
}
Batch::~Batch() = default;

void Batch::add(Sequence& sequence, std::span<const int32_t> tokens) { add(sequence, tokens, {}); }

void Batch::add(Sequence& sequence, std::span<const int32_t> tokens, OnLogits on_logits) {
  Sequence::State& added = sequence.state();
  if (added.model != state_->model)
    bad_request("batch", "the sequence is of another model; expected one of the batch's");
  for (const auto& reader : state_->readers)
    if (reader.sequence == &added) bad_request("batch", "the sequence was added already");
  if (tokens.empty()) bad_request("batch", "no tokens given; expected at least one");
  State::Reader reader{&added, {}, std::move(on_logits)};
  reader.tokens.reserve(tokens.size() + 1);
  if (added.pending) reader.tokens.push_back(*added.pending);  // chosen and not yet read
  added.pending.reset();
  for (const int32_t token : tokens) reader.tokens.push_back(token);
  state_->readers.push_back(std::move(reader));
}

bool Batch::step() {
  const c10::InferenceMode inference;
  State& s = *state_;
  try {
    if (!s.forward && !s.begin()) return false;
    s.forward->step();
    if (s.forward->done()) s.end();
  } catch (...) {
    for (auto* reader : s.running) reader->sequence->fail();
    s.readers.clear();
    s.forward.reset();
    throw;
  }
  return true;
}

}  // namespace kvhost
