// SPDX-License-Identifier: Apache-2.0
// Each rule of a descriptor, broken one at a time.
#include <catch2/catch.hpp>
#include <cmath>
#include <functional>
#include <limits>
#include <nlohmann/json.hpp>

#include "describe.hpp"
#include "manifest.hpp"
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
    slot.struct_size = sizeof slot;
    slot.kinds = 1u << KVH_KIND_SCORER | 1u << KVH_KIND_WRAPPER;
    slot.min = slot.max = 1;
    method.functions = &scorer;
  }
  Subject(const Subject&) = delete;
  Subject& operator=(const Subject&) = delete;

  kvh_scorer scorer = {};
  kvh_param param = {};
  const kvh_param* params[2] = {&param, &param};
  const char* aliases[3] = {"Subject", nullptr, nullptr};
  const char* choices[4] = {"one", "two", nullptr, nullptr};
  kvh_need need = {KVH_T_WINDOW_ATTENTION, 0, 32, 0, 0, 0};
  kvh_slot slot = {};
  const kvh_slot* slots[2] = {&slot, &slot};
  kvh_method method = {};
};

struct Rule {
  const char* reason;
  std::function<void(Subject&)> spoil;
};

void make_wrapper(Subject& s) {
  s.method.kind = KVH_KIND_WRAPPER;
  s.method.slots = s.slots;
  s.method.n_slots = 1;
}

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
      {"summary is not UTF-8", [](Subject& s) { s.method.summary = "\xff\xfe"; }},
      {"struct_size of kvh_method is 8; expected at least 184, as ABI 1.0 has it",
       [](Subject& s) { s.method.struct_size = 8; }},
      {"struct_size of kvh_method is 183", [](Subject& s) { s.method.struct_size = 183; }},
      {"a reserved field is 2; expected 0", [](Subject& s) { s.method.reserved = 2; }},
      {"a reserved field is 1; expected 0", [](Subject& s) { s.method.reserved2 = 1; }},
      {"parameter 'window_size': a reserved field is 4", [](Subject& s) { s.param.reserved = 4; }},
      {"functions: a reserved field is 4", [](Subject& s) { s.scorer.reserved = 4; }},
      {"the unknown bits 32768; expected a newer kvhost",
       [](Subject& s) { s.method.flags |= 1u << 15; }},
      {"a slot takes 3 to 2; expected min <= max",
       [](Subject& s) { make_wrapper(s), s.slot.min = 3, s.slot.max = 2; }},
      {"a slot takes 0 to 0; expected min <= max, and 1 at least",
       [](Subject& s) { make_wrapper(s), s.slot.min = s.slot.max = 0; }},
      {"has slots that may all stay empty", [](Subject& s) { make_wrapper(s), s.slot.min = 0; }},
      {"has slots for 17; expected at most 16 together",
       [](Subject& s) { make_wrapper(s), s.slot.max = 17; }},
      {"a slot is for kinds 8 that this kvhost does not put there; expected scorers or wrappers",
       [](Subject& s) { make_wrapper(s), s.slot.kinds = 1u << KVH_KIND_HEAD_ALLOCATOR; }},
      {"slot 'A B' has such a name; expected [a-z][a-z0-9_]*",
       [](Subject& s) { make_wrapper(s), s.slot.name = "A B", s.slot.max = 2; }},
      {"has 2 slots, one of them named ''; expected a name for each",
       [](Subject& s) { make_wrapper(s), s.method.n_slots = 2; }},
      {"has 2 slots, one of them named 'twice'; expected a name for each, of its own",
       [](Subject& s) { make_wrapper(s), s.method.n_slots = 2, s.slot.name = "twice"; }},
      {"its slot 1 is NULL",
       [](Subject& s) { make_wrapper(s), s.method.n_slots = 2, s.slots[1] = nullptr; }},
      {"has 17 slots; expected at most 16",
       [](Subject& s) { make_wrapper(s), s.method.n_slots = 17; }},
      {"has slots that this kvhost does not know; expected them in a wrapper",
       [](Subject& s) { make_wrapper(s), s.method.kind = KVH_KIND_SCORER; }},
      {"slot 0: a reserved field is 1", [](Subject& s) { make_wrapper(s), s.slot.flags = 1; }},
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
      {"needs tensor 99, which this kvhost does not know; expected a newer kvhost, or "
       "KVH_NEED_OPTIONAL",
       [](Subject& s) { s.need.tensor = 99; }},
      {"need 'window_attention' has unknown flags", [](Subject& s) { s.need.reserved = 1; }},
      {"need 'window_attention' has window -4", [](Subject& s) { s.need.window = -4; }},
      {"need 'window_attention' has unknown flags", [](Subject& s) { s.need.flags = 64; }},
      {"static_needs is NULL", [](Subject& s) { s.method.static_needs = nullptr; }},
      {"end is given without begin",
       [](Subject& s) { s.method.end = [](kvh_instance*, kvh_sequence*) noexcept {}; }},
      {"after_compact is given without begin",
       [](Subject& s) {
         s.method.after_compact =
             [](kvh_instance*, kvh_sequence*, const kvh_moved*, kvh_error*) noexcept {
               return kvh_status{KVH_OK};
             };
       }},
      {"struct_size of its functions is 4", [](Subject& s) { s.scorer.struct_size = 4; }},
      {"params is NULL", [](Subject& s) { s.method.params = nullptr; }},
      {"parameter 0: is NULL", [](Subject& s) { s.params[0] = nullptr; }},
      {"two parameters named 'window_size'", [](Subject& s) { s.method.n_params = 2; }},
      {"name is 'a-b'; expected", [](Subject& s) { s.param.name = "a-b"; }},
      {"name is NULL", [](Subject& s) { s.param.name = nullptr; }},
      {"its default is NULL", [](Subject& s) { make_choice(s, nullptr); }},
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

