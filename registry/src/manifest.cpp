// SPDX-License-Identifier: Apache-2.0
#include "manifest.hpp"

#include <limits>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include "kvhost/plugin.h"
#include "registry/value_json.hpp"
#include "plain_text.hpp"
#include "slots.hpp"
#include "words.hpp"

namespace kvhost::registry {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr int kManifestVersion = 1;

// A bound as users would write it: an integer for integer parameters, null when there is none.
ordered_json bound(const ParamInfo& param, uint32_t flag, double value) {
  if (!(param.flags & flag)) return nullptr;
  const bool integer = param.type == KVH_PARAM_INT || param.type == KVH_PARAM_INT_LIST;
  if (integer) return static_cast<int64_t>(value);
  return value;
}

void check_text(const std::string& text, const std::string& name) {
  if (const char* why = unfit(text, name == "notes" || name == "doc"))
    throw std::runtime_error("field '" + name + "' " + why);
}
void check_text(const std::vector<std::string>& texts, const std::string& name) {
  for (const std::string& text : texts) check_text(text, name);
}
template <typename T>
void check_text(const T&, const std::string&) {}

// A number that T cannot hold would be read as another.
template <typename T>
void check_whole(const json& value, const char* name) {
  const bool negative = value.is_number_integer() && !value.is_number_unsigned();
  const bool fits = negative ? std::in_range<T>(value.get<int64_t>())
                             : value.is_number_unsigned() && std::in_range<T>(value.get<uint64_t>());
  if (!fits)
    throw std::runtime_error(std::string("field '") + name + "' holds " +
                             (value.is_number() ? value.dump() : value.type_name()) +
                             "; expected a whole number up to " +
                             std::to_string(std::numeric_limits<T>::max()));
}

template <typename T>
T field(const json& object, const char* name) {
  if (!object.is_object() || !object.contains(name)) {
    throw std::runtime_error(std::string("field '") + name + "' is absent");
  }
  if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>)
    check_whole<T>(object.at(name), name);
  try {
    T value = object.at(name).get<T>();
    check_text(value, name);
    return value;
  } catch (const json::exception&) {
    throw std::runtime_error(std::string("field '") + name + "' has an unexpected type");
  }
}

double bound_from(const json& object, const char* name) {
  const json value = field<json>(object, name);
  return value.is_number() ? value.get<double>() : 0.0;
}

// Typed as the parameter is: a whole number may stand for a float, and an empty list is of its
// elements' type.
Value default_from(const json& object, uint32_t type) {
  const std::optional<Value> value = value_from(field<json>(object, "default"));
  if (value && value->is_null()) return *value;
  if (value && type == KVH_PARAM_FLOAT && value->is<int64_t>())
    return static_cast<double>(value->as<int64_t>());
  if (value && type == KVH_PARAM_FLOAT_LIST && value->is<std::vector<int64_t>>()) {
    const auto& integers = value->as<std::vector<int64_t>>();
    return std::vector<double>(integers.begin(), integers.end());
  }
  const bool fits = value && (type == KVH_PARAM_BOOL         ? value->is<bool>()
                              : type == KVH_PARAM_INT        ? value->is<int64_t>()
                              : type == KVH_PARAM_FLOAT      ? value->is<double>()
                              : type == KVH_PARAM_INT_LIST   ? value->is<std::vector<int64_t>>()
                              : type == KVH_PARAM_FLOAT_LIST ? value->is<std::vector<double>>()
                                                             : value->is<std::string>());
  if (fits) return *value;
  throw std::runtime_error(std::string("field 'default' holds ") +
                           (value ? value->kind() : "an object or array") + "; expected " +
                           word_of(param_type_words(), type));
}

// Words are for people; the bits tell what a newer kvhost has no words here for. Of these, the high
// ones may be ignored.
uint32_t flags_from(const json& object, const Words& words, const char* what) {
  if (!object.contains("flag_bits"))
    return bits_of_words(words, field<std::vector<std::string>>(object, "flags"), what);
  const auto bits = field<uint32_t>(object, "flag_bits"), known = known_bits(words);
  if (const uint32_t unknown = bits & ~known & KVH_MUST_UNDERSTAND)
    throw std::runtime_error(std::string(what) + " holds the unknown bits " +
                             std::to_string(unknown) + "; expected a newer kvhost");
  return bits & known;
}

