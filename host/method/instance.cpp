// SPDX-License-Identifier: Apache-2.0
#include "method/instance.hpp"

#include <algorithm>
#include <cstring>
#include <deque>

#include "base/error.hpp"
#include "method/call_guard.hpp"
#include "method/host_services.hpp"
#include "method/layer_data.hpp"
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

kvh_status score_child(const kvh_child* child,
                       const kvh_layer* layer,
                       kvh_scores* out,
                       kvh_error* error) noexcept {
  const auto* frame = static_cast<const LayerFrame*>(layer);
  const auto* instance = static_cast<const Instance*>(child->impl);
  return frame->data->score_inner(*instance, *frame, out, error);
}

kvh_status score_part_of_child(const kvh_child* child,
                               const kvh_layer* layer,
                               const kvh_part* part,
                               kvh_scores* out,
                               kvh_error* error) noexcept {
  const auto* frame = static_cast<const LayerFrame*>(layer);
  const auto* instance = static_cast<const Instance*>(child->impl);
  return frame->data->score_part(*instance, *frame, *part, out, error);
}

const kvh_method* load_method(const registry::MethodInfo& info) {
  try {
    return registry::load(info, loading_host());
  } catch (const registry::LoadError& e) {
    cannot_load("plugin " + info.name, e.what());
  }
}

std::string text_of(const kvh_error& error, kvh_status status) {
  std::string text(error.message, strnlen(error.message, sizeof error.message));
  // libtorch's errors carry a stack trace behind the first line
  text = text.substr(0, text.find('\n'));
  return text.empty() ? "failed with status " + std::to_string(status) + " and no words" : text;
}

}  // namespace

kvh_error make_error() {
  kvh_error error;
  error.struct_size = sizeof(kvh_error);
  error.code = KVH_OK;
  error.path[0] = error.message[0] = '\0';
  return error;
}

void raise_plugin_error(const std::string& method,
                        int64_t layer,
                        kvh_status status,
                        const kvh_error& error) {
  const std::string where = layer < 0 ? method : method + ", layer " + std::to_string(layer);
  throw Error(status == KVH_E_CANCELLED ? ExitCode::Interrupted : ExitCode::RunFailed,
              where,
              text_of(error, status));
}

Instance::Instance(const Node& node, const kvh_model* model, const kvh_host& host, Instance* child)
    : node_{node.method, node.where}, method_(load_method(node.method)) {
  if (node.inner) {
    inner_ = std::make_unique<Instance>(*node.inner, model, host, nullptr);
    child = inner_.get();
  }
  std::vector<const kvh_child*> children;
  if (child) {
    child_ = {sizeof(kvh_child),
              child->method_->kind,
              child,
              child->method_->name,
              &score_child,
              &score_part_of_child};
    children.push_back(&child_);
  }
  const Values values(node);
  kvh_create_args args{};
  args.struct_size = sizeof args;
  args.n_values = static_cast<uint32_t>(values.get().size());
  args.values = values.get().data();
  args.model = model;
  args.host = &host;
  args.children = children.data();
  args.n_children = static_cast<uint32_t>(children.size());
  kvh_error error = make_error();
  const CallGuard guard(name(), -1);
  const kvh_status status = method_->create(method_, &args, &instance_, &error);
  if (status != KVH_OK) {
    const std::string path(error.path, strnlen(error.path, sizeof error.path));
    const auto code = status == KVH_E_CONFIG || status == KVH_E_UNSUPPORTED ? ExitCode::BadRequest
                      : status == KVH_E_RESOURCE                            ? ExitCode::CannotLoad
                                                                            : ExitCode::RunFailed;
    throw Error(code,
                node.where,
                name() + (path.empty() ? "" : " " + path) + ": " + text_of(error, status));
  }
  read_needs();
}

Instance::~Instance() {
  if (instance_) ask([this] { method_->destroy(instance_); });
}

void Instance::read_needs() {
  if (!method_->needs) {
    needs_.assign(method_->static_needs, method_->static_needs + method_->n_static_needs);
    return;
  }
  kvh_needs out{sizeof(kvh_needs), 0, 0, 0, nullptr};
  for (int attempt = 0; attempt < 2; ++attempt) {
    needs_.resize(out.count);
    out.capacity = out.count;
    out.needs = needs_.data();
    call(-1, [&](kvh_error* error) { return method_->needs(instance_, &out, error); });
    if (out.count <= out.capacity) break;
  }
  needs_.resize(out.count);
  for (const auto& need : needs_)
    if (need.tensor >= KVH_T_COUNT && !(need.flags & KVH_NEED_OPTIONAL))
      bad_request(node_.where,
                  "'" + name() + "' needs tensor " + std::to_string(need.tensor) +
                      ", which this kvhost does not know; expected a newer kvhost");
}

int64_t Instance::window_of(uint32_t tensor) const {
  int64_t window = inner_ ? inner_->window_of(tensor) : 0;
  for (const auto& need : needs_) {
    if (need.tensor != tensor) continue;
    if (need.window <= 0) return -1;
    if (window >= 0) window = std::max(window, need.window);
  }
  return window;
}

int64_t Instance::captured_window_of(uint32_t tensor) const {
  const int64_t own = window_of(tensor);
  const bool parts = has_own_flag(KVH_METHOD_SCORES_PARTS) && inner_->window_of(tensor) != 0;
  return parts || (inner_ && inner_->captured_window_of(tensor) < 0) ? -1 : own;
}

bool Instance::needs_tensor(uint32_t tensor) const {
  const auto wanted = [&](const kvh_need& need) { return need.tensor == tensor; };
  return std::any_of(needs_.begin(), needs_.end(), wanted) ||
         (inner_ && inner_->needs_tensor(tensor));
}

bool Instance::has_flag(uint32_t flag) const {
  return (method_->flags & flag) || (inner_ && inner_->has_flag(flag));
}

SequenceState::SequenceState(const Instance& instance, SequenceState* beside)
    : instance_(instance), beside_(beside) {
  if (instance.method()->begin)
    instance.call(-1, [&](kvh_error* error) {
      return instance.method()->begin(instance.get(), &sequence_, error);
    });
  if (instance.inner()) inner_ = std::make_unique<SequenceState>(*instance.inner());
}

SequenceState::~SequenceState() {
  if (sequence_ && instance_.method()->end)
    instance_.ask([this] { instance_.method()->end(instance_.get(), sequence_); });
}

void SequenceState::after_compact(const kvh_moved& moved) {
  if (instance_.method()->after_compact)
    instance_.call(moved.layer, [&](kvh_error* error) {
      return instance_.method()->after_compact(instance_.get(), sequence_, &moved, error);
    });
  if (inner_) inner_->after_compact(moved);
}

}  // namespace kvhost
