// SPDX-License-Identifier: Apache-2.0
#include "method/instance.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <deque>

#include "base/error.hpp"
#include "base/text.hpp"
#include "method/call_guard.hpp"
#include "method/extension.hpp"
#include "method/fence.hpp"
#include "method/layer_data.hpp"
#include "method/need_rules.hpp"
#include "registry/loader.hpp"

namespace kvhost {
namespace {

// kvh_value arrays and what they point to, for the duration of create().
class Values {
 public:
  explicit Values(const Node& node) {
    for (size_t i = 0; i < node.values.size(); ++i)
      values_.push_back(convert(node.method.params[i], node.values[i]));
  }
  const std::vector<kvh_value>& get() const { return values_; }

 private:
  // Composing typed the value as the parameter is, or left it null.
  kvh_value convert(const registry::ParamInfo& param, const registry::Value& given) {
    kvh_value value{};
    value.type = param.type;
    value.present = given.is_null() ? 0 : 1;
    switch (param.type) {
      case KVH_PARAM_BOOL:
        if (value.present) value.v.i = given.as<bool>() ? 1 : 0;
        break;
      case KVH_PARAM_INT:
        if (value.present) value.v.i = given.as<int64_t>();
        break;
      case KVH_PARAM_FLOAT:
        if (value.present) value.v.d = given.as<double>();
        break;
      case KVH_PARAM_INT_LIST:
        ints_.push_back(value.present ? given.as<std::vector<int64_t>>() : std::vector<int64_t>{});
        value.count = static_cast<int64_t>(ints_.back().size());
        value.v.ints = ints_.back().data();
        break;
      case KVH_PARAM_FLOAT_LIST:
        doubles_.push_back(value.present ? given.as<std::vector<double>>() : std::vector<double>{});
        value.count = static_cast<int64_t>(doubles_.back().size());
        value.v.doubles = doubles_.back().data();
        break;
      default:
        strings_.push_back(value.present ? given.as<std::string>() : "");
        value.v.s = strings_.back().c_str();
    }
    return value;
  }

