// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <cstdlib>

#include "base/error.hpp"
#include "fetch/package_index.hpp"
#include "fetch/proxy.hpp"
#include "fetch/url.hpp"

namespace kvhost {

TEST_CASE("a URL is an origin and a target") {
  const Url url = parse_url("HTTPS://User:p%40ss@Example.ORG:443/a?b#c", "x");
  CHECK(url.origin == "https://example.org");
  CHECK(url.user == "User:p@ss");
  CHECK(url.target == "/a?b");
  CHECK(url.shown() == "https://example.org/a");
  CHECK(parse_url("http://h:8080", "x").text() == "http://h:8080/");
  CHECK(parse_url("http://h?q", "x").target == "/?q");
  CHECK(parse_url("http://h:80/", "x").origin == parse_url("http://h", "x").origin);
  for (const char* text : {"", "h/x", "ftp://h", "http://", "http:///x", "http://h/a b", "://h"})
    CHECK_THROWS_AS(parse_url(text, "x"), Error);
}

TEST_CASE("a location is read against where it came from") {
  const Url base = parse_url("https://h/a/b?c=http://d", "x");
  const auto to = [&](const char* location) { return join_url(base, location, "x").text(); };
  CHECK(to("/x?y") == "https://h/x?y");
  CHECK(to("x") == "https://h/a/x");
  CHECK(to("//other/x") == "https://other/x");
  CHECK(to("http://other:81/x") == "http://other:81/x");
  CHECK(to("/login?next=https://evil/") == "https://h/login?next=https://evil/");
}

TEST_CASE("names are encoded for a URL") {
  CHECK(url_encoded("a b/c+d~", true) == "a%20b/c%2Bd~");
  CHECK(url_encoded("refs/pr/1", false) == "refs%2Fpr%2F1");
  CHECK(url_encoded("\xc3\xa4", true) == "%C3%A4");
}

TEST_CASE("a package's link is found on both kinds of index page") {
  const std::string html =
      "<a href=\"x/m-1.whl#sha256=0\">m-1.whl</a><br>\n"
      "<A class='a' href='x/m-2.whl?a=1&amp;b=2' data-x=\"&gt;=3\" >\n m-2.whl </A>";
  CHECK(link_on_page(html, "m-2.whl") == "x/m-2.whl?a=1&b=2");
  CHECK(link_on_page(html, "m-3.whl").empty());
  const std::string json = R"({"files": [1, {"filename": "a"}, {"filename": "m", "url": "u"}]})";
  CHECK(link_on_page(json, "m") == "u");
  CHECK(link_on_page(json, "a").empty());
  CHECK(link_on_page(R"({"files": 3})", "a").empty());
}

TEST_CASE("the proxy is the one that curl would take") {
  for (const char* name : {"https_proxy",
                           "HTTPS_PROXY",
                           "http_proxy",
                           "HTTP_PROXY",
                           "all_proxy",
                           "ALL_PROXY",
                           "no_proxy",
                           "NO_PROXY"})
    unsetenv(name);
  const Url hub = parse_url("https://hub.example.org/x", "x");
  CHECK_FALSE(proxy_for(hub));
  setenv("ALL_PROXY", "all:1", 1);
  CHECK(proxy_for(hub)->origin == "http://all:1");
  setenv("HTTPS_PROXY", "http://u:p@proxy:3128", 1);
  CHECK(proxy_for(hub)->origin == "http://proxy:3128");
  CHECK(proxy_for(hub)->user == "u:p");
  setenv("NO_PROXY", "localhost, .example.org", 1);
  CHECK_FALSE(proxy_for(hub));
  setenv("no_proxy", "other.org", 1);  // lower case wins
  CHECK(proxy_for(hub));
  for (const char* name : {"ALL_PROXY", "HTTPS_PROXY", "NO_PROXY", "no_proxy"}) unsetenv(name);
}

}  // namespace kvhost
