// SPDX-License-Identifier: Apache-2.0
// Compositions of a made-up catalogue: what is checked, what is filled in, how it is written.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "kvhost/method.h"
#include "made_methods.hpp"
#include "spec/composition.hpp"

using namespace kvhost;
using namespace kvhost::test;
using Catch::Contains;
using registry::Kind;

namespace {

registry::ParamInfo param(const std::string& name,
                          uint32_t type,
                          registry::Value def,
                          uint32_t flags = 0) {
  registry::ParamInfo info;
  info.name = name;
  info.type = type;
  info.def = std::move(def);
  info.flags = flags;
  info.min = 1;
  if (type == KVH_PARAM_CHOICE) info.choices = {"one", "none", "2"};
  return info;
}

registry::MethodInfo with_flags(registry::MethodInfo info, uint32_t flags) {
  info.flags |= flags;
  return info;
}

registry::Catalog catalogue() {
  registry::MethodInfo votes = method(Kind::Scorer, "votes");
  votes.flags |= KVH_METHOD_DECODE;
  votes.params = {param("window", KVH_PARAM_INT, 7, KVH_PARAM_HAS_MIN | KVH_PARAM_ODD),
                  param("alpha", KVH_PARAM_FLOAT, 1.0, KVH_PARAM_HAS_MIN),
                  param("flag", KVH_PARAM_BOOL, false),
                  param("pick", KVH_PARAM_CHOICE, "one"),
                  param("table", KVH_PARAM_FILE, ""),
                  param("cap", KVH_PARAM_INT, {}, KVH_PARAM_OPTIONAL),
                  param("counts", KVH_PARAM_INT_LIST, std::vector<int64_t>{}),
                  param("shares", KVH_PARAM_FLOAT_LIST, std::vector<double>{}, KVH_PARAM_HAS_MIN)};
  registry::MethodInfo old = method(Kind::Scorer, "old");
  old.altered = "was altered";
  constexpr uint32_t kAny = 1u << KVH_KIND_SCORER | 1u << KVH_KIND_WRAPPER;
  registry::MethodInfo pair = method(Kind::Wrapper, "pair");
  pair.slots = {{"first", 1u << KVH_KIND_SCORER, 1, 1}, {"others", kAny, 1, 2}};
  registry::MethodInfo sum = method(Kind::Wrapper, "sum", "votes");
  sum.slots = {{"scorers", kAny, 1, 4}};
  registry::MethodInfo spread = method(Kind::Wrapper, "spread");
  spread.slots = {{"some", kAny, 0, 2}, {"more", kAny, 1, 3}, {"rest", kAny, 1, 1}};
  return registry::Catalog::of(
      {votes,
       old,
       pair,
       sum,
       spread,
       method(Kind::Wrapper, "chunks", "votes"),
       method(Kind::Wrapper, "mean"),
       with_flags(method(Kind::Wrapper, "parts", "votes"),
                  KVH_METHOD_SCORES_PARTS | KVH_METHOD_NEEDS_BUDGET),
       with_flags(method(Kind::Wrapper, "frugal", "votes"), KVH_METHOD_NEEDS_BUDGET),
       method(Kind::HeadAllocator, "heads", "votes"),
       with_flags(method(Kind::HeadAllocator, "pattern"), KVH_METHOD_NO_SCORER),
       method(Kind::LayerAllocator, "pyramid", "old"),
       method(Kind::LayerAllocator, "lost", "gone"),
       method(Kind::LayerAllocator, "confused", "mean"),
       method(Kind::LayerAllocator, "unlucky", "broken"),
       method(Kind::Press, "merge")},
      {{"/plugins/libbroken.so", "load", "file too short"}});
}

Composition composed(const std::string& text, uint32_t phase = KVH_METHOD_PREFILL) {
  return compose({PressSource::Form::Text, text, "--press", ""}, catalogue(), AliasTable(), phase);
}

std::string canonical(const std::string& text) { return composed(text).text(); }

template <class Compose>
std::string refusal_of(const Compose& run) {
  try {
    run();
  } catch (const Error& e) {
    return e.what();
  }
  return "accepted";
}

std::string refusal(const std::string& text, uint32_t phase = KVH_METHOD_PREFILL) {
  return refusal_of([&] { composed(text, phase); });
}

}  // namespace

TEST_CASE("a scorer that is left out is the default of the innermost method that has one") {
  CHECK(canonical("pyramid") == "pyramid:old");
  CHECK(canonical("chunks") == "chunks:votes");
  CHECK(canonical("pyramid:heads") == "pyramid:heads:votes");
  CHECK(canonical("pyramid:heads:mean") == "pyramid:heads:mean:votes");
  CHECK(canonical("merge:pyramid") == "merge:pyramid:old");
  CHECK(canonical("pyramid:votes") == "pyramid:votes");
  CHECK(canonical("pyramid+heads") == "pyramid:old+heads:votes");
  CHECK(canonical("pattern") == "pattern");  // may stand without one
  const auto json = nlohmann::json::parse(composed("pyramid:heads").json_text());
  CHECK(json.at("inner").at("inner").at("press") == "votes");
  const Composition again = compose({PressSource::Form::Json, json.dump(), "run.json", ""},
                                    catalogue(),
                                    AliasTable(),
                                    KVH_METHOD_PREFILL);
  CHECK(again.text() == "pyramid:heads:votes");
}

