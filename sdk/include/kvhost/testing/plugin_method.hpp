// SPDX-License-Identifier: Apache-2.0
// For tests of a plugin: a method of it, opened with dlopen and called through the C tables as the
// host does it. Link ${CMAKE_DL_LIBS}.
#pragma once

#include <dlfcn.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

#include "../bias.h"
#include "../own_budget.h"
#include "../plugin.h"
#include "fake_layer.hpp"

namespace kvhost::testing {

using Setting = std::variant<int64_t, double, std::string, std::vector<double>>;
using Settings = std::map<std::string, Setting>;

struct CallFailed : std::runtime_error {
  explicit CallFailed(const kvh_error& e)
      : std::runtime_error(e.message), code(e.code), path(e.path) {}
  kvh_status code;
  std::string path;
};

// Scores and pins of all heads.
struct ScoreTable {
  explicit ScoreTable(const kvh_layer& layer) {
    for (int32_t h = 0; h < layer.n_kv_heads; ++h) {
      counts.push_back(layer.heads[h]->n_entries);
      scores.emplace_back(static_cast<size_t>(counts.back()), std::nanf(""));
      pins.emplace_back(static_cast<size_t>(counts.back()), int8_t{0});
    }
  }
  kvh_scores raw() {
    rows.clear();
    pin_rows.clear();
    for (auto& row : scores) rows.push_back(row.data());
    for (auto& row : pins) pin_rows.push_back(row.data());
    return {sizeof(kvh_scores),
            static_cast<int32_t>(counts.size()),
            counts.data(),
            rows.data(),
            pin_rows.data()};
  }
  // The same to be read; raw() must be called again when rows moved.
  kvh_score_view view() {
    const kvh_scores all = raw();
    return {sizeof(kvh_score_view), all.n_kv_heads, all.n_entries, all.scores, all.pins};
  }

  std::vector<int64_t> counts;
  std::vector<std::vector<float>> scores;
  std::vector<std::vector<int8_t>> pins;
  std::vector<float*> rows;
  std::vector<int8_t*> pin_rows;
};

// What a wrapper under test finds inside: the same scores at every call.
class GivenScores {
 public:
  explicit GivenScores(ScoreTable table) : table_(std::move(table)) {
    child_ = {sizeof(kvh_child), KVH_KIND_SCORER, 0, 0, this, "given", score, nullptr};
  }
  GivenScores(const GivenScores&) = delete;
  GivenScores& operator=(const GivenScores&) = delete;

  const kvh_child& child() const { return child_; }

 private:
  static kvh_status score(const kvh_child* child,
                          const kvh_layer*,
                          kvh_scores* out,
                          kvh_error*) noexcept {
    const ScoreTable& table = static_cast<const GivenScores*>(child->impl)->table_;
    for (size_t h = 0; h < table.scores.size(); ++h) {
      std::copy(table.scores[h].begin(), table.scores[h].end(), out->scores[h]);
      std::copy(table.pins[h].begin(), table.pins[h].end(), out->pins[h]);
    }
    return KVH_OK;
  }

  ScoreTable table_;
  kvh_child child_;
};

class PluginMethod {
 public:
  // `library`: a path. `child`: the inner scorer of a wrapper, which must live as long.
  explicit PluginMethod(const std::string& library,
                        Settings settings = {},
                        const PluginMethod* child = nullptr,
                        const kvh_model* model = nullptr,
                        uint32_t index = 0) {
    child_ = {sizeof(kvh_child),
              KVH_KIND_SCORER,
              0,
              0,
              const_cast<PluginMethod*>(child),
              "inner",
              score_child,
              nullptr};
    open(library, std::move(settings), child ? 1 : 0, model, index);
  }
  PluginMethod(const std::string& library,
               Settings settings,
               const kvh_child& child,
               const kvh_model* model = nullptr,
               uint32_t index = 0)
      : child_(child) {
    open(library, std::move(settings), 1, model, index);
  }
  // `children`: the inner scorers of a wrapper with slots, in their order; they must live as long.
  PluginMethod(const std::string& library,
               Settings settings,
               std::vector<const kvh_child*> children,
               const kvh_model* model = nullptr,
               uint32_t index = 0)
      : children_(std::move(children)) {
    open(library, std::move(settings), static_cast<uint32_t>(children_.size()), model, index);
  }
  ~PluginMethod() {
    if (sequence_ && method_->end) method_->end(instance_, sequence_);
    if (instance_ && method_->destroy) method_->destroy(instance_);
  }
  PluginMethod(const PluginMethod&) = delete;
  PluginMethod& operator=(const PluginMethod&) = delete;

