// SPDX-License-Identifier: Apache-2.0
// Numbers of methods have bounds, and at these bounds nothing overflows: a length beyond the prompt
// means all of it, however far beyond. On two models; on one of every family where sanitizers look
// on, or with KVHOST_ALL_FAMILIES=1.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdio>
#include <cstdlib>
#include <set>

#include "base/error.hpp"
#include "press_fixture.hpp"

using namespace kvhost;
using namespace kvhost::test;

namespace {

bool is_zoo(const registry::MethodInfo& method) { return method.name.rfind("zoo_", 0) == 0; }

// The composition that runs `method` in this build, with one of its parameters set.
std::string with_value(const std::vector<std::string>& compositions,
                       const registry::MethodInfo& method,
                       const registry::ParamInfo& param,
                       const std::string& value) {
  const std::string set = param.name + "=" + value;
  for (const auto& text : compositions) {
    const size_t at = text.find(method.name);
    const size_t end = at + method.name.size();
    const bool whole = at != std::string::npos && (at == 0 || text[at - 1] == ':') &&
                       (end == text.size() || text[end] == ':' || text[end] == '(');
    if (!whole) continue;
    if (end < text.size() && text[end] == '(') {
      const size_t given = text.find(param.name + "=", end);
      if (given == std::string::npos)
        return text.substr(0, end + 1) + set + "," + text.substr(end + 1);
      return text.substr(0, given) + set + text.substr(text.find_first_of(",)", given));
    }
    return text.substr(0, end) + "(" + set + ")" + text.substr(end);
  }
  return "";
}

// Methods that refuse a value do so in one line, for a reason that is not a number gone wrong.
std::string kept_or_refused(const TinyModel& model, const std::string& press) {
  try {
    const PressedCache pressed(model, press, model.random_tokens(70, 5), 12);
    std::string out;
    for (const auto& layer : held_positions(pressed.cache))
      for (const auto& head : layer)
        for (const int32_t position : head) out += std::to_string(position) + " ";
    return out;
  } catch (const Error& e) {
    return e.what();
  }
}

// A refusal names the value.
std::string without(int64_t value, std::string text) {
  const std::string shown = std::to_string(value);
  for (size_t at = text.find(shown); at != std::string::npos; at = text.find(shown))
    text.erase(at, shown.size());
  return text;
}

std::vector<std::string> models() {
#if defined(__SANITIZE_ADDRESS__)
  const bool all = true;
#else
  const bool all = std::getenv("KVHOST_ALL_FAMILIES") != nullptr;
#endif
  if (!all) return {"llama_gqa", "qwen3"};
  std::vector<std::string> names;
  std::set<std::string> families;
  for (const auto& name : tiny_models())
    if (families.insert(TinyModel(name).config().family).second) names.push_back(name);
  return names;
}

// As a composition writes it; "" where the parameter has no such bound.
std::string bound_of(const registry::ParamInfo& param, bool largest) {
  if (!(param.flags & (largest ? KVH_PARAM_HAS_MAX : KVH_PARAM_HAS_MIN))) return "";
  const double bound = largest ? param.max : param.min;
  char text[40];
  if (param.type == KVH_PARAM_FLOAT) {
    std::snprintf(text, sizeof text, "%.17g", bound);
    return text;
  }
  auto value = static_cast<int64_t>(bound);
  if ((param.flags & KVH_PARAM_ODD) && value % 2 == 0) value += largest ? -1 : 1;
  return std::to_string(value);
}

}  // namespace

TEST_CASE("every integer of every method has a smallest and a largest value") {
  for (const auto& method : catalog().methods())
    for (const auto& param : method.params) {
      if (is_zoo(method) || (param.type != KVH_PARAM_INT && param.type != KVH_PARAM_INT_LIST))
        continue;
      INFO(method.name << " " << param.name);
      CHECK((param.flags & KVH_PARAM_HAS_MIN) != 0);
      CHECK((param.flags & KVH_PARAM_HAS_MAX) != 0);
      CHECK(param.max <= 9007199254740992.0);  // exact in a double, as it is compared
    }
}

TEST_CASE("every method runs at the bounds of its numbers") {
  for (const std::string& name : models()) {
    const TinyModel model(name);
    const auto compositions = prefill_compositions(model.config());
    for (const auto& method : catalog().methods())
      for (const auto& param : method.params) {
        const bool number = param.type == KVH_PARAM_INT || param.type == KVH_PARAM_FLOAT;
        if (is_zoo(method) || !number) continue;
        for (const bool largest : {false, true}) {
          const std::string value = bound_of(param, largest);
          const std::string press =
              value.empty() ? "" : with_value(compositions, method, param, value);
          if (press.empty()) continue;
          INFO(name << ", " << press);
          const std::string found = kept_or_refused(model, press);
          CHECK_THAT(found, !Catch::Contains("memory") && !Catch::Contains("NaN"));
          CHECK_THAT(found, !Catch::Contains("exception"));
        }
      }
  }
}

TEST_CASE("a length beyond the prompt means all of it, however far beyond") {
  const TinyModel model("llama_gqa");
  const auto compositions = prefill_compositions(model.config());
  for (const auto& method : catalog().methods())
    for (const auto& param : method.params) {
      const bool length = param.unit == "tokens" || param.unit == "entries";
      if (is_zoo(method) || param.type != KVH_PARAM_INT || !length || param.max < 1e6) continue;
      const auto most = static_cast<int64_t>(param.max);
      const std::string at_most = with_value(compositions, method, param, std::to_string(most));
      if (at_most.empty()) continue;
      INFO(at_most);
      const int64_t beyond = 100'001;
      const std::string other =
          with_value(compositions, method, param, std::to_string(beyond));
      CHECK(without(most, kept_or_refused(model, at_most)) ==
            without(beyond, kept_or_refused(model, other)));
    }
}
