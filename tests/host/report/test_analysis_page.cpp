// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <sstream>

#include "analysis_sample.hpp"
#include "page_parts.hpp"
#include "report/analysis_printers.hpp"

using namespace kvhost;
using Catch::Contains;
using kvhost::test::made_analysis;

namespace {

std::string analysis_page(size_t n_layers) {
  std::ostringstream out;
  write_analysis_page(out, made_analysis(n_layers), "no machine");
  return out.str();
}

std::string analysis_text(size_t n_layers) {
  std::ostringstream out;
  print_analysis(out, {}, made_analysis(n_layers));
  return out.str();
}

}  // namespace

TEST_CASE("the page of an analysis has every part once and names escaped") {
  const std::string page = analysis_page(6);
  CHECK_THAT(page, Contains("made_&lt;up&gt;") && !Contains("made_<up>") && !Contains("{{"));
  CHECK_THAT(page, Contains("method(x=1):scorer"));
  for (const char* id : {"ranks-title", "heads-title", "budgets-title", "estimates-title"})
    CHECK(count_of(page, "id=\"" + std::string(id) + "\"") == 1);
  CHECK(count_of(page, "<table class=\"grid\">") == 2);  // ranks of heads, entropies
  CHECK(count_of(page, "class=\"n better\"") > 0);       // reach a goal
  CHECK(count_of(page, "class=\"n worse\"") > 0);
  if (page.find("gnuplot") != page.npos && page.find("warn") != page.npos) return;  // none here
  CHECK(count_of(page, "<figure>") == 7);
  CHECK_THAT(page, !Contains("#010101") && !Contains("rgb(1,2,3)"));  // all colours are the page's
}

TEST_CASE("many layers are drawn as curves, few as bars") {
  const std::string few = analysis_page(6), many = analysis_page(36);
  CHECK(count_of(few, "<figure>") == count_of(many, "<figure>"));
  if (count_of(many, "<figure>") > 0) CHECK_THAT(many, Contains("of some layers"));
}

TEST_CASE("the text of an analysis says what reaches the goal") {
  const std::string text = analysis_text(6);
  CHECK_THAT(text, Contains("made_<up> on no model: 6 layers of 4 heads"));
  CHECK_THAT(text, Contains("at most 1.0% of the budget at 2.0% of the model's time"));
  CHECK(count_of(text, "reached") + count_of(text, "missed") == 12);
  CHECK(count_of(text, "reached") > 0);
  CHECK(count_of(text, "missed") > 0);
  CHECK_THAT(text, Contains("0.9800 (0.9100)"));
}
