// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "kvhost/plugin.h"
#include "registry/print.hpp"
#include "text_table.hpp"
#include "zoo.hpp"

using Catch::Contains;

namespace {

registry::MethodInfo sample() {
  registry::MethodInfo method;
  method.name = "sample";
  method.version = "1.2.3";
  method.summary = "Keeps a sample";
  method.paper = "arXiv:0000.00000";
  method.reference = "nothing yet";
  method.notes = "The paper and the code disagree; the code wins.";
  method.aliases = {"Sample"};
  method.flags = KVH_METHOD_PREFILL | KVH_METHOD_NEEDS_BUDGET;
  registry::ParamInfo window;
  window.name = "window_size";
  window.type = KVH_PARAM_INT;
  window.flags = KVH_PARAM_HAS_MIN | KVH_PARAM_ODD;
  window.def = 5;
  window.min = 1;
  window.unit = "tokens";
  window.doc = "How many of the last queries vote";
  registry::ParamInfo ratio;
  ratio.name = "ratio";
  ratio.type = KVH_PARAM_FLOAT;
  ratio.flags = KVH_PARAM_HAS_MIN | KVH_PARAM_HAS_MAX | KVH_PARAM_EXCLUSIVE_MIN;
  ratio.def = 0.2;
  ratio.max = 1;
  ratio.doc = "A share";
  registry::ParamInfo table;
  table.name = "table";
  table.type = KVH_PARAM_FILE;
  table.def = "";
  table.doc = "Learned values";
  method.params = {window, ratio, table};
  method.needs = {{KVH_T_WINDOW_ATTENTION, 0, 32}, {KVH_T_ATTENTION, KVH_NEED_OPTIONAL, 0}};
  method.library = "/plugins/libsample.so";
  method.plugin = "org.example.sample";
  method.vendor = "Example";
  method.license = "Apache-2.0";
  method.sha256 = std::string(64, 'a');
  method.tier = "torch";
  return method;
}

}  // namespace

TEST_CASE("info shows all that a manifest knows") {
  const std::string text = registry::info_text(sample());
  for (const char* part :
       {"sample\n  Keeps a sample\n",
        "kind             scorer",
        "version          1.2.3",
        "paper            arXiv:0000.00000",
        "checked against  nothing yet",
        "other names      Sample",
        "runs             after prefill\n",
        "may differ from run to run; its scores depend on the layer's budget",
        "org.example.sample (Example, Apache-2.0)",
        "torch: runs on the libtorch",
        "/plugins/libsample.so",
        "window_size  int    5        >= 1, odd  tokens  How many of the last queries",
        "ratio        float  0.2      (0, 1]     -       A share",
        "table        file   \"\"       -  ",
        "window_attention, last 32  cheap: one small matrix product per layer",
        "attention (optional)       dear: O(T^2)",
        "The paper and the code disagree",
        "kvhost --press 'sample(window_size=5)' --keep-ratio 0.25\n"}) {
    CHECK_THAT(text, Contains(part));
  }
}

TEST_CASE("info leaves out what is empty") {
  registry::MethodInfo method = sample();
  method.paper = method.notes = "";
  method.params.clear();
  method.needs.clear();
  method.kind = registry::Kind::HeadAllocator;
  const std::string text = registry::info_text(method);
  CHECK_THAT(text, !Contains("paper") && !Contains("Notes"));
  CHECK_THAT(text, Contains("Parameters\n  none") && Contains("positions\n  nothing"));
  CHECK_THAT(text, Contains("--press 'sample:SCORER'"));
}

TEST_CASE("info shows the default scorer and an example that runs as it stands") {
  registry::MethodInfo method = sample();
  method.kind = registry::Kind::LayerAllocator;
  method.default_inner = "other";
  const std::string text = registry::info_text(method);
  CHECK_THAT(text, Contains("scorer inside    other, when none is written\n"));
  CHECK_THAT(text, Contains("--press 'sample(window_size=5):other' --keep-ratio 0.25\n"));
}

