// SPDX-License-Identifier: Apache-2.0
// Compositions as users write them: as they are parsed, and as they are checked against methods with
// parameters of every type.
#include <stdexcept>

#include "fuzz/fuzz.hpp"
#include "host/press/made_methods.hpp"
#include "spec/composition.hpp"
#include "spec/spec.hpp"
#include "tokenizer/tokenizer.hpp"

namespace kvhost {
namespace {

using registry::Kind;
using registry::Value;

registry::ParamInfo param(const std::string& name, uint32_t type, Value def, uint32_t flags = 0) {
  registry::ParamInfo info;
  info.name = name;
  info.type = type;
  info.def = std::move(def);
  info.flags = flags;
  info.min = -5;
  info.max = 1e6;
  if (type == KVH_PARAM_CHOICE) info.choices = {"one", "two", "none"};
  return info;
}

const registry::Catalog& catalogue() {
  static const auto made = [] {
    constexpr uint32_t kBounded = KVH_PARAM_HAS_MIN | KVH_PARAM_HAS_MAX;
    auto votes = test::method(Kind::Scorer, "votes");
    votes.params = {param("window", KVH_PARAM_INT, int64_t{7}, kBounded | KVH_PARAM_ODD),
                    param("alpha", KVH_PARAM_FLOAT, 1.5, kBounded),
                    param("flag", KVH_PARAM_BOOL, false),
                    param("pick", KVH_PARAM_CHOICE, std::string("one")),
                    param("table", KVH_PARAM_FILE, std::string()),
                    param("cap", KVH_PARAM_INT, Value(), KVH_PARAM_OPTIONAL),
                    param("counts", KVH_PARAM_INT_LIST, std::vector<int64_t>{}, kBounded),
                    param("shares", KVH_PARAM_FLOAT_LIST, std::vector<double>{}, kBounded)};
    auto parts = test::method(Kind::Wrapper, "parts", "votes");
    parts.flags |= KVH_METHOD_SCORES_PARTS | KVH_METHOD_NEEDS_BUDGET;
    constexpr uint32_t kAny = 1u << KVH_KIND_SCORER | 1u << KVH_KIND_WRAPPER;
    auto sum = test::method(Kind::Wrapper, "sum", "votes");
    sum.slots = {{"scorers", kAny, 1, 4}};
    auto pair = test::method(Kind::Wrapper, "pair");
    pair.slots = {{"first", 1u << KVH_KIND_SCORER, 1, 1}, {"others", kAny, 1, 2}};
    auto alone = test::method(Kind::Press, "alone");
    alone.flags |= KVH_METHOD_NO_SCORER;
    return registry::Catalog::of({votes, parts, alone, sum, pair, test::method(Kind::Scorer, "old"),
                                  test::method(Kind::Wrapper, "mean"),
                                  test::method(Kind::HeadAllocator, "heads"),
                                  test::method(Kind::LayerAllocator, "layers", "old")});
  }();
  return made;
}

// What was accepted is written as text and as JSON that mean the same again.
void compose_and_write(PressSource::Form form, std::string_view input) {
  const AliasTable aliases;
  const Composition once = compose({form, std::string(input), "--press", ""}, catalogue(), aliases,
                                   KVH_METHOD_PREFILL);
  const std::string text = once.text();
  const Composition from_text =
      compose({PressSource::Form::Text, text, "--press", ""}, catalogue(), aliases,
              KVH_METHOD_PREFILL);
  if (from_text.text() != text) throw std::logic_error(text + " became " + from_text.text());
  if (once.none() || sanitize_utf8(text) != text) return;  // JSON has no names of other bytes
  const Composition from_json =
      compose({PressSource::Form::Json, once.json_text(), "--press", ""}, catalogue(), aliases,
              KVH_METHOD_PREFILL);
  if (from_json.text() != text) throw std::logic_error(text + " became " + from_json.text());
}

}  // namespace

FUZZ_TARGET(press_text, false) { (void)parse_spec_text(std::string(input), "--press"); }

FUZZ_TARGET(press_json, true) { (void)parse_spec_json(std::string(input), "press.json", ""); }

FUZZ_TARGET(composition_text, false) { compose_and_write(PressSource::Form::Text, input); }

FUZZ_TARGET(composition_json, true) { compose_and_write(PressSource::Form::Json, input); }

}  // namespace kvhost
