// SPDX-License-Identifier: Apache-2.0
// One part of a composition changed at a time, over a made-up catalogue.
#include <catch2/catch.hpp>

#include "base/error.hpp"
#include "made_methods.hpp"
#include "spec/swap.hpp"

using namespace kvhost;
using namespace kvhost::test;
using registry::Kind;
using Texts = std::vector<std::string>;

namespace {

const registry::Catalog& catalogue() {
  static const registry::Catalog catalog = [] {
    registry::MethodInfo votes = method(Kind::Scorer, "votes");
    registry::ParamInfo window;
    window.name = "window";
    window.type = KVH_PARAM_INT;
    window.def = 7;
    votes.params = {window};
    registry::MethodInfo later = method(Kind::Scorer, "later");
    later.flags = KVH_METHOD_DECODE;
    registry::MethodInfo sum = method(Kind::Wrapper, "sum");
    sum.slots = {{"scorers", 1u << KVH_KIND_SCORER, 1, 3}};
    return registry::Catalog::of({votes,
                                  method(Kind::Scorer, "norm"),
                                  method(Kind::Scorer, "age"),
                                  later,
                                  method(Kind::Wrapper, "chunks"),
                                  method(Kind::Wrapper, "mean"),
                                  sum,
                                  method(Kind::HeadAllocator, "heads"),
                                  method(Kind::LayerAllocator, "pyramid"),
                                  method(Kind::LayerAllocator, "rank"),
                                  method(Kind::Press, "turn")});
  }();
  return catalog;
}

Texts of(const std::string& text, Kind kind) {
  const Composition composition = compose(
      {PressSource::Form::Text, text, "--press", ""}, catalogue(), {}, KVH_METHOD_PREFILL);
  return swapped(composition, catalogue(), kind);
}

}  // namespace

TEST_CASE("every other scorer that can run after a prompt takes the scorer's place") {
  CHECK(of("rank:heads:votes(window=3)", Kind::Scorer) ==
        Texts{"rank:heads:age", "rank:heads:norm"});
}

TEST_CASE("what stands beside the changed part stays, parameters too") {
  CHECK(of("rank:heads:votes(window=3)", Kind::LayerAllocator) ==
        Texts{"heads:votes(window=3)", "pyramid:heads:votes(window=3)"});
  CHECK(of("chunks:mean:votes", Kind::Wrapper) ==
        Texts{"mean:votes", "chunks:votes", "chunks:chunks:votes", "mean:mean:votes",
              "sum:mean:votes", "chunks:sum:votes"});
}

TEST_CASE("scorers that stand beside one another stay as they are") {
  CHECK(of("heads:sum:(votes(window=3)+norm)", Kind::Scorer).empty());
  CHECK(of("heads:sum:(votes(window=3)+norm)", Kind::HeadAllocator) ==
        Texts{"sum:(votes(window=3)+norm)"});
  CHECK(of("chunks:sum:(votes+norm)", Kind::Wrapper) ==
        Texts{"sum:(votes+norm)", "mean:sum:(votes+norm)", "sum:sum:(votes+norm)"});
}

TEST_CASE("where there is no such part, one is added in its place of the nesting") {
  CHECK(of("rank:votes(window=3)", Kind::HeadAllocator) == Texts{"rank:heads:votes(window=3)"});
  CHECK(of("votes", Kind::LayerAllocator) == Texts{"pyramid:votes", "rank:votes"});
  CHECK(of("rank:votes", Kind::Press) == Texts{"turn:rank:votes"});
}

TEST_CASE("of compositions joined by + one at a time is changed") {
  CHECK(of("votes+heads:norm", Kind::HeadAllocator) == Texts{"heads:votes+heads:norm", "votes+norm"});
}

TEST_CASE("kinds go by the registry's names, both allocators by one word") {
  CHECK(kinds_named("layer_allocator", "--swap") == std::vector<Kind>{Kind::LayerAllocator});
  CHECK(kinds_named("allocator", "--swap") ==
        std::vector<Kind>{Kind::LayerAllocator, Kind::HeadAllocator});
  CHECK_THROWS_WITH(kinds_named("scorrer", "--swap"),
                    Catch::Contains("--swap: found 'scorrer'; expected one of allocator, press") &&
                        Catch::Contains("did you mean 'scorer'?"));
}
