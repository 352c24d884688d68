// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <chrono>

#include "made_cells.hpp"
#include "report/gnuplot.hpp"
#include "report/results_files.hpp"
#include "report/results_page.hpp"

using Catch::Contains;
using namespace kvhost;
using namespace kvhost::test;
namespace fs = std::filesystem;

namespace {

// While one lives, figures are asked of `program`.
struct Gnuplot {
  explicit Gnuplot(const std::string& program) { setenv("KVHOST_GNUPLOT", program.c_str(), 1); }
  ~Gnuplot() { unsetenv("KVHOST_GNUPLOT"); }
};

fs::path make_program(const ResultFolder& folder, const std::string& script) {
  const fs::path file = folder / "program";
  std::ofstream(file) << "#!/bin/sh\n" << script;
  chmod(file.c_str(), 0755);
  return file;
}

ResultsView made_view() {
  ResultsView view;
  view.title = "made <up>";
  view.made = "today";
  view.cells = made_cells(4);
  for (auto& done : view.cells)
    if (done.cell.arm == "window") done.cell.arm = "win<b>dow</b> 'q' `id` \"&";
  view.lines = results::summarise(view.cells);
  return view;
}

std::string page_of(const ResultsView& view) {
  std::ostringstream out;
  write_results_page(out, view);
  return out.str();
}

bool has_gnuplot() { return system("command -v gnuplot >/dev/null 2>&1") == 0; }

size_t count(const std::string& text, const std::string& what) {
  size_t n = 0;
  for (size_t at = 0; (at = text.find(what, at)) != std::string::npos; ++at) ++n;
  return n;
}

}  // namespace

TEST_CASE("the page holds every line, asks nobody for anything, and escapes what it shows") {
  const Gnuplot none("/no/gnuplot/here");
  const ResultsView view = made_view();
  const std::string page = page_of(view);
  CHECK(count(page, "<td class=\"n\" data-v=") > 3 * view.lines.size());
  CHECK(count(page, "<tr class=\"base\">") == 2);  // the full cache, for two metrics
  CHECK_THAT(page, Contains("Results: made &lt;up&gt;") && Contains("win&lt;b&gt;dow"));
  CHECK(page.find("win<b>") == std::string::npos);
  CHECK_THAT(page, Contains("default-src 'none'"));
  CHECK(page.find("src=") == std::string::npos);
  CHECK(page.find("http://") == std::string::npos);
  CHECK(page.find("https://") == std::string::npos);
  CHECK(page.find("{{") == std::string::npos);
}

TEST_CASE("without gnuplot the page says so once, with the cure, and has heat maps") {
  const Gnuplot none("/no/gnuplot/here");
  const std::string page = page_of(made_view());
  CHECK(count(page, "gnuplot was not found. apt-get install gnuplot-nox") == 1);
  CHECK(count(page, "<figure>") == 0);
  CHECK(count(page, "<table class=\"grid\">") == 2);
}

TEST_CASE("a gnuplot that hangs is ended, one that fails is told") {
  const ResultFolder folder;
  const Gnuplot slow(make_program(folder, "exec sleep 60\n").string());
  const auto begin = std::chrono::steady_clock::now();
  const Figure hung = draw_figure("plot 1\n", "none", 100, 100, /*limit_s=*/0.3);
  CHECK(hung.svg.empty());
  CHECK_THAT(hung.problem, Contains("gnuplot failed, or took longer"));
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(10));
  make_program(folder, "echo '<svg></svg>'; exit 1\n");
  CHECK(draw_figure("plot 1\n", "none", 100, 100).svg.empty());
  make_program(folder, "exit 0\n");  // reads nothing: writing to it must not end this program
  CHECK(draw_figure(std::string(1 << 20, '#'), "none", 100, 100).svg.empty());
  make_program(folder, "cat >/dev/null; echo '<svg></svg>'\n");
  CHECK_THAT(draw_figure("plot 1\n", "a \"title\"", 100, 100).svg,
             Contains("aria-label=\"a &quot;title&quot;\""));
}

TEST_CASE("a baseline of one figure is a level, one of several budgets a curve") {
  const ResultFolder folder;
  const fs::path scripts = folder / "scripts";
  const Gnuplot listening(
      make_program(folder, "cat >>'" + scripts.string() + "'; echo '<svg></svg>'\n").string());
  const auto drawn = [&](const std::string& baseline) {
    fs::remove(scripts);
    ResultsView view;
    view.cells = made_cells(4);
    view.lines = results::summarise(view.cells, {.baseline = baseline});
    page_of(view);
    std::ifstream in(scripts);
    return std::string(std::istreambuf_iterator<char>(in), {});
  };
  const std::string level = "lw 1.2 dt (6,4) title ", curve = "with yerrorlines";
  const std::string against_full = drawn(""), against_one = drawn("SnapKV");
  CHECK_THAT(against_full, Contains(level + "'full'"));
  CHECK(against_one.find(level) == std::string::npos);
  // SnapKV is a curve in both, and the full cache a point beside them.
  CHECK(count(against_one, curve) > count(against_full, curve));
}

TEST_CASE("what a label says reaches gnuplot as text alone") {
  CHECK(plot_text("it's\n`id` \"x\"") == "'it''s `id` \"x\"'");
}

TEST_CASE("figures come with the colours of the page, and labels as they are") {
  if (!has_gnuplot()) {
    WARN("SKIPPED: no gnuplot here; apt-get install gnuplot-nox");
    return;
  }
  const std::string page = page_of(made_view());
  CHECK(count(page, "<figure>") == 2 * 3);  // two curves and bars for each metric
  CHECK_THAT(page, Contains("var(--p1)") && Contains("best for its bytes"));
  CHECK_THAT(page, Contains("<text>win&lt;b>dow&lt;/b> 'q' `id`"));
  CHECK(page.find("uid=") == std::string::npos);
  CHECK(page.find("rgb(") == page.find("rgb(0 0 0"));  // every colour is a variable
}

TEST_CASE("a folder gets the page and the tables, a file the page alone") {
  const Gnuplot none("/no/gnuplot/here");
  const ResultFolder folder;
  CHECK(write_results_report(folder / "page.html", made_view()).size() == 1);
  CHECK(fs::file_size(folder / "page.html") > 10000);
  CHECK(write_results_report(folder / "report", made_view()).size() == 6);
  for (const char* name : {"html", "txt", "csv", "md", "tex", "json"})
    CHECK(fs::file_size(folder / "report" / (std::string("results.") + name)) > 100);
  CHECK(why_no_report_at(folder / "report").empty());
  CHECK(why_no_report_at(folder / "new").empty());
  CHECK_FALSE(why_no_report_at(folder / "no/where").empty());
  CHECK_FALSE(why_no_report_at(folder / "page.html" / "x").empty());
}