TEST_CASE("a method that looks at the budget is refused where a part of a layer has none") {
  CHECK(canonical("parts") == "parts:votes");
  CHECK(canonical("frugal:parts") == "frugal:parts:votes");
  for (const std::string text : {"parts:parts:votes", "parts:frugal", "parts:mean:frugal:votes"})
    CHECK_THAT(refusal(text),
               Contains("which looks at the budget, inside the wrapper 'parts'") &&
                   Contains("; expected a method there that needs none"));
}

TEST_CASE("without a default the refusal names one example") {
  CHECK(
      refusal("mean") ==
      "--press, column 1: the wrapper 'mean' has no scorer inside; expected mean:SCORER, as in mean:votes "
      "(`kvhost list` shows the scorers)");
  CHECK_THAT(refusal("merge:mean"), Contains("column 7: the wrapper 'mean' has no scorer inside"));
}

TEST_CASE("several methods stand inside one that has slots for them, in parentheses") {
  CHECK(canonical("pair:(votes+old)") == "pair:(votes+old)");
  CHECK(canonical("pair : ( votes(window=3) + chunks:mean + old )") ==
        "pair:(votes(window=3)+chunks:mean:votes+old)");
  CHECK(canonical("pyramid:pair:(votes+pair:(old+votes))") == "pyramid:pair:(votes+pair:(old+votes))");
  CHECK(canonical("sum") == "sum:votes");
  CHECK(canonical("sum:(old)") == "sum:old");
  CHECK(canonical("heads:sum:(old+votes)+merge:old") == "heads:sum:(old+votes)+merge:old");
  const auto json = nlohmann::json::parse(composed("heads:pair:(votes+mean:old)").json_text());
  const auto& inside = json.at("inner").at("inner");
  REQUIRE(inside.size() == 2);
  CHECK(inside[1].at("inner").at("press") == "old");
  const Composition again = compose({PressSource::Form::Json, json.dump(), "run.json", ""},
                                    catalogue(),
                                    AliasTable(),
                                    KVH_METHOD_PREFILL);
  CHECK(again.text() == "heads:pair:(votes+mean:old)");
  CHECK(composed("sum:(old+votes+old)").methods().size() == 3);
  CHECK(composed("sum:(votes+mean:old)").warnings().size() == 1);  // of the library that was altered
}

TEST_CASE("methods go into slots in their order, each as many as those behind leave") {
  const auto places = [](const std::string& text) {
    const Composition one = composed(text);
    std::vector<uint32_t> slots;
    for (const auto& inner : one.stages[0].scorer->inner) slots.push_back(inner->slot);
    return slots;
  };
  using Slots = std::vector<uint32_t>;
  CHECK(places("mean:votes") == Slots{0});
  CHECK(places("pair:(votes+old+old)") == Slots{0, 1, 1});
  CHECK(places("spread:(old+old)") == Slots{1, 2});
  CHECK(places("spread:(old+old+old)") == Slots{0, 1, 2});
  CHECK(places("spread:(old+old+old+old+old+old)") == Slots{0, 0, 1, 1, 1, 2});
}

TEST_CASE("too few, too many, or a kind that does not stand there") {
  CHECK(refusal("pair") ==
        "--press, column 1: found 0 methods inside 'pair'; expected 2 to 3 (first, others), as in "
        "pair:(SCORER+SCORER)");
  CHECK(refusal("pair:votes+old") ==
        "--press, column 1: found 1 method inside 'pair'; expected 2 to 3 (first, others), as in "
        "pair:(votes+SCORER)");
  CHECK(refusal("pair:(votes+old+old+old)") ==
        "--press, column 21: found 4 methods inside 'pair'; expected 2 to 3 (first, others), as in "
        "pair:(votes+old+old)");
  CHECK(refusal("pair:(mean:votes+old)") ==
        "--press, column 7: found the wrapper 'mean' in the slot 'first' of 'pair'; expected a scorer");
  CHECK_THAT(refusal("pair:(votes+heads:old)"),
             Contains("column 13: found the head allocator 'heads' inside the wrapper 'pair'"));
  CHECK_THAT(refusal("mean:(votes+old)"), Contains("a second part 'old' inside 'mean'; expected one"));
  CHECK_THAT(refusal("parts:sum:(votes+frugal:old)"),
             Contains("which looks at the budget, inside the wrapper 'parts'"));
  const auto wrong = [](const std::string& json) {
    return refusal_of([&] {
      compose({PressSource::Form::Json, json, "run.json", "/press"}, catalogue(), AliasTable(),
              KVH_METHOD_PREFILL);
    });
  };
  CHECK(wrong(R"({"press": "pair", "inner": [{"press": "votes"}, {"press": "lost"}]})") ==
        "run.json /press/inner/1: found the layer allocator 'lost' inside the wrapper 'pair'; expected "
        "the order press > layer allocator > head allocator > wrapper > scorer");
  CHECK_THAT(wrong(R"({"press": "pair", "inner": {"press": "votes"}})"),
             Contains("run.json /press: found 1 method inside 'pair'; expected 2 to 3"));
}