TEST_CASE("info shows the slots of a method, and the libtorch of its library") {
  registry::MethodInfo method = sample();
  method.kind = registry::Kind::Wrapper;
  method.torch = "2.13.0, C++11 ABI";
  method.slots = {{"first", 1u << KVH_KIND_SCORER, 1, 1},
                  {"others", 1u << KVH_KIND_SCORER | 1u << KVH_KIND_WRAPPER, 0, 7}};
  const std::string text = registry::info_text(method);
  CHECK_THAT(text, Contains("holds            first: 1 of scorer; others: 0 to 7 of scorer, wrapper\n"));
  CHECK_THAT(text, Contains("--press 'sample(window_size=5):(SCORER+SCORER)' --keep-ratio 0.25\n"));
  CHECK_THAT(text, Contains("libtorch         2.13.0, C++11 ABI\n"));
  method.torch = "";
  CHECK_THAT(registry::info_text(method), Contains("libtorch         does not say which\n"));
}

TEST_CASE("lists are grouped by kind, outermost first") {
  const TempFolder temp;
  put_good(temp.path(), "zoo_good");
  put_good(temp.path(), "zoo_bad_sum");
  put_bare(temp.path(), "bad_magic");
  const auto catalog = scan({temp.path()});
  CHECK(registry::list_text(catalog) ==
        "head allocator  zoo_bad_sum  Head budgets whose sum is one short of the layer's budget\n"
        "scorer          zoo_good     Scores every entry by its index: the last ones are kept\n"
        "\n1 could not be used: `kvhost list --failed` says why\n");
  CHECK_THAT(registry::failures_text(catalog), Contains("libbad_magic.so\n  load: "));

  const nlohmann::json failed = registry::failures_json(catalog);
  REQUIRE(failed["failed"].size() == 1);
  CHECK(failed["failed"][0]["stage"] == "load");
}

TEST_CASE("a list for scripts has the promised fields") {
  const TempFolder temp;
  put_good(temp.path(), "zoo_good");
  put_good(temp.path(), "zoo_bad_sum");
  const nlohmann::json list = registry::list_json(scan({temp.path()}));
  REQUIRE(list.size() == 2);
  std::vector<std::string> fields;
  for (const auto& item : list[0].items()) fields.push_back(item.key());
  CHECK(fields == std::vector<std::string>{"accepts",
                                           "aliases",
                                           "decides_late",
                                           "default_inner",
                                           "id",
                                           "kind",
                                           "level",
                                           "library",
                                           "name",
                                           "needs",
                                           "paper",
                                           "params",
                                           "sha256",
                                           "slots",
                                           "summary",
                                           "tier",
                                           "torch",
                                           "version"});
  CHECK(list[0]["id"] == "org.example.zoo_good");
  CHECK(list[0]["accepts"].empty());
  CHECK(list[0]["default_inner"].is_null());
  CHECK(list[0]["level"].is_null());
  CHECK(list[0]["slots"].empty());
  CHECK(list[0]["torch"].is_null());
  CHECK(list[1]["kind"] == "head allocator");
  CHECK(list[1]["accepts"] == nlohmann::json({"wrapper", "scorer"}));
}

TEST_CASE("a level that the checks reached stands in lists and in what is told of a method") {
  const TempFolder temp;
  put_good(temp.path(), "zoo_good");
  put_good(temp.path(), "zoo_bad_sum");
  const registry::Catalog catalog = scan({temp.path()});
  const registry::LevelOf level_of = [](const registry::MethodInfo& method) {
    return method.name == "zoo_good" ? "runs" : "";
  };
  CHECK_THAT(registry::list_text(catalog, level_of),
             Contains("the last ones are kept <runs>\n") && Contains("short of the layer's budget\n") &&
                 Contains("<runs>  the level that `kvhost validate` reached with these very bytes"));
  CHECK(registry::list_json(catalog, level_of)[0]["level"] == "runs");
  CHECK_THAT(registry::info_text(sample(), "shares"), Contains("validated        shares\n"));
  CHECK_THAT(registry::info_text(sample()), !Contains("validated"));
}

TEST_CASE("the last column of a table is wrapped below itself") {
  std::string text;
  for (int i = 0; i < 30; ++i) text += "seven77 ";
  const std::string table = registry::table_text({{"ä", "b"}, {"name", text}}, 2);
  CHECK_THAT(table, Contains("  ä     b\n"));
  std::istringstream lines(table);
  int n_lines = 0;
  for (std::string line; std::getline(lines, line); ++n_lines) CHECK(line.size() <= 101);
  CHECK(n_lines == 4);
  CHECK_THAT(table, Contains("\n        seven77"));
}
