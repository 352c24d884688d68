// SPDX-License-Identifier: Apache-2.0
// Each rule of a descriptor, broken one at a time.
#include <catch2/catch.hpp>
#include <cmath>
#include <functional>
#include <limits>

#include "describe.hpp"
#include "kvhost/plugin.h"
#include "validate.hpp"

using Catch::Contains;

namespace {

kvh_status score(kvh_instance*, kvh_sequence*, const kvh_layer*, kvh_scores*, kvh_error*) noexcept {
  return KVH_OK;
}

// A right method with one parameter, all in one place, so that a test can spoil any part.
struct Subject {
  Subject() {
    scorer.struct_size = sizeof scorer;
    scorer.score = score;
    param.struct_size = sizeof param;
    param.type = param.def.type = KVH_PARAM_INT;
    param.flags = KVH_PARAM_HAS_MIN | KVH_PARAM_HAS_MAX;
    param.name = "window_size";
    param.doc = "Tokens";
    param.unit = "tokens";
    param.def.present = 1;
    param.def.v.i = 3;
    param.min = 1;
    param.max = 9;
    method.struct_size = sizeof method;
    method.kind = KVH_KIND_SCORER;
    method.flags = KVH_METHOD_PREFILL;
    method.n_params = 1;
    method.name = "subject";
    method.version = "1.0.0";
    method.summary = "One line";
    method.paper = method.reference = method.notes = "";
    method.params = params;
    method.aliases = aliases;
    method.static_needs = &need;
    method.n_static_needs = 1;
    method.create =
        [](const kvh_method*, const kvh_create_args*, kvh_instance**, kvh_error*) noexcept {
          return kvh_status{KVH_OK};
        };
    method.destroy = [](kvh_instance*) noexcept {};
    method.needs = [](const kvh_instance*, kvh_needs*, kvh_error*) noexcept {
      return kvh_status{KVH_OK};
    };
    method.interface = &scorer;
  }
  Subject(const Subject&) = delete;
  Subject& operator=(const Subject&) = delete;