  std::vector<kvh_value> values_;
  std::deque<std::string> strings_;  // deque: addresses stay
  std::deque<std::vector<int64_t>> ints_;
  std::deque<std::vector<double>> doubles_;
};

// The frame behind what a wrapper handed back; null, with words, when it is neither the one that it
// was called with nor a copy of it, on the thread that it was called on.
const LayerFrame* frame_of(const kvh_layer* layer, kvh_error* error) {
  const LayerFrame* shown = ShownFrame::innermost();
  if (shown && layer && (layer == shown || layer->impl == shown->impl)) return shown;
  std::snprintf(error->message,
                sizeof error->message,
                "was handed a kvh_layer that is not this call's, or on another thread; expected "
                "the one that score() got or a copy of it, from the thread that got it");
  return nullptr;
}

kvh_status score_child(const kvh_child* child,
                       const kvh_layer* layer,
                       kvh_scores* out,
                       kvh_error* error) noexcept {
  const LayerFrame* frame = frame_of(layer, error);
  if (!frame) return error->code = KVH_E_INTERNAL;
  const auto* instance = static_cast<const Instance*>(child->impl);
  return frame->data->score_inner(*instance, *frame, layer->layer_budget, out, error);
}

kvh_status score_part_of_child(const kvh_child* child,
                               const kvh_layer* layer,
                               const kvh_part* part,
                               kvh_scores* out,
                               kvh_error* error) noexcept {
  const LayerFrame* frame = frame_of(layer, error);
  if (!frame) return error->code = KVH_E_INTERNAL;
  const auto* instance = static_cast<const Instance*>(child->impl);
  return frame->data->score_part(*instance, *frame, *part, out, error);
}

// Names the functions that run when a library is opened, one after the other.
const kvh_method* load_method(const registry::MethodInfo& info, const CallSite& site) {
  CallGuard guard(site, "the constructors", -1);
  try {
    const kvh_method* method = registry::load(
        info, loading_host(), [&guard](const char* function) { guard.go_on(function); });
    guard.check();
    return method;
  } catch (const registry::LoadError& e) {
    cannot_load("plugin " + info.name, e.what());
  }
}

std::string text_of(const kvh_error& error, kvh_status status) {
  std::string text(error.message, strnlen(error.message, sizeof error.message));
  // libtorch's errors carry a stack trace behind the first line
  text = printable(text.substr(0, text.find('\n')));
  return text.empty() ? "failed with status " + std::to_string(status) + " and no words" : text;
}

}  // namespace

void Instance::refuse(const char* function, int64_t layer, const std::string& what) const {
  run_failed(name_of({site_, function, layer}),
             what + " (in " + function + " of " + site_->library + ")");
}

void Instance::check_fence(const char* function,
                           int64_t layer,
                           const char* broken,
                           const char* array) const {
  if (!*broken) return;
  refuse(function,
         layer,
         std::string("wrote ") + broken + " the " + array +
             " that it was given; expected nothing beyond their count");
}

void Instance::check_answer(const char* function,
                            int64_t layer,
                            kvh_status status,
                            const FencedError& fenced) const {
  if (fenced.broken())
    refuse(function, layer, "wrote around its kvh_error; expected at most the sizes of its fields");
  if (status == KVH_OK) return;
  if (status == KVH_E_CANCELLED && !host_.context().is_cancelled())
    refuse(function,
           layer,
           "says that it was cancelled, and nobody cancelled it; expected KVH_E_CANCELLED only "
           "where kvh_exec.cancelled() says so");
  throw Error(status == KVH_E_CANCELLED ? ExitCode::Interrupted : ExitCode::RunFailed,
              name_of({site_, function, layer}),
              text_of(fenced.error, status));
}

Instance::Instance(const Node& node,
                   const kvh_model* model,
                   const Context& context,
                   Instance* child,
                   uint32_t phases)
    : node_{node.method, node.where},
      site_(&call_site(node.method.library.string(), node.method.name)),
      host_(context, node.method.name, node.where),
      phases_(phases),
      method_(load_method(node.method, *site_)) {
  check_model(model);
  for (const auto& inner : node.inner) {
    inner_.push_back(std::make_unique<Instance>(*inner, model, context, nullptr, phases));
    add_child(*inner_.back(), inner->slot);
  }
  if (inner_.empty() && child) add_child(*child, /*slot=*/0);
  create(node, model);
  read_needs();
  read_when();
}

void Instance::check_model(const kvh_model* model) const {
  if (!model || has_own_flag(KVH_METHOD_MIXED_LAYERS) || is_even(*model)) return;
  bad_request(node_.where,
              "'" + name() + "' is for models whose layers are all alike, and those of '" +
                  model->family + "' differ in heads or dimensions; expected a method that says "
                  "mixed_layers (see `kvhost info NAME`)");
}

void Instance::add_child(const Instance& child, uint32_t slot) {
  children_.push_back(std::make_unique<kvh_child>(kvh_child{sizeof(kvh_child),
                                                            child.method_->kind,
                                                            slot,
                                                            /*reserved=*/0,
                                                            const_cast<Instance*>(&child),
                                                            child.method_->name,
                                                            &score_child,
                                                            &score_part_of_child}));
}

void Instance::create(const Node& node, const kvh_model* model) {
  if (!method_->create) return;
  std::vector<const kvh_child*> children;
  for (const auto& child : children_) children.push_back(child.get());
  const Values values(node);
  kvh_create_args args{};
  args.struct_size = sizeof args;
  args.n_values = static_cast<uint32_t>(values.get().size());
  args.values = values.get().data();
  args.model = model;
  args.host = &host_.get();
  args.children = children.data();
  args.n_children = static_cast<uint32_t>(children.size());
  FencedError fenced;
  const kvh_status status = enter("create()", -1, [&] {
    return method_->create(method_, &args, &instance_, &fenced.error);
  });
  check_made("create()", status, fenced);
}

void Instance::begin(const kvh_sequence_info& info, kvh_sequence** out) const {
  if (!method_->begin) return;
  FencedError fenced;
  const kvh_status status = enter(
      "begin()", -1, [&] { return method_->begin(instance_, &info, out, &fenced.error); });
  check_made("begin()", status, fenced);
}

void Instance::check_made(const char* function,
                          kvh_status status,
                          const FencedError& fenced) const {
  const bool configures = status == KVH_E_CONFIG || status == KVH_E_UNSUPPORTED;
  if (fenced.broken() || (status != KVH_E_RESOURCE && !configures))
    return check_answer(function, -1, status, fenced);
  const kvh_error& error = fenced.error;
  const std::string path = printable({error.path, strnlen(error.path, sizeof error.path)});
  throw Error(configures ? ExitCode::BadRequest : ExitCode::CannotLoad,
              where(),
              name() + (path.empty() ? "" : " " + path) + ": " + text_of(error, status));
}

Instance::~Instance() {
  if (instance_ && method_->destroy) leave("destroy()", [this] { method_->destroy(instance_); });
}

void Instance::read_needs() {
  if (!method_->needs) {
    needs_.assign(method_->static_needs, method_->static_needs + method_->n_static_needs);
    return;
  }
  constexpr uint32_t kMost = 64;  // far more than there are tensors
  Fenced<kvh_need> list;
  kvh_needs out{sizeof(kvh_needs), 0, 0, 0, nullptr};
  for (int attempt = 0; attempt < 2; ++attempt) {
    list = Fenced<kvh_need>(out.count, kvh_need{});
    kvh_need* const given = list.data();
    out.capacity = out.count;
    out.needs = given;
    call("needs()", -1, [&](kvh_error* error) { return method_->needs(instance_, &out, error); });
    check_fence("needs()", -1, list.broken(), "needs");
    if (out.count > kMost)
      refuse("needs()",
             -1,
             "has " + std::to_string(out.count) + " needs; expected at most " +
                 std::to_string(kMost));
    if (out.count <= list.size()) break;
  }
  if (out.count > list.size())
    refuse("needs()", -1, "has more needs when asked again; expected the same every time");
  needs_.assign(list.data(), list.data() + out.count);
  check_needs();
}

void Instance::check_needs() const {
  for (const auto& need : needs_) {
    if (!is_known(need)) {
      if (need.flags & KVH_NEED_OPTIONAL) continue;
      bad_request(node_.where,
                  "'" + name() + "' needs " + unknown_of(need) +
                      ", which this kvhost does not know; expected a newer kvhost");
    }
    if (need.window < 0)
      refuse("needs()",
             -1,
             "asks for a window of " + std::to_string(need.window) + "; expected 0 or more");
    if (is_spread(need) && need.window == 0)
      refuse("needs()", -1, "asks for 0 queries spread over all; expected 1 or more");
    const auto same = [&](const registry::NeedInfo& one) { return one.tensor == need.tensor; };
    const auto& declared = node_.method.needs;
    if (std::none_of(declared.begin(), declared.end(), same))
      refuse("needs()",
             -1,
             "needs tensor " + std::to_string(need.tensor) +
                 ", which its static_needs do not list; expected a part of them");
  }
}

bool Instance::is_wanted(const kvh_need& need) const {
  return is_known(need) && (!need.phases || (need.phases & phases_));
}

void Instance::read_when() {
  const bool heads = method_->kind == KVH_KIND_HEAD_ALLOCATOR;
  if (!heads && method_->kind != KVH_KIND_LAYER_ALLOCATOR) return;
  const auto function = heads ? functions<kvh_head_allocator>()->when
                              : functions<kvh_layer_allocator>()->when;
  if (!function) return;
  when_ = enter("when()", -1, [&] { return function(instance_); });
  if (when_ <= KVH_WHEN_AFTER_PREFILL && !(heads && when_ == KVH_WHEN_MONOTONE)) return;
  refuse("when()",
         -1,
         "says that it decides at " + std::to_string(when_) +
             "; expected KVH_WHEN_BEFORE_PREFILL (0)" + (heads ? "" : ", KVH_WHEN_MONOTONE (1)") +
             " or KVH_WHEN_AFTER_PREFILL (2)");
}

const void* Instance::extension(const char* id) const {
  if (!method_->extension) return nullptr;
  return enter("extension()", -1, [&] { return method_->extension(method_, id); });
}

int64_t Instance::window_of(uint32_t tensor) const {
  int64_t window = 0;
  for (const auto& inner : inner_) window = wider(window, inner->window_of(tensor));
  for (const auto& need : needs_) {
    if (need.tensor != tensor || !is_wanted(need) || is_spread(need) || is_of_passes(need)) continue;
    window = wider(window, need.window <= 0 ? -1 : need.window);
  }
  return window;
}

int64_t Instance::captured_window_of(uint32_t tensor) const {
  const bool parts = has_own_flag(KVH_METHOD_SCORES_PARTS);
  for (const auto& inner : inner_) {
    const bool spread = tensor == KVH_T_QUERY_WINDOW && !inner->query_spreads().empty();
    const bool of_parts = parts && (spread || inner->window_of(tensor) != 0);
    if (of_parts || inner->captured_window_of(tensor) < 0) return -1;
  }
  return window_of(tensor);
}

std::vector<int64_t> Instance::query_spreads() const {
  std::vector<int64_t> counts;
  for (const auto& inner : inner_)
    for (const int64_t n : inner->query_spreads()) counts.push_back(n);
  for (const auto& need : needs_)
    if (is_spread(need) && is_wanted(need) && !is_of_passes(need)) counts.push_back(need.window);
  return counts;
}

bool Instance::needs_tensor(uint32_t tensor) const {
  const auto wanted = [&](const kvh_need& need) { return need.tensor == tensor && is_wanted(need); };
  return std::any_of(needs_.begin(), needs_.end(), wanted) ||
         std::any_of(inner_.begin(), inner_.end(), [tensor](const auto& inner) {
           return inner->needs_tensor(tensor);
         });
}

bool Instance::has_flag(uint32_t flag) const {
  return (method_->flags & flag) || std::any_of(inner_.begin(), inner_.end(), [flag](const auto& inner) {
           return inner->has_flag(flag);
         });
}

}  // namespace kvhost
