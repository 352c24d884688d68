// SPDX-License-Identifier: Apache-2.0
#include "describe.hpp"

#include "library.hpp"
#include "sha256.hpp"
#include "validate.hpp"

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

ParamInfo param_info(const kvh_param& param) {
  ParamInfo info;
  info.name = param.name;
  info.doc = param.doc;
  info.unit = param.unit;
  info.type = param.type;
  info.flags = param.flags;
  info.def = value_in(param.def);
  info.min = param.flags & KVH_PARAM_HAS_MIN ? param.min : 0;
  info.max = param.flags & KVH_PARAM_HAS_MAX ? param.max : 0;
  for (const char* const* choice = param.choices; choice && *choice; ++choice) {
    info.choices.emplace_back(*choice);
  }
  return info;
}

}  // namespace

MethodInfo method_info(const kvh_method& method) {
  MethodInfo info;
  info.name = method.name;
  info.version = method.version;
  info.summary = method.summary;
  info.paper = method.paper;
  info.reference = method.reference;
  info.notes = method.notes;
  for (const char* const* alias = method.aliases; alias && *alias; ++alias) {
    info.aliases.emplace_back(*alias);
  }
  if (const char* inner = default_inner(method)) info.default_inner = inner;
  info.kind = static_cast<Kind>(method.kind);
  info.flags = method.flags;
  for (uint32_t i = 0; i < method.n_params; ++i)
    info.params.push_back(param_info(*method.params[i]));
  for (uint32_t i = 0; i < method.n_static_needs; ++i) {
    const kvh_need& need = method.static_needs[i];
    info.needs.push_back({need.tensor, need.flags, need.window});
  }
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
  manifest.vendor = plugin.vendor;
  manifest.license = plugin.license;
  manifest.tier = library.tier();
  manifest.abi = {plugin.abi_major, plugin.abi_minor, plugin.abi_minor_required};
  for (uint32_t i = 0; i < plugin.n_methods; ++i) {
    manifest.methods.push_back(method_info(*plugin.method(i)));
  }
  return manifest;
}

}  // namespace kvhost::registry