TEST_CASE("a default that is no installed scorer is refused with both names") {
  CHECK(
      refusal("lost") ==
      "--press, column 1: the layer allocator 'lost' takes 'gone' when no scorer is written inside, which is not "
      "installed; expected lost:SCORER (see `kvhost list`)");
  CHECK_THAT(refusal("confused"),
             Contains("'confused' takes 'mean'") && Contains("which is a wrapper"));
  CHECK_THAT(refusal("unlucky"),
             Contains("'unlucky' takes 'broken'") &&
                 Contains("in a library that cannot be used: /plugins/libbroken.so: load: file"));
  CHECK(canonical("lost:votes") == "lost:votes");
  CHECK_THAT(refusal("heads", KVH_METHOD_DECODE), Contains("'heads' cannot run while generating"));
}

TEST_CASE("values are typed by the parameter and written where they differ from the default") {
  CHECK(
      canonical(
          "votes(window=9,alpha=2,flag=1,pick=2,table=a b,cap=4,counts=[1,2],shares=[1,2.5])") ==
      "votes(window=9,alpha=2.0,flag=true,pick=2,table=\"a b\",cap=4,counts=[1,2],shares=[1.0,2.5])");
  CHECK(canonical("votes(alpha=1,flag=False,pick=one,cap=none,counts=[],shares=[])") == "votes");
  CHECK(canonical(R"(votes(table="a\"b\\c\u0001"))") == R"(votes(table="a\"b\\c\u0001"))");
  CHECK(canonical(R"(votes(table='a\b c'))") == R"(votes(table="a\\b c"))");
  CHECK(refusal(R"(votes(table="a\q"))").find("JSON's escapes") != std::string::npos);
  CHECK(canonical("votes(pick=none,table=none)") == "votes(pick=none,table=none)");
  CHECK(canonical("votes(alpha=1e1)") == "votes(alpha=10.0)");
}

TEST_CASE("a value of another type or out of range is quoted as it was understood") {
  const auto found = [](const std::string& params) {
    const std::string text = refusal("votes(" + params + ")"), at = "--press, column 7: ";
    return text.rfind(at, 0) == 0 ? text.substr(at.size()) : text;
  };
  CHECK(found("window=8") == "found 8 for window; expected an odd integer >= 1");
  CHECK(found("window=1.5") == "found 1.5 for window; expected an odd integer >= 1");
  CHECK(found("window=07") == "found \"07\" for window; expected an odd integer >= 1");
  CHECK(found("window=99999999999999999999") ==
        "found 1e+20 for window; expected an odd integer >= 1");
  CHECK(found("window=none") == "found null for window; expected an odd integer >= 1");
  CHECK(found("alpha=high") == "found \"high\" for alpha; expected a number >= 1");
  CHECK(found("alpha=.5") == "found 0.5 for alpha; expected a number >= 1");
  CHECK(found("flag=2") == "found 2 for flag; expected true or false");
  CHECK(found("pick=on") ==
        "found \"on\" for pick; expected one of one, none, 2; did you mean 'one'?");
  CHECK(found("counts=3") == "found 3 for counts; expected a list of integers");
  CHECK(found("counts=[1,2.5]") == "found 1.0 for counts; expected a list of integers");
  CHECK(found("shares=[2,0.5]") == "found 0.5 for shares; expected a list of numbers >= 1");
}

TEST_CASE("a method whose library was refused is not called unknown") {
  const std::string text = refusal("heads:broken");
  CHECK(
      text ==
      "--press, column 7: the method 'broken' cannot be used: /plugins/libbroken.so: load: file too short");
  CHECK_THAT(refusal("vote"),
             Contains("no method named 'vote'") && Contains("did you mean 'votes'?") &&
                 Contains("; 1 library could not be used, see `kvhost list --failed`"));
}

TEST_CASE("who uses an altered library is told, once") {
  CHECK(composed("votes").warnings().empty());
  CHECK(composed("mean:old+pyramid").warnings() ==
        std::vector<std::string>{"/plugins/libold.so: was altered"});
}

TEST_CASE("no press at all, and none, are the full cache") {
  for (const char* none : {"none", "no_press"}) CHECK(composed(none).none());
  const Composition nothing = compose({}, catalogue(), AliasTable(), KVH_METHOD_PREFILL);
  CHECK(nothing.text() == "none");
  CHECK(nothing.json_text() == "null");
}