TEST_CASE("what is left out has a default") {
  Subject s;
  kvh_method& m = s.method;
  m.version = m.summary = m.paper = m.reference = m.notes = nullptr;
  m.create = nullptr;
  m.destroy = nullptr;
  m.needs = nullptr;
  m.begin = [](kvh_instance*, const kvh_sequence_info*, kvh_sequence**, kvh_error*) noexcept {
    return kvh_status{KVH_OK};
  };
  s.param.doc = s.param.unit = nullptr;
  REQUIRE_NOTHROW(kvhost::registry::validate_method(m, "method 0"));
  const auto info = kvhost::registry::method_info(m, "3.1.4");
  CHECK(info.version == "3.1.4");
  CHECK(info.summary.empty());
  CHECK(info.params[0].doc.empty());
  m.kind = KVH_KIND_WRAPPER;
  m.default_inner = "other";
  CHECK(kvhost::registry::method_info(m).default_inner == "other");
}

TEST_CASE("what a newer kit may ask for is no reason to refuse where it can be done without") {
  Subject s;
  s.method.flags |= 1u << 30;
  s.param.flags |= 1u << 31;
  s.need = {99, KVH_NEED_OPTIONAL | 1u << 7, -3, 1u << 9, 2, 5};
  s.method.struct_size += 64;
  s.param.struct_size += 8;
  REQUIRE_NOTHROW(kvhost::registry::validate_method(s.method, "method 0"));
  const auto info = kvhost::registry::method_info(s.method);
  CHECK(info.flags == KVH_METHOD_PREFILL);
  CHECK(info.params[0].flags == (KVH_PARAM_HAS_MIN | KVH_PARAM_HAS_MAX));
  CHECK(info.needs[0].tensor == 99);
  CHECK(info.needs[0].flags == KVH_NEED_OPTIONAL);
}

TEST_CASE("a wrapper may state the slot that it has anyway") {
  Subject s;
  make_wrapper(s);
  CHECK_NOTHROW(kvhost::registry::validate_method(s.method, "method 0"));
}

TEST_CASE("slots for more than one scorer are told in manifests, the usual one is not") {
  Subject s;
  make_wrapper(s);
  CHECK(kvhost::registry::method_info(s.method).slots.empty());
  s.slot.max = 3;
  s.slot.name = "several";
  REQUIRE_NOTHROW(kvhost::registry::validate_method(s.method, "method 0"));
  const auto info = kvhost::registry::method_info(s.method);
  REQUIRE(info.slots.size() == 1);
  CHECK(info.slots[0].name == "several");
  CHECK(info.slots[0].max == 3);
  CHECK(info.slots[0].kinds == s.slot.kinds);
  CHECK(nlohmann::json(kvhost::registry::to_json(info))["slots"] ==
        nlohmann::json::parse(
            R"([{"name": "several", "kinds": ["scorer", "wrapper"], "min": 1, "max": 3}])"));
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
