// SPDX-License-Identifier: Apache-2.0
#include "registry/loader.hpp"

#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>

#include "describe.hpp"
#include "library.hpp"
#include "manifest.hpp"
#include "sha256.hpp"
#include "validate.hpp"

namespace kvhost::registry {
namespace {

struct Loaded {
  std::string sha256;
  std::unique_ptr<Library> library;
  const kvh_plugin* plugin = nullptr;
  std::string failure;  // of open(); it is asked once per process
};

struct Libraries {
  std::mutex mutex;
  std::map<std::filesystem::path, Loaded> by_path;
};

// Allocated and never freed: methods stay callable however late a static destructor runs.
Libraries& libraries() {
  static auto& all = *new Libraries;
  return all;
}

std::string status_name(kvh_status status) {
  switch (status) {
    case KVH_E_CONFIG:
      return "KVH_E_CONFIG";
    case KVH_E_UNSUPPORTED:
      return "KVH_E_UNSUPPORTED";
    case KVH_E_ABI:
      return "KVH_E_ABI";
    case KVH_E_NEED_MISSING:
      return "KVH_E_NEED_MISSING";
    case KVH_E_SHAPE:
      return "KVH_E_SHAPE";
    case KVH_E_OOM:
      return "KVH_E_OOM";
    case KVH_E_CANCELLED:
      return "KVH_E_CANCELLED";
    case KVH_E_RESOURCE:
      return "KVH_E_RESOURCE";
    default:
      return "KVH_E_INTERNAL";
  }
}

using Before = std::function<void(const char*)>;

std::string ask_open(const kvh_plugin& plugin, const kvh_host& host, const Before& before) {
  if (!plugin.open) return "";
  before("open()");
  kvh_error error = {};
  error.struct_size = sizeof error;
  const kvh_status status = plugin.open(&host, &error);
  if (status == KVH_OK) return "";
  error.message[sizeof error.message - 1] = '\0';
  return "its open() failed with " + status_name(status) + ": " +
         (error.message[0] ? error.message : "no message");
}

Loaded open_library(const MethodInfo& info, const kvh_host& host, const Before& before) {
  const std::string sha256 = sha256_file(info.library);
  if (sha256 != info.sha256) {
    throw Refusal("load",
                  "changed since it was described (SHA-256 " + sha256.substr(0, 12) +
                      "...; expected " + info.sha256.substr(0, 12) +
                      "...); start kvhost again to have it described anew");
  }
  if (const auto torch = torch_record(info.library)) check_torch(*torch);
  Loaded loaded;
  loaded.sha256 = sha256;
  before("the constructors");
  loaded.library = std::make_unique<Library>(info.library);
  before("method()");
  loaded.plugin = &loaded.library->plugin({host.abi_major, host.abi_minor, host.abi_minor_oldest});
  validate_plugin(*loaded.plugin);
  loaded.failure = ask_open(*loaded.plugin, host, before);
  return loaded;
}

// What a manifest says of the library itself.
void check_library(const Loaded& loaded, const MethodInfo& info) {
  const kvh_plugin& plugin = *loaded.plugin;
  const std::string found_abi =
      abi_text({plugin.abi_major, plugin.abi_minor, plugin.abi_minor_required});
  const struct {
    const char* field;
    const std::string& said;
    std::string found;
  } facts[] = {{"plugin", info.plugin, plugin.name},
               {"vendor", info.vendor, plugin.vendor ? plugin.vendor : ""},
               {"license", info.license, plugin.license ? plugin.license : ""},
               {"tier", info.tier, loaded.library->tier()},
               {"abi", info.abi, found_abi}};
  // A manifest from before plugins said it is silent.
  const auto torch = torch_record(info.library);
  const std::string found_torch = torch ? torch_text(*torch) : "";
  if (!info.torch.empty() && info.torch != found_torch)
    throw Refusal("load",
                  "has libtorch '" + found_torch + "'; expected what its manifest says, '" +
                      info.torch + "'; run kvhost-describe on it again");
  for (const auto& fact : facts)
    if (fact.said != fact.found)
      throw Refusal("load",
                    std::string("has ") + fact.field + " '" + fact.found +
                        "'; expected what its manifest says, '" + fact.said +
                        "'; run kvhost-describe on it again");
}

// The host configures methods from manifests: a method that says something else now would be
// misread.
const kvh_method* matching_method(const kvh_plugin& plugin, const MethodInfo& info) {
  if (info.index >= plugin.n_methods) {
    throw Refusal("load",
                  "has " + std::to_string(plugin.n_methods) + " methods; its manifest lists more");
  }
  const kvh_method* method = plugin.method(info.index);
  MethodInfo described = info;
  described.aliases.clear();  // names that another library holds were taken from `info`
  MethodInfo found = method_info(*method, plugin.version);
  found.aliases.clear();
  const nlohmann::json expected = to_json(described), actual = to_json(found);
  const nlohmann::json difference = nlohmann::json::diff(expected, actual);
  if (!difference.empty()) {
    throw Refusal("load",
                  "method '" + info.name + "' differs from its manifest at " +
                      difference.front().at("path").get<std::string>() +
                      "; run kvhost-describe on it again");
  }
  return method;
}

}  // namespace

const kvh_method* load(const MethodInfo& info,
                       const kvh_host& host,
                       const std::function<void(const char*)>& before) {
  if (info.part) return info.part;
  const Before tell = before ? before : [](const char*) {};
  Libraries& all = libraries();
  const std::lock_guard<std::mutex> lock(all.mutex);
  try {
    auto known = all.by_path.find(info.library);
    if (known == all.by_path.end()) {
      known = all.by_path.emplace(info.library, open_library(info, host, tell)).first;
    }
    const Loaded& loaded = known->second;
    if (loaded.sha256 != info.sha256) {
      throw Refusal("load",
                    "is loaded already in another version; start kvhost again to use the new one");
    }
    if (!loaded.failure.empty()) throw Refusal("load", loaded.failure);
    check_library(loaded, info);
    tell("method()");
    return matching_method(*loaded.plugin, info);
  } catch (const std::exception& error) {
    throw LoadError(info.library.string() + ": cannot be loaded: " + error.what() +
                    "; expected memory and files enough for it");
  }
}

MethodInfo part_of(const MethodInfo& method, const kvh_method* part) {
  try {
    if (!part) throw Refusal("load", "hands out no method where it says that it has one");
    validate_method(*part, "what '" + method.name + "' hands out");
    MethodInfo info = method_info(*part, method.version.c_str());
    info.library = method.library;
    info.plugin = method.plugin;
    info.vendor = method.vendor;
    info.license = method.license;
    info.sha256 = method.sha256;
    info.tier = method.tier;
    info.torch = method.torch;
    info.abi = method.abi;
    info.part = part;
    return info;
  } catch (const Refusal& refusal) {
    throw LoadError(method.library.string() + ": " + refusal.what());
  }
}

}  // namespace kvhost::registry
