// SPDX-License-Identifier: Apache-2.0
// That a method opens, and takes every setting that it says it takes.
#include <dlfcn.h>

#include "kit/checks.hpp"
#include "kit/subject.hpp"
#include "kvhost/plugin.h"

namespace kvhost {

using registry::MethodInfo;
using registry::ParamInfo;
using testing::CallFailed;
using testing::Setting;

namespace {

std::string said(const CallFailed& e) {
  return std::string(e.what()).empty() ? "no words" : std::string("'") + e.what() + "'";
}

Verdict opens(const MethodInfo& method) {
  void* handle = dlopen(method.library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle) return failed(dlerror());
  const auto* plugin = static_cast<const kvh_plugin*>(dlsym(handle, KVH_PLUGIN_SYMBOL));
  if (!plugin) return failed("has no symbol " KVH_PLUGIN_SYMBOL);
  const kvh_method* first = plugin->method(method.index);
  if (!first || first != plugin->method(method.index))
    return failed("method(" + std::to_string(method.index) + ") gives another pointer every time");
  if (plugin->method(plugin->n_methods))
    return {Outcome::Warn, "method(n_methods) gives something; expected NULL"};
  return {};
}

Verdict says_who(const MethodInfo& method) {
  std::string missing;
  const auto want = [&](bool there, const char* name) {
    if (!there) missing += (missing.empty() ? "" : ", ") + std::string(name);
  };
  want(!method.summary.empty(), "summary");
  want(!method.vendor.empty(), "vendor");
  want(!method.license.empty(), "license");
  want(!method.reference.empty() || !method.paper.empty(), "paper or reference");
  want(method.tier != "torch" || !method.torch.empty(),
       "the libtorch it was built with, which kvhost/torch.hpp writes");
  for (const auto& param : method.params) want(!param.doc.empty(), ("doc of " + param.name).c_str());
  return missing.empty() ? Verdict{} : Verdict{Outcome::Warn, "says nothing of " + missing};
}

Verdict takes_defaults(const MethodInfo& method) {
  for (int i = 0; i < 100; ++i) Subject once(method);  // made and destroyed
  return {};
}

Setting value_of(const ParamInfo& param, double value) {
  if (param.type == KVH_PARAM_FLOAT) return value;
  return static_cast<int64_t>(value);
}

// At either bound a method works, or refuses it with words and where.
Verdict takes_bounds(const MethodInfo& method) {
  for (const auto& param : method.params) {
    if (param.type != KVH_PARAM_INT && param.type != KVH_PARAM_FLOAT) continue;
    if (param.type == KVH_PARAM_INT && !(param.flags & KVH_PARAM_HAS_MAX))
      return failed(param.name + " is an integer without a largest value");
    for (const bool low : {true, false}) {
      const uint32_t open = low ? KVH_PARAM_EXCLUSIVE_MIN : KVH_PARAM_EXCLUSIVE_MAX;
      const uint32_t has = low ? KVH_PARAM_HAS_MIN : KVH_PARAM_HAS_MAX;
      if (!(param.flags & has) || (param.flags & open)) continue;
      const double bound = low ? param.min : param.max;
      if ((param.flags & KVH_PARAM_ODD) && static_cast<int64_t>(bound) % 2 == 0) continue;
      try {
        Subject at(method, {{param.name, value_of(param, bound)}});
        at.needs();
      } catch (const CallFailed& e) {
        if (e.code != KVH_E_CONFIG && e.code != KVH_E_UNSUPPORTED && e.code != KVH_E_RESOURCE)
          return failed(param.name + "=" + std::to_string(bound) + ": status " +
                        std::to_string(e.code) + ", " + said(e) +
                        "; expected it to be taken, or KVH_E_CONFIG");
      }
    }
  }
  return {};
}

Verdict takes_choices(const MethodInfo& method) {
  for (const auto& param : method.params)
    for (const auto& choice : param.choices) {
      try {
        Subject with(method, {{param.name, choice}});
        with.needs();
      } catch (const CallFailed& e) {
        if (e.code != KVH_E_CONFIG && e.code != KVH_E_UNSUPPORTED && e.code != KVH_E_RESOURCE)
          return failed(param.name + "=" + choice + ": " + said(e));
      }
    }
  return {};
}

// What it asks for is what it said it might.
Verdict needs_are_declared(const MethodInfo& method) {
  for (const kvh_need& need : Subject(method).needs()) {
    const auto same = [&](const registry::NeedInfo& one) { return one.tensor == need.tensor; };
    if (need.tensor > KVH_T_VALUES &&
        std::none_of(method.needs.begin(), method.needs.end(), same))
      return failed("needs tensor " + std::to_string(need.tensor) + ", which it does not declare");
    if (need.reserved)
      return failed("sets a reserved field of a need; expected 0");
    if (need.window < 0 && need.tensor < KVH_T_COUNT)
      return failed("needs a window of " + std::to_string(need.window) + "; expected 0 or more");
  }
  return {};
}

}  // namespace

const std::vector<Check>& configuration_checks() {
  static const std::vector<Check> all = {
      {1, "load.opens", "the library opens and has its methods", opens},
      {1, "load.words", "it says what it is, whose, and what it follows", says_who},
      {2, "configuration.defaults", "made and destroyed a hundred times", takes_defaults},
      {2, "configuration.bounds", "every number at its smallest and largest", takes_bounds},
      {2, "configuration.choices", "every choice", takes_choices},
      {2, "configuration.needs", "it asks for what it declares", needs_are_declared}};
  return all;
}

}  // namespace kvhost
