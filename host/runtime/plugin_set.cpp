// SPDX-License-Identifier: Apache-2.0
#include "runtime/plugin_set.hpp"

#include "base/error.hpp"
#include "kvhost/method.h"
#include "registry/search_path.hpp"

namespace kvhost {

PluginSet find_plugins(const PluginOptions& options) {
  for (const auto& folder : options.paths) {
    std::error_code status;
    if (!std::filesystem::is_directory(folder, status))
      cannot_load(
          "--plugin-path",
          "'" + folder.string() + "' is not a folder; expected a folder with plugin libraries");
  }
  const auto executable = registry::executable_path();
  PluginSet set;
  set.folders = registry::default_search_path(options.paths, executable);
  set.catalog = registry::Catalog::scan(
      set.folders, registry::default_describe(executable), registry::default_cache_file());
  set.aliases = AliasTable::read(set.folders);
  return set;
}

PressOptions expand_run_alias(const PressOptions& options,
                              const PluginSet& plugins,
                              std::string& expansion) {
  if (!options.press.is_string()) return options;
  const auto name = options.press.get<std::string>();
  const auto run = plugins.aliases.find_run(name);
  if (!run) return options;
  if (!options.decode_press.is_null())
    bad_request(options.decode_press_source,
                "'" + name + "' stands for " + run->text() +
                    "; expected no other --decode-press beside it");
  PressOptions result = options;
  result.press = run->press;
  result.decode_press = run->decode_press;
  if (result.decode_every == 0) result.decode_every = run->decode_every;
  if (result.decode_budget == 0 && result.decode_keep_ratio == 0) {
    result.decode_budget = run->decode_budget;
    result.decode_keep_ratio = run->decode_keep_ratio;
  }
  expansion = "'" + name + "' stands for " + run->text();
  return result;
}

Composition compose_prefill(const PressOptions& options, const PluginSet& plugins) {
  if (!options.press.is_null())
    return compose(options.press,
                   options.press_source,
                   plugins.catalog,
                   plugins.aliases,
                   KVH_METHOD_PREFILL,
                   options.press_pointer);
  const auto fallback = plugins.aliases.find("default");
  if (!fallback)
    cannot_load("aliases.json",
                "no plugin folder names a default composition; expected one with the alias "
                "'default', or --press");
  return compose(
      *fallback, "aliases.json 'default'", plugins.catalog, plugins.aliases, KVH_METHOD_PREFILL);
}

Composition compose_decode(const PressOptions& options, const PluginSet& plugins) {
  return compose(options.decode_press,
                 options.decode_press_source,
                 plugins.catalog,
                 plugins.aliases,
                 KVH_METHOD_DECODE,
                 options.decode_press_pointer);
}

}  // namespace kvhost