ParamInfo param_from_json(const json& object) {
  ParamInfo param;
  param.name = field<std::string>(object, "name");
  param.doc = field<std::string>(object, "doc");
  param.unit = field<std::string>(object, "unit");
  param.type = value_of(param_type_words(), field<std::string>(object, "type"), "type");
  param.flags = flags_from(object, param_flag_words(), "a parameter's flag");
  param.def = default_from(object, param.type);
  param.min = bound_from(object, "min");
  param.max = bound_from(object, "max");
  param.choices = field<std::vector<std::string>>(object, "choices");
  return param;
}

NeedInfo need_from_json(const json& object) {
  NeedInfo need;
  need.tensor = object.contains("id")
                    ? field<uint32_t>(object, "id")
                    : value_of(tensor_words(), field<std::string>(object, "tensor"), "tensor");
  need.flags = flags_from(object, need_flag_words(), "a need's flag");
  if (!word_of(tensor_words(), need.tensor) && !(need.flags & KVH_NEED_OPTIONAL))
    throw std::runtime_error("a need is of " + tensor_text(need.tensor) +
                             ", which this kvhost does not know; expected a newer kvhost");
  need.window = field<int64_t>(object, "window");
  if (object.contains("phases"))
    for (const std::string& phase : field<std::vector<std::string>>(object, "phases"))
      for (const Word& word : phase_words())
        if (phase == word.word) need.phases |= word.value;
  if (object.contains("layer_stride")) need.layer_stride = field<uint32_t>(object, "layer_stride");
  return need;
}

SlotInfo slot_from_json(const json& object) {
  SlotInfo slot;
  slot.name = field<std::string>(object, "name");
  for (const std::string& kind : field<std::vector<std::string>>(object, "kinds"))
    slot.kinds |= 1u << value_of(kind_words(), kind, "kind");
  slot.min = field<uint32_t>(object, "min");
  slot.max = field<uint32_t>(object, "max");
  return slot;
}

// Absent in manifests from before plugins said so, null where there is no libtorch.
std::optional<TorchRecord> torch_from(const json& object) {
  if (!object.contains("torch") || object.at("torch").is_null()) return std::nullopt;
  const json& torch = object.at("torch");
  return TorchRecord{field<std::string>(torch, "version"), field<bool>(torch, "cxx11_abi")};
}

MethodInfo method_from_json(const json& object, const Manifest& manifest, uint32_t index) {
  MethodInfo method;
  method.name = field<std::string>(object, "name");
  method.version = field<std::string>(object, "version");
  method.summary = field<std::string>(object, "summary");
  method.paper = field<std::string>(object, "paper");
  method.reference = field<std::string>(object, "reference");
  method.notes = field<std::string>(object, "notes");
  method.aliases = field<std::vector<std::string>>(object, "aliases");
  // Absent in manifests from before there were default scorers.
  if (object.contains("default_inner"))
    method.default_inner = field<std::string>(object, "default_inner");
  method.kind =
      static_cast<Kind>(value_of(kind_words(), field<std::string>(object, "kind"), "kind"));
  method.flags = flags_from(object, method_flag_words(), "a method's flag");
  for (const json& param : field<json>(object, "params"))
    method.params.push_back(param_from_json(param));
  for (const json& need : field<json>(object, "needs"))
    method.needs.push_back(need_from_json(need));
  if (object.contains("slots"))  // absent in manifests from before there were several
    for (const json& slot : field<json>(object, "slots"))
      method.slots.push_back(slot_from_json(slot));
  check_slots(method.slots, method.kind, "method '" + method.name + "'");
  method.index = index;
  method.plugin = manifest.plugin;
  method.vendor = manifest.vendor;
  method.license = manifest.license;
  method.sha256 = manifest.sha256;
  method.tier = manifest.tier;
  method.torch = manifest.torch ? torch_text(*manifest.torch) : "";
  method.abi = abi_text(manifest.abi);
  return method;
}

}  // namespace

ordered_json to_json(const ParamInfo& param) {
  return {{"name", param.name},
          {"type", word_of(param_type_words(), param.type)},
          {"default", json_of(param.def)},
          {"min", bound(param, KVH_PARAM_HAS_MIN, param.min)},
          {"max", bound(param, KVH_PARAM_HAS_MAX, param.max)},
          {"choices", param.choices},
          {"unit", param.unit},
          {"doc", param.doc},
          {"flags", words_of_bits(param_flag_words(), param.flags)},
          {"flag_bits", param.flags}};
}

