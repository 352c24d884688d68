// SPDX-License-Identifier: Apache-2.0
#include "describe.hpp"

#include "library.hpp"
#include "sha256.hpp"
#include "slots.hpp"
#include "validate.hpp"
#include "words.hpp"

namespace kvhost::registry {
namespace {

Value value_in(const kvh_value& value) {
  if (!value.present) return {};
  switch (value.type) {
    case KVH_PARAM_BOOL:
      return value.v.i != 0;
    case KVH_PARAM_INT:
      return value.v.i;
    case KVH_PARAM_FLOAT:
      return value.v.d;
    case KVH_PARAM_INT_LIST:
      return std::vector<int64_t>(value.v.ints, value.v.ints + value.count);
    case KVH_PARAM_FLOAT_LIST:
      return std::vector<double>(value.v.doubles, value.v.doubles + value.count);
    default:
      return value.v.s;
  }
}

const char* text_of(const char* text) { return text ? text : ""; }

ParamInfo param_info(const kvh_param& param) {
  ParamInfo info;
  info.name = param.name;
  info.doc = text_of(param.doc);
  info.unit = text_of(param.unit);
  info.type = param.type;
  info.flags = param.flags & known_bits(param_flag_words());
  info.def = value_in(param.def);
  info.min = param.flags & KVH_PARAM_HAS_MIN ? param.min : 0;
  info.max = param.flags & KVH_PARAM_HAS_MAX ? param.max : 0;
  for (const char* const* choice = param.choices; choice && *choice; ++choice) {
    info.choices.emplace_back(*choice);
  }
  return info;
}

NeedInfo need_info(const kvh_need& need) {
  return {need.tensor,
          need.flags & known_bits(need_flag_words()),
          need.window,
          need.phases & known_bits(phase_words()),
          need.layer_stride};
}

}  // namespace

MethodInfo method_info(const kvh_method& method, const char* version) {
  MethodInfo info;
  info.name = method.name;
  info.version = method.version ? method.version : version;
  info.summary = text_of(method.summary);
  info.paper = text_of(method.paper);
  info.reference = text_of(method.reference);
  info.notes = text_of(method.notes);
  for (const char* const* alias = method.aliases; alias && *alias; ++alias) {
    info.aliases.emplace_back(*alias);
  }
  info.default_inner = text_of(method.default_inner);
  info.kind = static_cast<Kind>(method.kind);
  info.flags = method.flags & known_bits(method_flag_words());
  for (uint32_t i = 0; i < method.n_params; ++i)
    info.params.push_back(param_info(*method.params[i]));
  for (uint32_t i = 0; i < method.n_static_needs; ++i)
    info.needs.push_back(need_info(method.static_needs[i]));
  info.slots = slots_of(method);
  return info;
}

Manifest describe_library(const std::filesystem::path& path) {
  Manifest manifest;
  manifest.file = path.filename().string();
  try {
    manifest.sha256 = sha256_file(path);
    manifest.size = std::filesystem::file_size(path);
  } catch (const std::exception& error) {
    throw Refusal("load", error.what());
  }
  // Leaked: destructors of a plugin's statics run when the process ends, never while it is in use.
  static auto& library = *new Library(path);
  const kvh_plugin& plugin = library.plugin(AbiRange{});
  validate_plugin(plugin);
  manifest.plugin = plugin.name;
  manifest.version = plugin.version;
  manifest.vendor = text_of(plugin.vendor);
  manifest.license = text_of(plugin.license);
  manifest.tier = library.tier();
  manifest.torch = torch_record(path);
  manifest.abi = {plugin.abi_major, plugin.abi_minor, plugin.abi_minor_required};
  for (uint32_t i = 0; i < plugin.n_methods; ++i) {
    manifest.methods.push_back(method_info(*plugin.method(i), plugin.version));
  }
  return manifest;
}

}  // namespace kvhost::registry
