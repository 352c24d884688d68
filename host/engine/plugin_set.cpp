// SPDX-License-Identifier: Apache-2.0
#include "engine/plugin_set.hpp"

#include <dlfcn.h>

#include "base/error.hpp"
#include "engine/built_in.hpp"
#include "kvhost/method.h"
#include "registry/search_path.hpp"

namespace kvhost {
namespace {

// Plugins lie beside the program, or, when this code is in a shared library, beside that: its
// prefix stands for the program's.
std::filesystem::path home_program() {
  Dl_info info{};
  if (dladdr(reinterpret_cast<const void*>(&find_plugins), &info) != 0 && info.dli_fname) {
    std::error_code status;
    const auto file = std::filesystem::canonical(info.dli_fname, status);
    if (!status && file.filename().string().starts_with("libkvhost."))
      return file.parent_path().parent_path() / "bin" / "kvhost";
  }
  return registry::executable_path();
}

}  // namespace

PluginSet find_plugins(const std::vector<std::filesystem::path>& paths, bool prefer) {
  if (!paths.empty() && registry::built_ins_only())
    bad_request("--safe",
                "found plugins of " + paths[0].string() +
                    "; expected none, since --safe (KVHOST_SAFE) loads the methods that came with kvhost alone");
  for (const auto& folder : paths) {
    std::error_code status;
    if (!std::filesystem::is_directory(folder, status))
      cannot_load(
          "--plugin-path",
          "'" + folder.string() + "' is not a folder; expected a folder with plugin libraries");
  }
  const auto program = home_program();
  PluginSet set;
  set.folders = registry::default_search_path(
      paths, program, prefer ? registry::Precedence::Plugins : registry::Precedence::BuiltIn);
  set.catalog = registry::Catalog::scan(
      set.folders, registry::default_describe(program), registry::default_cache_file());
  set.aliases = AliasTable::read(set.folders);
  return set;
}

bool is_built_in(const PluginFacts& plugin) {
  std::error_code failed;
  const auto folder = std::filesystem::path(plugin.library).parent_path();
  return std::filesystem::equivalent(folder, registry::built_in_folder(home_program()), failed);
}

PolicyOptions expand_run_alias(const PolicyOptions& options,
                               const PluginSet& plugins,
                               std::string& expansion) {
  if (options.press.form != PressSource::Form::Text) return options;
  const std::string& name = options.press.text;
  const auto run = plugins.aliases.find_run(name);
  if (!run) return options;
  if (options.decode_press.form != PressSource::Form::None)
    bad_request(options.decode_press.flag,
                "'" + name + "' stands for " + run->text() +
                    "; expected no other --decode-press beside it");
  PolicyOptions result = options;
  result.press.text = run->press;
  result.decode_press = {PressSource::Form::Text, run->decode_press, "--decode-press", ""};
  if (result.decode_every == 0) result.decode_every = run->decode_every;
  if (result.decode_budget == 0 && result.decode_keep_ratio == 0) {
    result.decode_budget = run->decode_budget;
    result.decode_keep_ratio = run->decode_keep_ratio;
  }
  expansion = "'" + name + "' stands for " + run->text();
  return result;
}

Composition compose_prefill(const PolicyOptions& options, const PluginSet& plugins) {
  if (options.press.form != PressSource::Form::None)
    return compose(options.press, plugins.catalog, plugins.aliases, KVH_METHOD_PREFILL);
  const auto fallback = plugins.aliases.find("default");
  if (!fallback)
    cannot_load("aliases.json",
                "no plugin folder names a default composition; expected one with the alias "
                "'default', or --press");
  const PressSource source{PressSource::Form::Text, *fallback, "aliases.json 'default'", ""};
  return compose(source, plugins.catalog, plugins.aliases, KVH_METHOD_PREFILL);
}

Composition compose_decode(const PolicyOptions& options, const PluginSet& plugins) {
  return compose(options.decode_press, plugins.catalog, plugins.aliases, KVH_METHOD_DECODE);
}

}  // namespace kvhost
