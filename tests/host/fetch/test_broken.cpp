// SPDX-License-Identifier: Apache-2.0
// Servers that break off, lie, redirect and refuse.
#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <set>

#include "base/error.hpp"
#include "fake_hub.hpp"
#include "fetch/partial_file.hpp"

namespace kvhost::test {

namespace fs = std::filesystem;

namespace {

// Bytes that differ, so that a wrong splice shows.
std::string pattern(size_t n) {
  std::string bytes(n, '\0');
  uint32_t state = 1;
  for (char& c : bytes) c = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  return bytes;
}

struct Fixture {
  Fixture() { hub.large["model.safetensors"] = bytes; }

  Fetched fetch(const std::string& token = "") {
    return fetch_from_hub({"org/m"}, place_of(hub, cache, token), quick());
  }
  std::string fails() {
    return failure([&] { fetch(); });
  }
  // Of where the large file's bytes lie, the answer to the n-th request, from 0.
  void answer_bytes(std::function<Reply(const Asked&, int)> answer) {
    hub.instead = [this, answer, n = 0](const Asked& asked) mutable -> std::optional<Reply> {
      if (!asked.target.starts_with("/bytes/") || asked.method != "GET") return std::nullopt;
      return answer(asked, n++);
    };
  }
  void answer_list(const Reply& reply) {
    hub.instead = [reply](const Asked& asked) -> std::optional<Reply> {
      if (!asked.target.starts_with("/api/")) return std::nullopt;
      return reply;
    };
  }
  fs::path blob() const { return cache.repository / "blobs" / large_id(bytes); }
  fs::path incomplete() const { return blob().string() + ".incomplete"; }
  std::string last_range() const { return hub.server.asked().back().field("range"); }