ordered_json to_json(const NeedInfo& need) {
  return {{"tensor", tensor_text(need.tensor)},
          {"id", need.tensor},
          {"flags", words_of_bits(need_flag_words(), need.flags)},
          {"flag_bits", need.flags},
          {"window", need.window},
          {"phases", words_of_bits(phase_words(), need.phases)},
          {"layer_stride", need.layer_stride}};
}

ordered_json to_json(const SlotInfo& slot) {
  std::vector<std::string> kinds;
  for (const Word& kind : kind_words())
    if (slot.kinds >> kind.value & 1) kinds.emplace_back(kind.word);
  return {{"name", slot.name}, {"kinds", kinds}, {"min", slot.min}, {"max", slot.max}};
}

ordered_json to_json(const MethodInfo& method) {
  ordered_json params = ordered_json::array();
  for (const ParamInfo& param : method.params) params.push_back(to_json(param));
  ordered_json needs = ordered_json::array();
  for (const NeedInfo& need : method.needs) needs.push_back(to_json(need));
  ordered_json slots = ordered_json::array();
  for (const SlotInfo& slot : method.slots) slots.push_back(to_json(slot));
  return {{"name", method.name},
          {"version", method.version},
          {"kind", kind_name(method.kind)},
          {"flags", words_of_bits(method_flag_words(), method.flags)},
          {"flag_bits", method.flags},
          {"aliases", method.aliases},
          {"default_inner", method.default_inner},
          {"summary", method.summary},
          {"paper", method.paper},
          {"reference", method.reference},
          {"notes", method.notes},
          {"params", params},
          {"needs", needs},
          {"slots", slots}};
}

ordered_json to_json(const Manifest& manifest) {
  ordered_json torch;
  if (manifest.torch)
    torch = {{"version", manifest.torch->version}, {"cxx11_abi", manifest.torch->cxx11_abi}};
  ordered_json methods = ordered_json::array();
  for (const MethodInfo& method : manifest.methods) methods.push_back(to_json(method));
  return {
      {"manifest", kManifestVersion},
      {"plugin", manifest.plugin},
      {"version", manifest.version},
      {"vendor", manifest.vendor},
      {"license", manifest.license},
      {"library", {{"file", manifest.file}, {"sha256", manifest.sha256}, {"size", manifest.size}}},
      {"abi",
       {{"major", manifest.abi.major},
        {"minor", manifest.abi.minor},
        {"minor_required", manifest.abi.minor_required}}},
      {"tier", manifest.tier},
      {"torch", torch},
      {"methods", methods}};
}

Manifest manifest_from_json(const json& object) {
  const int version = field<int>(object, "manifest");
  if (version != kManifestVersion) {
    throw std::runtime_error("manifest version is " + std::to_string(version) + "; expected " +
                             std::to_string(kManifestVersion));
  }
  Manifest manifest;
  manifest.plugin = field<std::string>(object, "plugin");
  manifest.version = field<std::string>(object, "version");
  manifest.vendor = field<std::string>(object, "vendor");
  manifest.license = field<std::string>(object, "license");
  manifest.tier = field<std::string>(object, "tier");
  manifest.torch = torch_from(object);
  const json library = field<json>(object, "library");
  manifest.file = field<std::string>(library, "file");
  manifest.sha256 = field<std::string>(library, "sha256");
  manifest.size = field<uint64_t>(library, "size");
  const json abi = field<json>(object, "abi");
  manifest.abi = {field<uint32_t>(abi, "major"),
                  field<uint32_t>(abi, "minor"),
                  field<uint32_t>(abi, "minor_required")};
  uint32_t index = 0;
  for (const json& method : field<json>(object, "methods")) {
    manifest.methods.push_back(method_from_json(method, manifest, index++));
  }
  return manifest;
}

std::string abi_text(const AbiInfo& abi) {
  return std::to_string(abi.major) + "." + std::to_string(abi.minor) + ", needs " +
         std::to_string(abi.major) + "." + std::to_string(abi.minor_required);
}

std::filesystem::path manifest_path(const std::filesystem::path& library) {
  std::filesystem::path path = library;
  return path.replace_extension(".kvh.json");
}

}  // namespace kvhost::registry
