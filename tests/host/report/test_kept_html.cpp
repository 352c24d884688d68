// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <catch2/catch.hpp>

#include "base/error.hpp"
#include "page_parts.hpp"
#include "report/kept_bits.hpp"
#include "report/kept_pieces.hpp"
#include "sample_view.hpp"
#include "tokenizer/utf8.hpp"

using namespace kvhost;
using Catch::Matchers::Contains;

TEST_CASE("an encoded kept set is the one that was given") {
  CHECK(encode_kept({}, 0).empty());
  CHECK(encode_kept({0, 8}, 9) == "AQE=");
  for (const size_t n : {1U, 7U, 8U, 9U, 23U, 24U, 25U, 1000U}) {
    const std::vector<int32_t> kept = sample_head(n, 0.4, 3);
    CAPTURE(n);
    CHECK(decode_kept(encode_kept(kept, static_cast<int64_t>(n))) == kept);
  }
}

TEST_CASE("the page carries the kept sets of both presses") {
  KeptView view = sample_view(217, 5, 3, 2);
  view.presses[1].kept[4][2].clear();
  const nlohmann::json data = data_of(page_of(view));
  REQUIRE(data["presses"].size() == 2);
  for (size_t p = 0; p < 2; ++p)
    for (size_t l = 0; l < 5; ++l)
      for (size_t h = 0; h < 3; ++h)
        CHECK(decode_kept(data["presses"][p]["kept"][l][h]) == view.presses[p].kept[l][h]);
}

TEST_CASE("each token is shaded by the share of heads that kept it, without any script") {
  KeptView view = sample_view(4, 1, 3, 1);
  view.presses[0].kept = {{{0, 1}, {0, 2}, {0, 2}}};
  view.presses[0].layer_budgets = {6};
  CHECK(classes_of(pane_of(page_of(view), 0)) ==
        std::vector<std::string>{"s10", "s4", "s7", "s0"});  // 3, 1, 2 and 0 of 3 heads
}

TEST_CASE("marked tokens are underlined, and only then does the legend say so") {
  KeptView view = sample_view(4, 1, 1, 1);
  view.presses[0].kept = {{{0, 2}}};
  CHECK_THAT(page_of(view), !Contains(" data-m>") && !Contains(" data-marked"));
  view.marked = {1, 2};
  const std::string page = page_of(view), pane = pane_of(page, 0);
  CHECK_THAT(page, Contains(" data-marked") && Contains("what the answer hangs on"));
  CHECK_THAT(pane, Contains("<span class=s0 data-m>") && Contains("<span class=s10 data-m>"));
  view.marked = {4};
  CHECK_THROWS_WITH(page_of(view), Contains("kept view, marked: position 4"));
}

TEST_CASE("what came after the cut and what was renumbered is not shaded") {
  KeptView view = sample_view(4, 1, 1, 1);
  view.presses[0].kept = {{{0, 2}}};
  view.presses[0].n_seen = 3;
  CHECK(classes_of(pane_of(page_of(view), 0)) == std::vector<std::string>{"s10", "s0", "s10", "u"});
  view.presses[0].renumbered = true;
  const std::string page = page_of(view);
  CHECK(classes_of(pane_of(page, 0)) == std::vector<std::string>(4, "r"));
  CHECK_THAT(page, Contains("which tokens they came from is not"));
  CHECK(data_of(page)["presses"][0]["kept"][0][0] == "");
  CHECK_THAT(page, Contains("title=\"layer 0, KV head 0: kept 2 of 3, 66.7%\""));
}

TEST_CASE("the text of the page is the prompt's") {
  KeptView view = sample_view(9, 2, 2, 2);
  view.pieces = {
      "<s>", "a\n\n", "\xF0\x9F", "\x98\x80 b", "\xE2\x82", "\xAC", "", "\xFF", " & \"'"};
  const std::string page = page_of(view);
  for (const size_t press : {0U, 1U}) {
    CHECK(text_of(pane_of(page, press)) == "<s>a\n\n\U0001F600 b\u20AC\uFFFD & \"'\n");
    const std::vector<std::string> classes = classes_of(pane_of(page, press));
    REQUIRE(classes.size() == 9);
    CHECK_THAT(classes[5], Catch::Matchers::EndsWith(" j"));  // the euro's last byte
    CHECK_THAT(classes[6], Catch::Matchers::EndsWith(" e"));
    CHECK(classes[3].find(' ') == std::string::npos);  // ends a character and has text of its own
  }
}

TEST_CASE("a long text is cut into chunks where lines end, and nothing is lost") {
  KeptView view = sample_view(700, 1, 1, 1);
  std::string all;
  for (const std::string& piece : view.pieces) all += piece;
  const std::string pane = pane_of(page_of(view), 0);
  CHECK(text_of(pane) == all + "\n");  // and the line break between the tags of the page
  CHECK(classes_of(pane).size() == 700);
  CHECK(count_of(pane, "<div class=c ") == 5);
  CHECK(count_of(pane, "\n</span></div><div") == 4);
  std::fill(view.pieces.begin(), view.pieces.end(), "word ");
  CHECK(count_of(page_of(view), "<div class=c ") == 1);
}