  kvh_scorer scorer = {};
  kvh_param param = {};
  const kvh_param* params[2] = {&param, &param};
  const char* aliases[3] = {"Subject", nullptr, nullptr};
  const char* choices[4] = {"one", "two", nullptr, nullptr};
  kvh_need need = {KVH_T_WINDOW_ATTENTION, 0, 32};
  kvh_method method = {};
};

struct Rule {
  const char* reason;
  std::function<void(Subject&)> spoil;
};

void make_choice(Subject& s, const char* def) {
  s.param.type = s.param.def.type = KVH_PARAM_CHOICE;
  s.param.flags = 0;
  s.param.def.v.s = def;
  s.param.choices = s.choices;
}

const std::vector<Rule>& rules() {
  static const std::vector<Rule> all = {
      {"name is NULL", [](Subject& s) { s.method.name = nullptr; }},
      {"name is 'Big'; expected [a-z][a-z0-9_]*", [](Subject& s) { s.method.name = "Big"; }},
      {"kind is 77, which this kvhost does not know", [](Subject& s) { s.method.kind = 77; }},
      {"version is 'new'; expected one like 1.0.0", [](Subject& s) { s.method.version = "new"; }},
      {"summary is empty", [](Subject& s) { s.method.summary = ""; }},
      {"summary is not UTF-8", [](Subject& s) { s.method.summary = "\xff\xfe"; }},
      {"notes is NULL", [](Subject& s) { s.method.notes = nullptr; }},
      {"struct_size is 8", [](Subject& s) { s.method.struct_size = 8; }},
      {"unknown bits 1073741824", [](Subject& s) { s.method.flags |= 1u << 30; }},
      {"only a press edits them", [](Subject& s) { s.method.flags |= KVH_METHOD_EDITS_VALUES; }},
      {"only a press edits them", [](Subject& s) { s.method.flags |= KVH_METHOD_EDITS_POSITIONS; }},
      {"expected a press", [](Subject& s) { s.method.flags |= KVH_METHOD_PRUNES_CHANNELS; }},
      {"expected a head or layer allocator",
       [](Subject& s) { s.method.flags |= KVH_METHOD_DECIDES_LATE; }},
      {"expected a press or a head allocator",
       [](Subject& s) { s.method.flags |= KVH_METHOD_NO_SCORER; }},
      {"KVH_METHOD_EDITS_SCORES is set; expected a head allocator",
       [](Subject& s) { s.method.flags |= KVH_METHOD_EDITS_SCORES; }},
      {"expected a head or layer allocator",
       [](Subject& s) { s.method.flags |= KVH_METHOD_OWN_TOTAL; }},
      {"expected a wrapper", [](Subject& s) { s.method.flags |= KVH_METHOD_SCORES_PARTS; }},
      {"alias 'subject' is given twice", [](Subject& s) { s.aliases[0] = "subject"; }},
      {"alias 'a b' is not a name", [](Subject& s) { s.aliases[0] = "a b"; }},
      {"default_inner is 'Big one'; expected the name of a scorer",
       [](Subject& s) { s.method.kind = KVH_KIND_WRAPPER, s.method.default_inner = "Big one"; }},
      {"default_inner is not UTF-8",
       [](Subject& s) { s.method.kind = KVH_KIND_WRAPPER, s.method.default_inner = "\xff"; }},
      {"default_inner is 'other', but it needs no scorer inside",
       [](Subject& s) { s.method.default_inner = "other"; }},
      {"needs tensor 99", [](Subject& s) { s.need.tensor = 99; }},
      {"need 'window_attention' has window -4", [](Subject& s) { s.need.window = -4; }},
      {"need 'window_attention' has unknown flags", [](Subject& s) { s.need.flags = 64; }},
      {"static_needs is NULL", [](Subject& s) { s.method.static_needs = nullptr; }},
      {"create is NULL", [](Subject& s) { s.method.create = nullptr; }},
      {"destroy is NULL", [](Subject& s) { s.method.destroy = nullptr; }},
      {"needs is NULL", [](Subject& s) { s.method.needs = nullptr; }},
      {"begin and end must both be given",
       [](Subject& s) { s.method.end = [](kvh_instance*, kvh_sequence*) noexcept {}; }},
      {"after_compact is given without begin",
       [](Subject& s) {
         s.method.after_compact =
             [](kvh_instance*, kvh_sequence*, const kvh_moved*, kvh_error*) noexcept {
               return kvh_status{KVH_OK};
             };
       }},
      {"struct_size of its interface is 4", [](Subject& s) { s.scorer.struct_size = 4; }},
      {"params is NULL", [](Subject& s) { s.method.params = nullptr; }},
      {"parameter 0: is NULL", [](Subject& s) { s.params[0] = nullptr; }},
      {"two parameters named 'window_size'", [](Subject& s) { s.method.n_params = 2; }},
      {"name is 'a-b'; expected", [](Subject& s) { s.param.name = "a-b"; }},
      {"doc is empty", [](Subject& s) { s.param.doc = ""; }},
      {"unit is NULL", [](Subject& s) { s.param.unit = nullptr; }},
      {"type is 50, which", [](Subject& s) { s.param.type = 50; }},
      {"its default has another type", [](Subject& s) { s.param.def.type = KVH_PARAM_FLOAT; }},
      {"its default 0 is outside its own range", [](Subject& s) { s.param.def.v.i = 0; }},
      {"its default 10 is outside its own range", [](Subject& s) { s.param.def.v.i = 10; }},
      {"its default 1 is outside its own range",
       [](Subject& s) { s.param.flags |= KVH_PARAM_EXCLUSIVE_MIN, s.param.def.v.i = 1; }},
      {"its default 4 is even",
       [](Subject& s) { s.param.flags |= KVH_PARAM_ODD, s.param.def.v.i = 4; }},
      {"min 8 is above max 2", [](Subject& s) { s.param.min = 8, s.param.max = 2; }},
      {"its range is not finite",
       [](Subject& s) { s.param.max = std::numeric_limits<double>::infinity(); }},
      {"its default is not finite",
       [](Subject& s) {
         s.param.type = s.param.def.type = KVH_PARAM_FLOAT;
         s.param.def.v.d = std::nan("");
       }},
      {"EXCLUSIVE_MIN without HAS_MIN",
       [](Subject& s) { s.param.flags = KVH_PARAM_EXCLUSIVE_MIN; }},
      {"has choices but is no choice", [](Subject& s) { s.param.choices = s.choices; }},
      {"is a choice without choices",
       [](Subject& s) { make_choice(s, "one"), s.param.choices = nullptr; }},
      {"its default 'three' is none of its choices", [](Subject& s) { make_choice(s, "three"); }},
      {"choice 'one' is given twice",
       [](Subject& s) { make_choice(s, "one"), s.choices[1] = "one"; }},
      {"has a range but is no number",
       [](Subject& s) { make_choice(s, "one"), s.param.flags = KVH_PARAM_HAS_MIN; }},
  };
  return all;
}

}  // namespace

TEST_CASE("a right descriptor passes and is read in full") {
  const Subject subject;
  REQUIRE_NOTHROW(kvhost::registry::validate_method(subject.method, "method 0"));
  const auto info = kvhost::registry::method_info(subject.method);
  CHECK(info.aliases == std::vector<std::string>{"Subject"});
  REQUIRE(info.params.size() == 1);
  CHECK(info.params[0].def == 3);
  CHECK(info.params[0].max == 9);
  REQUIRE(info.needs.size() == 1);
  CHECK(info.needs[0].window == 32);
}

TEST_CASE("a default scorer is read of those who know of it, and of no others") {
  Subject subject;
  subject.method.kind = KVH_KIND_WRAPPER;
  subject.method.default_inner = "other";
  REQUIRE_NOTHROW(kvhost::registry::validate_method(subject.method, "method 0"));
  CHECK(kvhost::registry::method_info(subject.method).default_inner == "other");

  subject.method.struct_size = offsetof(kvh_method, default_inner);  // built before the field was
  subject.method.default_inner = reinterpret_cast<const char*>(uintptr_t{1});
  REQUIRE_NOTHROW(kvhost::registry::validate_method(subject.method, "method 0"));
  CHECK(kvhost::registry::method_info(subject.method).default_inner.empty());
}

TEST_CASE("every broken rule has its own refusal") {
  for (const Rule& rule : rules()) {
    INFO(rule.reason);
    Subject subject;
    rule.spoil(subject);
    CHECK_THROWS_WITH(kvhost::registry::validate_method(subject.method, "method 0"),
                      Contains(rule.reason));
  }
}