  std::string bytes = pattern(300000);
  FakeHub hub;
  CacheFolder cache;
};

}  // namespace

TEST_CASE_METHOD(Fixture, "a connection that breaks off is taken up where it was") {
  answer_bytes([&](const Asked& asked, int n) {
    Reply reply = bytes_for(asked, bytes);
    if (n < 2) reply.sends = 100000;
    return reply;
  });
  fetch();
  CHECK(last_range() == "bytes=200000-");
  CHECK(bytes_of(blob()) == bytes);
  CHECK_FALSE(fs::exists(incomplete()));
}

TEST_CASE_METHOD(Fixture, "what a run left is gone on with by the next") {
  answer_bytes([&](const Asked& asked, int n) {
    Reply reply = bytes_for(asked, bytes);
    reply.sends = n == 0 ? 120000 : 0;
    return reply;
  });
  CHECK_THAT(fails(), Catch::Contains("broke off, 3 times in a row"));
  CHECK(fs::file_size(incomplete()) == 120000);
  CHECK_FALSE(fs::exists(cache.repository / "refs" / "main"));
  hub.instead = {};
  fetch();
  CHECK(last_range() == "bytes=120000-");
  CHECK(bytes_of(blob()) == bytes);
}

TEST_CASE_METHOD(Fixture, "a server that ignores Range sends all of it") {
  answer_bytes([&](const Asked&, int n) {
    Reply reply{200, {}, bytes};
    if (n == 0) reply.sends = 100000;
    return reply;
  });
  fetch();
  CHECK(last_range() == "bytes=100000-");
  CHECK(bytes_of(blob()) == bytes);
}

TEST_CASE_METHOD(Fixture, "a server that sends another range is refused") {
  answer_bytes([&](const Asked& asked, int n) {
    Reply reply = bytes_for(asked, bytes);
    if (n == 0) reply.sends = 100000;
    if (n > 0) reply.fields["Content-Range"] = "bytes 5-299999/300000";
    return reply;
  });
  CHECK_THAT(fails(), Catch::Contains("sends 'bytes 5-299999/300000'; expected the bytes from "));
}

TEST_CASE_METHOD(Fixture, "other bytes of the right size are thrown away") {
  std::string wrong = bytes;
  wrong[150000] ^= 1;
  answer_bytes([&](const Asked& asked, int) { return bytes_for(asked, wrong); });
  CHECK_THAT(fails(),
             Catch::Contains("org/m/model.safetensors: the bytes that came have another sha256"));
  CHECK_FALSE(fs::exists(blob()));
  CHECK_FALSE(fs::exists(incomplete()));
  hub.instead = {};
  fetch();
  CHECK(bytes_of(blob()) == bytes);
}

TEST_CASE_METHOD(Fixture, "a small file is known by the id that git gives it") {
  const std::string right = hub.small["config.json"];
  hub.instead = [&](const Asked& asked) -> std::optional<Reply> {
    if (asked.method != "GET" || !asked.target.ends_with("/config.json")) return std::nullopt;
    return Reply{200, {}, std::string(right.size(), 'x')};
  };
  CHECK_THAT(fails(), Catch::Contains("config.json: the bytes that came have another git blob id"));
}

TEST_CASE_METHOD(Fixture, "what an earlier run left and is of no use is fetched anew") {
  fs::create_directories(blob().parent_path());
  for (const size_t left : {size_t{1000}, bytes.size(), bytes.size() + 7}) {
    fs::remove(blob());
    std::ofstream(incomplete(), std::ios::binary) << std::string(left, 'z');
    fetch();
    CHECK(bytes_of(blob()) == bytes);
  }
}

TEST_CASE_METHOD(Fixture, "sizes that do not agree are refused") {
  SECTION("the hub tells of more than there is") {
    hub.instead = [&](const Asked& asked) -> std::optional<Reply> {
      Reply reply = hub.usual(asked);
      if (reply.fields.contains("X-Linked-Size")) reply.fields["X-Linked-Size"] = "300001";
      return reply;
    };
    CHECK_THAT(fails(), Catch::Contains("the server sends 300000 bytes; expected 300001"));
  }
  SECTION("the hub tells of less") {
    hub.instead = [&](const Asked& asked) -> std::optional<Reply> {
      Reply reply = hub.usual(asked);
      if (reply.fields.contains("X-Linked-Size")) reply.fields["X-Linked-Size"] = "1000";
      return reply;
    };
    CHECK_THAT(fails(), Catch::Contains("the server sends 300000 bytes; expected 1000"));
    CHECK_FALSE(fs::exists(incomplete()));
  }
  SECTION("the server announces more than it sends") {
    answer_bytes([&](const Asked& asked, int) {
      Reply reply = bytes_for(asked, bytes);
      reply.sends = reply.body.size() - 1;
      if (reply.body.size() <= 1) reply.sends = 0;
      return reply;
    });
    CHECK_THAT(fails(), Catch::Contains("broke off, 3 times in a row"));
    CHECK(fs::file_size(incomplete()) == bytes.size() - 1);
  }
  SECTION("nothing tells the size") {
    hub.instead = [&](const Asked& asked) -> std::optional<Reply> {
      Reply reply = hub.usual(asked);
      reply.fields.erase("X-Linked-Size");
      if (asked.method == "HEAD") reply.fields["Content-Length"] = "many";
      return reply;
    };
    CHECK_THAT(fails(), Catch::Contains("tells no etag and size"));
  }
}

TEST_CASE_METHOD(Fixture, "redirects in a circle end") {
  answer_bytes(
      [&](const Asked& asked, int) { return Reply{302, {{"Location", asked.target}}, ""}; });
  CHECK_THAT(fails(), Catch::Contains("redirects 10 times") && !Catch::Contains("signature"));
}

TEST_CASE_METHOD(Fixture, "redirects to no place are refused") {
  const std::string to = GENERATE("ftp://host/x", "https://", "http:///x", "javascript:x y");
  answer_bytes([&](const Asked&, int) { return Reply{302, {{"Location", to}}, ""}; });
  CHECK_THAT(fails(),
             Catch::Contains("redirect: found '") || Catch::Contains("no connection") ||
                 Catch::Contains("answers 4"));
}

TEST_CASE_METHOD(Fixture, "the token is for the hub alone, also on the way back") {
  Server other([&](const Asked& asked) {
    if (asked.target.starts_with("/bytes/"))
      return Reply{302, {{"Location", hub.server.url() + asked.target}}, ""};
    return Reply{404, {}, ""};
  });
  hub.elsewhere = other.url();
  fetch("hf_secret");
  CHECK(bytes_of(blob()) == bytes);
  REQUIRE(other.asked().size() == 1);
  CHECK(other.asked()[0].field("authorization").empty());
  int with = 0;
  for (const Asked& asked : hub.server.asked()) {
    const bool bytes_asked = asked.target.starts_with("/bytes/");
    CHECK(asked.field("authorization") == (bytes_asked ? "" : "Bearer hf_secret"));
    with += bytes_asked ? 0 : 1;
  }
  CHECK(with > 5);
}

TEST_CASE_METHOD(Fixture, "a repository that moved is followed on its own server") {
  hub.instead = [&](const Asked& asked) -> std::optional<Reply> {
    const std::string old = "/org/m/resolve/";
    if (!asked.target.starts_with(old)) return std::nullopt;
    return Reply{307, {{"Location", "/new" + asked.target}, {"Content-Length", "0"}}, ""};
  };
  hub.instead = [&, moved = hub.instead](const Asked& asked) -> std::optional<Reply> {
    if (!asked.target.starts_with("/new/")) return moved(asked);
    Asked there = asked;
    there.target = asked.target.substr(4);
    return hub.usual(there);
  };
  fetch();
  CHECK(bytes_of(blob()) == bytes);
}

TEST_CASE_METHOD(Fixture, "each refusal of the hub is one line with its cure") {
  const auto refuse = [&](int status, std::map<std::string, std::string> fields = {}) {
    answer_list({status, std::move(fields), "{}"});
    hub.server.forget();
    return fails();
  };
  CHECK_THAT(refuse(401, {{"X-Error-Message", "Invalid\tname"}}),
             Catch::Contains("answers 401 (Invalid?name); expected a model that is public") &&
                 Catch::Contains("HF_TOKEN"));
  CHECK_THAT(refuse(403), Catch::Contains("answers 403; ") && Catch::Contains("accept its terms"));
  CHECK_THAT(refuse(404), Catch::Contains("answers 404; expected a model on the hub"));
  CHECK(hub.server.asked().size() == 1);  // no use in trying again
  CHECK_THAT(refuse(404, {{"X-Error-Code", "RevisionNotFound"}}),
             Catch::Contains("expected a revision of org/m"));
  CHECK_THAT(refuse(503), Catch::Contains("answers 503, 3 times in a row; the hub has trouble"));
  CHECK(hub.server.asked().size() == 3);
  CHECK_THAT(refuse(429), Catch::Contains("answers 429, 3 times in a row; too many requests"));
  CHECK_THAT(refuse(429, {{"Retry-After", "7200"}}), Catch::Contains("asks to wait 7200 s"));
  CHECK(hub.server.asked().size() == 1);
}

TEST_CASE_METHOD(Fixture, "a hub that asks to wait a moment is asked again") {
  for (const int status : {429, 500, 503}) {
    const CacheFolder fresh;
    std::set<std::string> seen;  // each request is refused once
    hub.instead = [&](const Asked& asked) -> std::optional<Reply> {
      if (!seen.insert(asked.method + asked.target).second) return std::nullopt;
      return Reply{status, {{"Retry-After", "0"}}, asked.target};
    };
    fetch_from_hub({"org/m"}, place_of(hub, fresh), quick());
    CHECK(bytes_of(fresh.repository / "blobs" / large_id(bytes)) == bytes);
  }
}

TEST_CASE_METHOD(Fixture, "a list of files that is none, or leads outside, is refused") {
  const auto list = [&](const std::string& body) {
    answer_list({200, {}, body});
    return fails();
  };
  const std::string commit = std::string(R"("sha": ")") + FakeHub::kCommit + R"(")";
  CHECK_THAT(list("<html>"), Catch::Contains("/api/models/org/m/revision/main"));
  CHECK_THAT(list("[]"), Catch::Contains("names no commit"));
  CHECK_THAT(list(R"({"sha": "../../../../../../../../../../../../../x"})"),
             Catch::Contains("names no commit"));
  CHECK_THAT(list("{" + commit + "}"), Catch::Contains("lists no files"));
  CHECK_THAT(list("{" + commit + R"(, "siblings": [{}]})"), Catch::Contains("without a name"));
  for (const char* name : {"../x", "/etc/passwd", "a/../../x", "a//b", ".", "", "a\\\\b", "a/"})
    CHECK_THAT(
        list("{" + commit + R"(, "siblings": [{"rfilename": ")" + std::string(name) + R"("}]})"),
        Catch::Contains("expected a path inside the repository"));
  CHECK(names_in(cache.folder).empty());
}

TEST_CASE_METHOD(Fixture, "an etag that is a path is refused") {
  hub.instead = [&](const Asked& asked) -> std::optional<Reply> {
    Reply reply = hub.usual(asked);
    if (reply.fields.contains("ETag")) reply.fields["ETag"] = "\"../../../evil\"";
    return reply;
  };
  CHECK_THAT(fails(), Catch::Contains("tells no etag and size"));
}

TEST_CASE_METHOD(Fixture, "a repository without a model is told by what it holds") {
  const auto holding = [&](std::map<std::string, std::string> files) {
    hub.small = std::move(files);
    return fails();
  };
  hub.large.clear();
  CHECK_THAT(holding({{"README.md", ""}}), Catch::Contains("org/m: holds no model"));
  CHECK_THAT(holding({{"config.json", ""}, {"pytorch_model.bin", ""}}),
             Catch::Contains("holds weights as pytorch_model.bin only"));
  CHECK_THAT(holding({{"adapter_config.json", ""}, {"adapter_model.safetensors", ""}}),
             Catch::Contains("holds a PEFT adapter"));
}

TEST_CASE_METHOD(Fixture, "a fetch that is stopped leaves what came") {
  bool stop = false;
  answer_bytes([&](const Asked& asked, int) {
    Reply reply = bytes_for(asked, bytes);
    reply.sends = 200000;
    stop = true;
    return reply;
  });
  FetchOptions options = quick();
  options.context.cancelled = [&] { return stop; };
  try {
    fetch_from_hub({"org/m"}, place_of(hub, cache), options);
    FAIL("expected to be stopped");
  } catch (const Error& error) {
    CHECK(error.code() == ExitCode::Interrupted);
  }
  CHECK(fs::file_size(incomplete()) > 0);
  CHECK_FALSE(fs::exists(blob()));
}

TEST_CASE_METHOD(Fixture, "a server that goes away ends no process by SIGPIPE") {
  FetchOptions options = quick();
  int raised = 0;
  options.progress = [&](std::string_view, int64_t arrived, int64_t) {
    if (arrived > 0 && raised++ == 0) raise(SIGPIPE);
  };
  std::signal(SIGPIPE, SIG_DFL);
  fetch_from_hub({"org/m"}, place_of(hub, cache), options);
  CHECK(raised > 0);
  CHECK(bytes_of(blob()) == bytes);
}

TEST_CASE_METHOD(Fixture, "a file that another process is writing is left to it") {
  const PartialFile held(incomplete(), {static_cast<int64_t>(bytes.size()), {}});
  CHECK_THAT(fails(), Catch::Contains("is being written by another process"));
}

TEST_CASE_METHOD(Fixture, "no server is told as such") {
  HubPlace place = place_of(hub, cache);
  place.endpoint = "http://127.0.0.1:1";
  CHECK_THAT(failure([&] { fetch_from_hub({"org/m"}, place, quick()); }),
             Catch::Contains("no connection to 127.0.0.1:1"));
}

}  // namespace kvhost::test
