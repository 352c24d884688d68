// SPDX-License-Identifier: Apache-2.0
#include "press/pass_run.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <utility>

#include "base/dtype.hpp"
#include "base/error.hpp"
#include "kernels/column_reduction.hpp"
#include "model/gradients.hpp"
#include "model/weights.hpp"

namespace kvhost {
namespace {

std::string range_text(int64_t begin, int64_t end) {
  std::string text = "[";
  text.append(std::to_string(begin)).append(", ").append(std::to_string(end)).append(")");
  return text;
}

AttentionShape attention_shape(const Decoder& decoder, int64_t layer, int64_t n_tokens) {
  const ModelConfig& config = decoder.config();
  AttentionShape shape;
  shape.n_heads = config.n_heads;
  shape.n_kv_heads = config.n_kv_heads;
  shape.head_dim = config.head_dim;
  shape.q_len = n_tokens;
  shape.sliding_window = config.window_of(layer);
  shape.scale = static_cast<float>(config.score_scale());
  shape.softcap = static_cast<float>(config.attention_softcap);
  shape.dtype = decoder.cache_layout().dtype;
  const at::Tensor& sinks = decoder.weights().tensors().layers[static_cast<size_t>(layer)].sinks;
  if (sinks.defined()) shape.sinks = sinks.const_data_ptr<float>();
  return shape;
}

}  // namespace

PassRun::PassRun(const PressedSequence& on,
                 const kvh_exec& exec,
                 const PromptView& prompt,
                 const Instance& method,
                 SequenceState& state)
    : on_(on),
      exec_(exec),
      prompt_(prompt),
      method_(method),
      state_(state),
      passes_(*passes_of(method)),
      cost_(pass_cost(method, prompt)),
      n_prompt_(prompt.get()->n_tokens) {}

void PassRun::run(const std::function<void(double n_tokens)>& progress) {
  double done = 0;
  for (int64_t i = 0; i < cost_.n_passes; ++i) {
    const kvh_pass pass = next(i);
    const auto n = static_cast<double>(pass.n_tokens);
    read(pass, [&](double share) { progress(done + share * n); });
    done += n;
  }
}

kvh_pass PassRun::next(int64_t index) {
  kvh_pass pass{};
  pass.struct_size = sizeof pass;
  method_.call("next()", -1, [&](kvh_error* error) {
    return passes_.next(method_.get(), state_.get(), prompt_.get(), index, &pass, error);
  });
  check(pass);
  return pass;
}

void PassRun::check(const kvh_pass& pass) const {
  const auto refuse = [this](const std::string& what) { run_failed(method_.name(), what); };
  if (pass.n_tokens < 1 || pass.n_tokens > cost_.longest)
    refuse("hands over a pass of " + std::to_string(pass.n_tokens) + " tokens; expected 1 to " +
           std::to_string(cost_.longest) + ", as its cost says");
  if (pass.reduce > KVH_REDUCE_SUM || pass.rows > KVH_ROWS_BY_GRADIENT)
    refuse("asks for reduction " + std::to_string(pass.reduce) + " of rows of kind " +
           std::to_string(pass.rows) +
           ", which this kvhost does not know; expected a newer kvhost");
  int64_t end = 0;
  bool inside = pass.n_seen == 0;
  const kvh_range& columns = pass.columns;
  for (uint32_t i = 0; i < pass.n_seen; ++i) {
    const kvh_range& range = pass.seen[i];
    if (range.begin < end || range.end < range.begin || range.end > n_prompt_)
      refuse("wants to see positions " + range_text(range.begin, range.end) +
             "; expected ascending ranges inside " + range_text(0, n_prompt_));
    end = range.end;
    inside = inside || (columns.begin >= range.begin && columns.end <= range.end);
  }
  if (columns.begin < 0 || columns.end < columns.begin || columns.end > n_prompt_ || !inside)
    refuse("wants the columns " + range_text(columns.begin, columns.end) +
           "; expected a range of positions that it sees, inside " + range_text(0, n_prompt_));
}

void PassRun::read(const kvh_pass& pass, const ProgressSink& progress) {
  ForwardOptions options;
  options.capture.query_window = -1;
  if (pass.rows == KVH_ROWS_BY_HIDDEN || method_.window_of(KVH_T_HIDDEN) != 0)
    options.capture.hidden_window = -1;
  options.sink = [&](int64_t layer, const LayerCapture& capture) {
    on_layer(pass, layer, capture);
  };
  // Beside a pass, its gradients take four times as long.
  const bool gradients = pass.rows == KVH_ROWS_BY_GRADIENT;
  if (gradients) differentiate(pass, [&](double share) { progress(0.8 * share); });
  options.progress = [&](double share) { progress(gradients ? 0.8 + 0.2 * share : share); };
  on_.decoder.forward({pass.tokens, static_cast<size_t>(pass.n_tokens)}, on_.cache, options);
  on_.cache.truncate(n_prompt_);
}

void PassRun::differentiate(const kvh_pass& pass, const ProgressSink& progress) {
  const DType dtype = on_.decoder.cache_layout().dtype;
  if (dtype != DType::Float32)
    bad_request("--dtype",
                "'" + method_.name() +
                    "' needs gradients, which are computed in float32, and the "
                    "model runs in " +
                    dtype_name(dtype) + "; expected --dtype float32");
  gradients_ = attention_gradient_norms(on_.decoder.weights(),
                                        {pass.tokens, static_cast<size_t>(pass.n_tokens)},
                                        on_.cache,
                                        progress);
}

at::Tensor PassRun::row_weights(const kvh_pass& pass,
                                int64_t layer,
                                const LayerCapture& capture) const {
  if (pass.rows == KVH_ROWS_BY_GRADIENT) return gradients_[static_cast<size_t>(layer)];
  if (pass.rows == KVH_ROWS_PLAIN) return {};
  return capture.hidden->to(at::kFloat).norm(/*p=*/2, /*dim=*/-1).reciprocal_().contiguous();
}

void PassRun::on_layer(const kvh_pass& pass, int64_t layer, const LayerCapture& capture) {
  check_cancelled(exec_);
  const CacheLayout& layout = on_.cache.layout();
  std::vector<HeadSpan> heads;
  for (int64_t h = 0; h < layout.n_kv_heads; ++h) heads.push_back(on_.cache.head(layer, h));
  const at::Tensor queries = capture.queries->contiguous();
  const at::Tensor weights = row_weights(pass, layer, capture);  // [n_tokens] or undefined
  ColumnReduction what;
  what.shape = attention_shape(on_.decoder, layer, pass.n_tokens);
  what.heads = heads.data();
  what.queries = queries.const_data_ptr();
  what.first_position = n_prompt_;
  for (uint32_t i = 0; i < pass.n_seen; ++i)
    what.seen.push_back({pass.seen[i].begin, pass.seen[i].end});
  if (pass.n_seen > 0) what.seen.push_back({n_prompt_, n_prompt_ + pass.n_tokens});
  what.columns = {pass.columns.begin, pass.columns.end};
  what.sum = pass.reduce == KVH_REDUCE_SUM;
  what.per_head = pass.per_head != 0;
  what.row_weight = weights.defined() ? weights.const_data_ptr<float>() : nullptr;
  const PositionRange entries = entries_at(heads[0], what.columns);
  const int64_t n = entries.end - entries.begin;
  const int64_t n_rows = what.per_head ? what.shape.n_heads : what.shape.n_kv_heads;
  std::vector<float> values(static_cast<size_t>(n_rows * n));
  reduce_columns(what, values.data());
  kvh_columns columns{
      sizeof(kvh_columns), static_cast<int32_t>(n_rows), n, entries.begin, values.data()};
  show(pass, layer, capture, columns);
}

void PassRun::show(const kvh_pass& pass,
                   int64_t layer,
                   const LayerCapture& capture,
                   kvh_columns& columns) {
  LayerInputs in = layer_inputs(on_, layer, exec_);
  in.phase = KVH_PHASE_PASS;
  in.n_seen = n_prompt_ + pass.n_tokens;
  in.q_len = pass.n_tokens;
  in.hidden = capture.hidden;
  if (method_.needs_tensor(KVH_T_QUERY_WINDOW)) in.queries = capture.queries;
  in.prompt = prompt_.get();
  LayerData data(in);
  data.call("observe()", method_, state_, [&](const kvh_layer& frame, kvh_error* error) {
    return passes_.observe(method_.get(), state_.get(), &frame, &columns, error);
  });
}

}  // namespace kvhost