TEST_CASE("hostile text stays text") {
  const std::string evil =
      "</script><script>alert(1)</script><img src=x onerror='alert(1)'>\"' {{js}} --> ]]> &lt; "
      "\x01\x1B[2J\x7F\xC2\x85\u202E\u2028\uFEFF\xF0\x9F" +
      std::string(1, '\0');
  KeptView view = sample_view(3, 1, 1, 2);
  const std::string tame = page_of(view);
  view.title = view.model = evil;
  std::fill(view.pieces.begin(), view.pieces.end(), evil);
  for (KeptPress& press : view.presses) {
    press.spec = press.budget_line = press.observed_name = evil;
    press.exchanges = {{evil, evil, evil}};
  }
  const std::string page = page_of(view);
  for (const char* tag : {"<script", "</script", "<img", "<!--", "<style", "<div", "<section"})
    CHECK(count_of(page, tag) == count_of(tame, tag));
  CHECK(utf8::find_invalid(page) == std::string::npos);
  for (const char* unseen : {"\x1B", "\x7F", "\u202E", "\u2028", "\uFEFF"})
    CHECK(page.find(unseen) == std::string::npos);
  CHECK(page.find('\0') == std::string::npos);
  CHECK(count_of(page, "{{js}}") > 3);
  CHECK(data_of(page)["presses"][0]["spec"] == show_text(evil));
  CHECK(text_of(pane_of(page, 0)) == show_text(evil + evil + evil) + "\n");
}

TEST_CASE("the page asks for nothing outside itself") {
  const std::string page = page_of(sample_view(20, 2, 2, 2));
  CHECK_THAT(page, Contains("default-src 'none'"));
  for (const char* request : {"http:", "https:", " src=", "<link", "@import", "url(", "fetch("})
    CHECK(count_of(page, request) == 0);
  CHECK(count_of(page, "{{") == 0);  // every part of the template was written
}

TEST_CASE("numbers of a press stand in its card") {
  KeptView view = sample_view(1000, 2, 2, 1);
  KeptPress& press = view.presses[0];
  for (auto& layer : press.kept)
    for (auto& head : layer) head.resize(25);
  press.layer_budgets = {1234, 50};
  press.observed = {0.25, std::numeric_limits<double>::quiet_NaN()};
  press.bytes_full = 4000000;
  press.bytes_kept = 1000000;
  const std::string page = page_of(view);
  CHECK_THAT(page, Contains("<dd>100 of 4,000 kept (2.5%)</dd>"));
  CHECK_THAT(page, Contains("<dd>4.0 MB full, 1.0 MB kept (25.0%)</dd>"));
  CHECK_THAT(page, Contains("<td class=n>1,234</td>"));
  CHECK_THAT(page, Contains("<span>0.250</span>"));
  CHECK_THAT(page, Contains("<td class=o><span>-</span></td>"));
}

TEST_CASE("an answer is held against what was expected of it") {
  KeptView view = sample_view(10, 1, 1, 2);
  view.presses[0].exchanges = {{"Where?", "In the <heron> house", "heron"}, {"Who?", "He", ""}};
  view.presses[1].exchanges = {{"Where?", "Nowhere", "heron"}};
  const std::string page = page_of(view);
  const std::string first = between(page, "<div class=\"exchange p0\">", "</div>");
  CHECK_THAT(first, Contains("In the &lt;heron&gt; house") && Contains("\"x right\""));
  const std::string second = between(page, "<div class=\"exchange p1\">", "</div>");
  CHECK_THAT(second, Contains("Nowhere") && Contains("\"x wrong\""));
  CHECK(count_of(page, "what was expected:") == 2);           // nothing was of "Who?"
  CHECK(count_of(page, "<div class=\"exchange p1\">") == 2);  // a row each, the second one empty
  view.presses[0].exchanges.clear();
  view.presses[1].exchanges.clear();
  CHECK(count_of(page_of(view), "<section class=exchanges") == 0);
}

TEST_CASE("layers may have different numbers of heads, and a prompt one token") {
  KeptView view = sample_view(1, 2, 1, 1);
  view.presses[0].kept = {{{0}, {}}, {{}}};
  view.presses[0].layer_budgets = {1, 0};
  const std::string page = page_of(view);
  CHECK(classes_of(pane_of(page, 0)) == std::vector<std::string>{"s4"});
  CHECK(count_of(page, "role=gridcell") == 3);
}

namespace {

std::string refusal(const KeptView& view) {
  try {
    page_of(view);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("a view that does not hold together is refused in a line that says where") {
  const KeptView good = sample_view(10, 2, 2, 2);
  const auto with = [&](auto change) {
    KeptView view = good;
    change(view);
    return refusal(view);
  };
  CHECK(refusal(good).empty());
  CHECK_THAT(with([](KeptView& v) { v.presses.clear(); }),
             Contains("0 presses; expected one or two"));
  CHECK_THAT(with([](KeptView& v) { v.pieces.clear(); }), Contains("no text"));
  CHECK_THAT(with([](KeptView& v) { v.presses[0].n_seen = 11; }),
             Contains("n_seen is 11 beside 10 pieces"));
  CHECK_THAT(with([](KeptView& v) { v.presses[1].kept[1][0] = {10}; }),
             Contains("layer 1, head 0") && Contains("position 10"));
  CHECK_THAT(with([](KeptView& v) {
               v.presses[0].kept[0][1] = {2, 2};
             }),
             Contains("position 2 after 2"));
  CHECK_THAT(with([](KeptView& v) { v.presses[0].kept[0][1] = {-1}; }), Contains("position -1"));
  CHECK_THAT(with([](KeptView& v) { v.presses[0].observed = {1}; }),
             Contains("1 values of observed; expected one for each of 2 layers"));
  CHECK_THAT(with([](KeptView& v) {
               v.presses[0].layer_budgets = {1, 2, 3};
             }),
             Contains("3 values of layer_budgets"));
  CHECK_THAT(with([](KeptView& v) { v.presses[1].kept[0].pop_back(); }),
             Contains("two runs of one model"));
  CHECK_THAT(with([](KeptView& v) {
               for (KeptPress& press : v.presses) press.kept = {{}, {}};
             }),
             Contains("no KV heads"));
}
