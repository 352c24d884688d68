// SPDX-License-Identifier: Apache-2.0
#include "method/host_services.hpp"

#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>

#include <algorithm>
#include <optional>

#include "base/parallel.hpp"
#include "base/text.hpp"
#include "base/version.hpp"
#include "method/call_guard.hpp"
#include "model/weights.hpp"

namespace kvhost {
namespace {

void log_from_plugin(const kvh_host* host, int32_t level, const char* text) noexcept {
  try {
    if (host->impl) static_cast<const PluginHost*>(host->impl)->log(level, text ? text : "");
  } catch (...) {  // a sink's trouble is not the method's
  }
}

const void* no_extension(const kvh_host*, const char*) noexcept { return nullptr; }

int32_t cancelled(const kvh_exec* exec) noexcept {
  return static_cast<const Context*>(exec->impl)->is_cancelled() ? 1 : 0;
}

void run_parallel(const kvh_exec*,
                  int64_t n,
                  void (*body)(void*, int64_t, int64_t, uint32_t) noexcept,
                  void* argument) noexcept {
  CallGuard* const owner = CallGuard::innermost();  // null: on a thread of the plugin's own
  parallel_for(n, 1, [&](int64_t begin, int64_t end) {
    std::optional<CallGuard> share;
    if (owner) share.emplace(*owner);
    body(argument, begin, end, static_cast<uint32_t>(at::get_thread_num()));
  });
}

kvh_host make_host(const PluginHost* of) {
  return {sizeof(kvh_host),
          KVH_ABI_MAJOR,
          KVH_ABI_MINOR,
          /*abi_minor_oldest=*/0,
          version(),
          const_cast<PluginHost*>(of),
          &log_from_plugin,
          &no_extension};
}

}  // namespace

const kvh_host& loading_host() {
  static const kvh_host host = make_host(nullptr);
  return host;
}

PluginHost::PluginHost(const Context& context, const std::string& method, const std::string& where)
    : context_(context), name_(method + " (" + where + ")"), host_(make_host(this)) {}

void PluginHost::log(int32_t level, const char* text) const {
  if (!context_.log) return;
  context_.log(static_cast<Context::Level>(std::clamp(level, 0, 3)),
               name_ + ": " + printable(text));
}

kvh_exec make_exec(const Context& context, uint64_t seed) {
  return {sizeof(kvh_exec),
          static_cast<uint32_t>(num_threads()),
          seed,
          const_cast<Context*>(&context),
          &cancelled,
          &run_parallel};
}

void check_cancelled(const kvh_exec& exec) { static_cast<const Context*>(exec.impl)->check(); }

kvh_dtype plugin_dtype(DType dtype) {
  switch (dtype) {
    case DType::BFloat16:
      return {KVH_DTYPE_BFLOAT, 16, 1};
    case DType::Float16:
      return {KVH_DTYPE_FLOAT, 16, 1};
    default:
      return {KVH_DTYPE_FLOAT, 32, 1};
  }
}

namespace {

kvh_rope plugin_rope(const RopeConfig& rope) {
  return {sizeof(kvh_rope),
          static_cast<int32_t>(rope.rotary_dim),
          rope.inv_freq.data(),
          rope.attention_scaling};
}

}  // namespace

ModelView::ModelView(const ModelConfig& config, DType cache_dtype, int64_t n_first)
    : family_(config.family),
      dir_(config.dir.string()),
      config_(config),
      entry_bytes_(2 * config.head_dim * element_size(cache_dtype)) {
  config_.rope.inv_freq = config.rope.frequencies(n_first);
  config_.local_rope.inv_freq = config.local_rope.frequencies(n_first);
  rope_ = plugin_rope(config_.rope);
  local_rope_ = plugin_rope(config_.local_rope);
  const int64_t n_sinks = config_.attention_sinks ? config_.n_heads : 0;
  sinks_.assign(static_cast<size_t>(config_.n_layers),
                std::vector<float>(static_cast<size_t>(n_sinks)));
  for (int64_t l = 0; l < config_.n_layers; ++l) shapes_.push_back(layer_shape(l));
  for (const auto& shape : shapes_) layers_.push_back(&shape);
  model_.struct_size = sizeof(kvh_model);
  model_.n_layers = static_cast<int32_t>(config.n_layers);
  model_.n_heads = static_cast<int32_t>(config.n_heads);
  model_.n_kv_heads = static_cast<int32_t>(config.n_kv_heads);
  model_.head_dim = static_cast<int32_t>(config.head_dim);
  model_.hidden_size = static_cast<int32_t>(config.hidden_size);
  model_.dtype = plugin_dtype(cache_dtype);
  model_.device = {KVH_DEVICE_CPU, 0};
  model_.family = family_.c_str();
  model_.model_dir = dir_.c_str();
  model_.layers = layers_.data();
}

const kvh_model* ModelView::get(const Weights& weights) const {
  std::call_once(sinks_read_, [&] {
    for (size_t l = 0; l < sinks_.size(); ++l) {
      if (sinks_[l].empty()) continue;
      const float* stored = weights.tensors().layers[l].sinks.const_data_ptr<float>();
      std::copy_n(stored, sinks_[l].size(), sinks_[l].begin());
    }
  });
  return &model_;
}

kvh_layer_shape ModelView::layer_shape(int64_t layer) const {
  kvh_layer_shape shape{};
  shape.struct_size = sizeof shape;
  shape.kind = KVH_LAYER_ATTENTION;
  shape.model_layer = static_cast<int32_t>(layer);
  shape.shares_with = -1;
  shape.n_heads = static_cast<int32_t>(config_.n_heads);
  shape.n_kv_heads = static_cast<int32_t>(config_.n_kv_heads);
  shape.key_dim = shape.value_dim = static_cast<int32_t>(config_.head_dim);
  shape.entry_bytes = entry_bytes_;
  shape.window = config_.window_of(layer);
  shape.scale = config_.score_scale();
  shape.softcap = config_.attention_softcap;
  const std::vector<float>& sinks = sinks_[static_cast<size_t>(layer)];
  shape.sinks = sinks.empty() ? nullptr : sinks.data();
  const RopeConfig* rope = config_.rope_of(layer);
  shape.rope = rope == nullptr ? nullptr : rope == &config_.rope ? &rope_ : &local_rope_;
  return shape;
}

bool is_even(const kvh_model& model) {
  const kvh_layer_shape& first = *model.layers[0];
  return std::all_of(
      model.layers, model.layers + model.n_layers, [&](const kvh_layer_shape* layer) {
        return layer->kind == KVH_LAYER_ATTENTION && layer->shares_with < 0 &&
               layer->n_heads == first.n_heads && layer->n_kv_heads == first.n_kv_heads &&
               layer->key_dim == first.key_dim && layer->value_dim == first.key_dim;
      });
}

}  // namespace kvhost