  const kvh_method& method() const { return *method_; }
  const kvh_instance* instance() const { return instance_; }

  std::vector<kvh_need> needs() const {
    if (!method_->needs)
      return {method_->static_needs, method_->static_needs + method_->n_static_needs};
    std::vector<kvh_need> out(8);
    while (true) {
      const auto capacity = static_cast<uint32_t>(out.size());
      kvh_needs raw{sizeof(kvh_needs), capacity, 0, 0, out.data()};
      check([&](kvh_error* e) { return method_->needs(instance_, &raw, e); });
      out.resize(raw.count);
      if (raw.count <= capacity) return out;
    }
  }

  ScoreTable score(const kvh_layer& layer) const {
    ScoreTable table(layer);
    kvh_scores raw = table.raw();
    score_into(layer, raw);
    return table;
  }
  void score_into(const kvh_layer& layer, kvh_scores& out) const {
    const auto* scorer = static_cast<const kvh_scorer*>(method_->functions);
    check([&](kvh_error* e) { return scorer->score(instance_, sequence_, &layer, &out, e); });
  }

  void after_compact(const kvh_moved& moved) const {
    check([&](kvh_error* e) { return method_->after_compact(instance_, sequence_, &moved, e); });
  }

  std::vector<int64_t> allocate(const kvh_layer& layer, ScoreTable& scores) const {
    std::vector<int64_t> budgets(static_cast<size_t>(layer.n_kv_heads), -1);
    const kvh_score_view view = scores.view();
    kvh_scores raw = scores.raw();
    const bool edits = (method_->flags & KVH_METHOD_EDITS_SCORES) != 0;
    const auto* table = static_cast<const kvh_head_allocator*>(method_->functions);
    check([&](kvh_error* e) {
      return table->allocate(
          instance_, sequence_, &layer, &view, edits ? &raw : nullptr, budgets.data(), e);
    });
    return budgets;
  }

  struct LayerResult {
    bool exact = false;
    std::vector<double> shares, observed;
    std::vector<int64_t> entries;
    std::string observed_name;
  };

  uint32_t when() const {
    return layer_table().when ? layer_table().when(instance_) : uint32_t{KVH_WHEN_BEFORE_PREFILL};
  }
  void observe(const kvh_layer& layer) const {
    check([&](kvh_error* e) { return layer_table().observe(instance_, sequence_, &layer, e); });
  }
  // Floors 0, caps kv_len for every head.
  LayerResult allocate(int32_t n_layers,
                       int32_t n_kv_heads,
                       int64_t kv_len,
                       int64_t total,
                       std::optional<int32_t> n_observed = {}) const {
    const auto n = static_cast<size_t>(n_layers);
    const std::vector<int64_t> floors(n, 0), caps(n, kv_len * n_kv_heads);
    LayerResult result{false,
                       std::vector<double>(n),
                       std::vector<double>(n, std::nan("")),
                       std::vector<int64_t>(n),
                       ""};
    std::vector<std::vector<int64_t>> heads(
        n, std::vector<int64_t>(static_cast<size_t>(n_kv_heads), -1));
    std::vector<int64_t*> head_rows;
    for (auto& row : heads) head_rows.push_back(row.data());
    const kvh_layer_request request{sizeof(kvh_layer_request),
                                    KVH_PHASE_PREFILL,
                                    n_layers,
                                    n_kv_heads,
                                    n_observed.value_or(n_layers),
                                    0,
                                    kv_len,
                                    total,
                                    floors.data(),
                                    caps.data(),
                                    nullptr};
    kvh_layer_answer answer{sizeof(kvh_layer_answer),
                            0,
                            result.shares.data(),
                            result.entries.data(),
                            result.observed.data(),
                            0,
                            0,
                            head_rows.data(),
                            ""};
    check([&](kvh_error* e) {
      return layer_table().allocate(instance_, sequence_, &request, &answer, e);
    });
    result.exact = answer.exact == 1;
    result.observed_name = answer.observed_name;
    return result;
  }

