// SPDX-License-Identifier: Apache-2.0
#include "library.hpp"

#include <dlfcn.h>
#include <link.h>

#include <boost/dll/shared_library.hpp>

namespace kvhost::registry {
namespace {

// Boost wraps the loader's words in its own; only the loader's say what to do.
std::string loader_text(const std::string& what) {
  const std::string begin = "dlerror system message: ";
  const size_t from = what.find(begin);
  const size_t to = what.rfind("): ");
  if (from == std::string::npos || to == std::string::npos || to < from) return what;
  return what.substr(from + begin.size(), to - from - begin.size());
}

std::string abi(uint32_t major, uint32_t minor) {
  return std::to_string(major) + "." + std::to_string(minor);
}

}  // namespace

Library::Library(const std::filesystem::path& path) {
  using boost::dll::load_mode::type;
  const type mode = boost::dll::load_mode::rtld_now | boost::dll::load_mode::rtld_local;
  try {
    handle_ = std::make_shared<boost::dll::shared_library>(std::filesystem::absolute(path).string(),
                                                           mode);
  } catch (const boost::system::system_error& error) {
    const std::string text = loader_text(error.what()), prefix = path.string() + ": ";
    throw Refusal("load", text.rfind(prefix, 0) == 0 ? text.substr(prefix.size()) : text);
  }
}

const kvh_plugin& Library::plugin(const AbiRange& host) const {
  if (!handle_->has(KVH_PLUGIN_SYMBOL)) {
    throw Refusal("load", "exports no symbol " KVH_PLUGIN_SYMBOL "; expected a kvhost plugin");
  }
  const kvh_plugin& plugin = handle_->get<const kvh_plugin>(KVH_PLUGIN_SYMBOL);
  check_plugin_header(plugin, host);
  return plugin;
}

void check_plugin_header(const kvh_plugin& plugin, const AbiRange& host) {
  if (plugin.magic != KVH_MAGIC) {
    throw Refusal("load", KVH_PLUGIN_SYMBOL " does not start with the magic number of a plugin");
  }
  if (plugin.struct_size < KVH_PLUGIN_SIZE_1_0) {
    throw Refusal("load",
                  "struct_size of the plugin object is " + std::to_string(plugin.struct_size) +
                      "; expected at least " + std::to_string(KVH_PLUGIN_SIZE_1_0));
  }
  if (plugin.abi_major != host.major) {
    throw Refusal("load",
                  "built for ABI major " + std::to_string(plugin.abi_major) +
                      "; this kvhost speaks major " + std::to_string(host.major));
  }
  if (plugin.abi_minor_required > host.minor) {
    throw Refusal("load",
                  "needs a host of ABI " + abi(plugin.abi_major, plugin.abi_minor_required) +
                      " or newer; this kvhost speaks " + abi(host.major, host.minor) +
                      "; update kvhost");
  }
  if (plugin.abi_minor < host.oldest) {
    throw Refusal("load",
                  "built for ABI " + abi(plugin.abi_major, plugin.abi_minor) +
                      "; this kvhost runs " + abi(host.major, host.oldest) +
                      " or newer; rebuild the plugin");
  }
}

std::vector<std::string> Library::needed() const {
  link_map* map = nullptr;
  if (dlinfo(handle_->native(), RTLD_DI_LINKMAP, &map) != 0) return {};
  const char* strings = nullptr;
  for (const ElfW(Dyn)* entry = map->l_ld; entry->d_tag != DT_NULL; ++entry) {
    if (entry->d_tag == DT_STRTAB) strings = reinterpret_cast<const char*>(entry->d_un.d_ptr);
  }
  std::vector<std::string> names;
  for (const ElfW(Dyn)* entry = map->l_ld; strings && entry->d_tag != DT_NULL; ++entry) {
    if (entry->d_tag == DT_NEEDED) names.emplace_back(strings + entry->d_un.d_val);
  }
  return names;
}

std::string Library::tier() const {
  for (const std::string& name : needed()) {
    if (name.rfind("libtorch", 0) == 0 || name.rfind("libc10", 0) == 0) return "torch";
  }
  return "portable";
}

}  // namespace kvhost::registry
