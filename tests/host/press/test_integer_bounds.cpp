// SPDX-License-Identifier: Apache-2.0
// Integers of methods have bounds, and at these bounds nothing overflows: a length beyond the prompt
// means all of it, however far beyond.
#include <algorithm>
#include <catch2/catch.hpp>

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
                       int64_t value) {
  const std::string set = param.name + "=" + std::to_string(value);
  for (const auto& text : compositions) {
    const size_t at = text.find(method.name);
    const size_t end = at + method.name.size();
    const bool whole = at != std::string::npos && (at == 0 || text[at - 1] == ':') &&
                       (end == text.size() || text[end] == ':' || text[end] == '(');
    if (!whole) continue;
    if (end < text.size() && text[end] == '(')
      return text.find(param.name + "=", end) != std::string::npos
                 ? ""
                 : text.substr(0, end + 1) + set + "," + text.substr(end + 1);
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

TEST_CASE("every method runs at the bounds of its integers") {
  for (const std::string name : {"llama_gqa", "qwen3"}) {
    const TinyModel model(name);
    const auto compositions = prefill_compositions(model.config());
    for (const auto& method : catalog().methods())
      for (const auto& param : method.params) {
        if (is_zoo(method) || param.type != KVH_PARAM_INT) continue;
        for (const double bound : {param.min, param.max}) {
          auto value = static_cast<int64_t>(bound);
          if ((param.flags & KVH_PARAM_ODD) && value % 2 == 0) value += bound == param.min ? 1 : -1;
          const std::string press = with_value(compositions, method, param, value);
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
      const std::string at_most = with_value(compositions, method, param, most);
      if (at_most.empty()) continue;
      INFO(at_most);
      const int64_t beyond = 100'001;
      const std::string other = with_value(compositions, method, param, beyond);
      CHECK(without(most, kept_or_refused(model, at_most)) ==
            without(beyond, kept_or_refused(model, other)));
    }
}