  void edit(const kvh_layer& layer, kvh_edit& edit) const {
    const auto* table = static_cast<const kvh_press*>(method_->functions);
    check([&](kvh_error* e) { return table->edit(instance_, sequence_, &layer, &edit, e); });
  }
  // As a host does that keeps biases; NULL: the press edits none.
  const kvh_bias_press* with_biases() const {
    return method_->extension
               ? static_cast<const kvh_bias_press*>(method_->extension(method_, KVH_EXT_BIAS))
               : nullptr;
  }
  void edit(const kvh_layer& layer, kvh_edit& edit, kvh_biases& biases) const {
    check([&](kvh_error* e) {
      return with_biases()->edit(instance_, sequence_, &layer, &edit, &biases, e);
    });
  }

 private:
  void open(const std::string& library,
            Settings settings,
            uint32_t n_children,
            const kvh_model* model,
            uint32_t index) {
    void* handle = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!handle) throw std::runtime_error(dlerror());
    const auto* plugin = static_cast<const kvh_plugin*>(dlsym(handle, KVH_PLUGIN_SYMBOL));
    if (!plugin || plugin->magic != KVH_MAGIC) throw std::runtime_error(library + ": no plugin");
    method_ = plugin->method(index);
    if (!method_) throw std::runtime_error(library + ": no method " + std::to_string(index));
    std::vector<kvh_value> values;
    for (uint32_t i = 0; i < method_->n_params; ++i)
      values.push_back(value_of(*method_->params[i], settings));
    if (!settings.empty()) throw std::runtime_error("unknown setting " + settings.begin()->first);
    if (children_.empty()) children_ = {&child_};
    const kvh_create_args args{sizeof(kvh_create_args),
                               method_->n_params,
                               values.data(),
                               model,
                               nullptr,
                               children_.data(),
                               n_children,
                               0};
    if (method_->create)
      check([&](kvh_error* e) { return method_->create(method_, &args, &instance_, e); });
    const kvh_sequence_info info{
        sizeof(kvh_sequence_info), KVH_PHASE_PREFILL, 0, -1, nullptr, 0, 0};
    if (method_->begin)
      check([&](kvh_error* e) { return method_->begin(instance_, &info, &sequence_, e); });
  }

  template <typename Call>
  static void check(const Call& call) {
    kvh_error error{sizeof(kvh_error), KVH_OK, {}, {}};
    if (call(&error) != KVH_OK) throw CallFailed(error);
  }

  const kvh_layer_allocator& layer_table() const {
    return *static_cast<const kvh_layer_allocator*>(method_->functions);
  }

  kvh_value value_of(const kvh_param& param, Settings& settings) {
    kvh_value value = param.def;
    const auto found = settings.find(param.name);
    if (found == settings.end()) return value;
    value.present = 1;
    if (const auto* i = std::get_if<int64_t>(&found->second)) value.v.i = *i;
    if (const auto* d = std::get_if<double>(&found->second)) value.v.d = *d;
    if (const auto* s = std::get_if<std::string>(&found->second)) {
      value.v.s = strings_.emplace_back(*s).c_str();
    }
    if (const auto* list = std::get_if<std::vector<double>>(&found->second)) {
      value.v.doubles = doubles_.emplace_back(*list).data();
      value.count = static_cast<int64_t>(list->size());
    }
    settings.erase(found);
    return value;
  }

  static kvh_status score_child(const kvh_child* child,
                                const kvh_layer* layer,
                                kvh_scores* out,
                                kvh_error* error) noexcept {
    const auto* self = static_cast<const PluginMethod*>(child->impl);
    const auto* scorer = static_cast<const kvh_scorer*>(self->method_->functions);
    return scorer->score(self->instance_, self->sequence_, layer, out, error);
  }

  const kvh_method* method_ = nullptr;
  kvh_instance* instance_ = nullptr;
  kvh_sequence* sequence_ = nullptr;
  kvh_child child_{};
  std::vector<const kvh_child*> children_;
  std::deque<std::string> strings_;
  std::deque<std::vector<double>> doubles_;
};

}  // namespace kvhost::testing
