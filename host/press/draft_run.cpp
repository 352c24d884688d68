// SPDX-License-Identifier: Apache-2.0
#include "press/draft_run.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cstring>

#include "base/error.hpp"
#include "base/likeliest.hpp"
#include "kernels/select.hpp"
#include "method/fence.hpp"

namespace kvhost {
namespace {

// A layer of `from` with the entries of `keep` alone: the whole of it is never held twice.
void copy_kept(const KvCache& from, int64_t layer, const KeepPlan& keep, KvCache& to) {
  const CacheLayout& layout = from.layout();
  LayerRows rows;
  for (const auto& head : keep.heads) rows.lengths.push_back(std::ssize(head));
  LayerMemory memory = to.restore(layer, rows);
  const auto row = static_cast<size_t>(layout.head_dim * element_size(layout.dtype));
  auto* keys = static_cast<std::byte*>(memory.keys);
  auto* values = static_cast<std::byte*>(memory.values);
  for (size_t h = 0; h < keep.heads.size(); ++h) {
    const HeadSpan head = from.head(layer, static_cast<int64_t>(h));
    for (const int32_t entry : keep.heads[h]) {
      const size_t at = static_cast<size_t>(entry) * row;
      std::memcpy(keys, static_cast<const std::byte*>(head.keys) + at, row);
      std::memcpy(values, static_cast<const std::byte*>(head.values) + at, row);
      keys += row, values += row;
      *memory.positions++ = head.positions[entry];
    }
  }
}

int32_t best_of(const at::Tensor& logits) {
  const at::Tensor row = logits.contiguous();
  return static_cast<int32_t>(
      likeliest({row.const_data_ptr<float>(), static_cast<size_t>(row.numel())}));
}

}  // namespace

DraftRun::DraftRun(const PressedSequence& on,
                   const kvh_exec& exec,
                   const Instance& method,
                   SequenceState& state)
    : on_(on),
      exec_(exec),
      method_(method),
      state_(state),
      draft_(*draft_of(method)),
      n_tokens_(draft_tokens(method)),
      queries_(static_cast<size_t>(on.decoder.config().n_layers)) {}

void DraftRun::run(const at::Tensor& logits,
                   const LayerInputsOf& inputs_of,
                   const kvh_prompt* prompt,
                   const std::function<void(double n_tokens)>& progress) {
  KvCache copy = cut_copy(inputs_of);
  read(copy, logits, progress);
  bytes_ = copy.bytes_allocated();
  if (!tokens_.empty()) show(copy, prompt);
}

KeepPlan DraftRun::choose(LayerData& data, int64_t layer) {
  const auto& n_entries = data.n_entries();
  Fenced<int64_t> counts(n_entries.size(), 0);
  LayerScores scores = collect_scores(method_, "cut()", layer, n_entries, [&](kvh_scores* out) {
    data.call("cut()", method_, state_, [&](const kvh_layer& frame, kvh_error* error) {
      return draft_.cut(method_.get(), state_.get(), &frame, out, counts.data(), error);
    });
  });
  method_.check_fence("cut()", layer, counts.broken(), "counts");
  KeepPlan keep;
  for (size_t h = 0; h < n_entries.size(); ++h) {
    const int64_t n = counts.data()[h];
    if (n < 1 || n > n_entries[h])
      method_.refuse("cut()",
                     layer,
                     "keeps " + std::to_string(n) + " entries of KV head " + std::to_string(h) +
                         "; expected 1 to " + std::to_string(n_entries[h]));
    keep.heads.push_back(
        select_top(scores.scores[h].data(), scores.pins[h].data(), n_entries[h], n));
  }
  return keep;
}

KvCache DraftRun::cut_copy(const LayerInputsOf& inputs_of) {
  KvCache copy(on_.cache.layout());
  for (int64_t l = 0; l < on_.cache.layout().n_layers; ++l) {
    check_cancelled(exec_);
    LayerData data(inputs_of(l));
    copy_kept(on_.cache, l, choose(data, l), copy);
  }
  copy.restore_seen(on_.cache.n_seen(), /*n_renumbered=*/0, on_.cache.n_first());
  return copy;
}

void DraftRun::read(KvCache& cache,
                    const at::Tensor& logits,
                    const std::function<void(double)>& progress) {
  const std::vector<int64_t>& ends = on_.decoder.config().eos_token_ids;
  ForwardOptions options;
  options.capture.query_window = -1;
  options.sink = [this](int64_t layer, const LayerCapture& capture) {
    queries_[static_cast<size_t>(layer)].push_back(capture.queries->clone());
  };
  at::Tensor row = logits;
  while (std::ssize(tokens_) < n_tokens_) {
    const int32_t token = best_of(row);
    if (std::find(ends.begin(), ends.end(), token) != ends.end()) break;
    check_cancelled(exec_);
    tokens_.push_back(token);
    row = on_.decoder.forward({&token, 1}, cache, options).select(0, 0);
    progress(static_cast<double>(tokens_.size()));
  }
}

void DraftRun::show(const KvCache& cache, const kvh_prompt* prompt) {
  for (int64_t l = 0; l < cache.layout().n_layers; ++l) {
    const at::Tensor queries = at::cat(queries_[static_cast<size_t>(l)], /*dim=*/1).contiguous();
    queries_[static_cast<size_t>(l)].clear();
    LayerInputs in = layer_inputs(on_, l, exec_);
    in.cache = &cache;
    in.phase = KVH_PHASE_PASS;
    in.n_seen = cache.n_seen();
    in.q_len = std::ssize(tokens_);
    in.prompt = prompt;
    const int64_t shape[] = {queries.size(0), queries.size(1), queries.size(2)};
    const int64_t strides[] = {queries.stride(0), queries.stride(1), queries.stride(2)};
    const kvh_tensor rows{
        queries.data_ptr(), {KVH_DEVICE_CPU, 0}, 3, in.model->dtype, shape, strides, 0};
    LayerData data(in);
    data.call("observe()", method_, state_, [&](const kvh_layer& frame, kvh_error* error) {
      return draft_.observe(method_.get(), state_.get(), &frame, &rows, tokens_.data(), error);
    });
  }
}

}  // namespace kvhost
