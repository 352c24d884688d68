// SPDX-License-Identifier: Apache-2.0
// Files that would fill the memory or the stack, never end, or cannot be read to their end.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <csignal>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/interrupt.hpp"
#include "base/json_file.hpp"
#include "base/text.hpp"
#include "temp_folder.hpp"

namespace fs = std::filesystem;
using namespace kvhost;
using Catch::Contains;

namespace {

struct TempFile {
  explicit TempFile(const std::string& bytes) : path(folder.write("file", bytes)) {}
  test::TempFolder folder;
  fs::path path;
};

std::string message_of(const std::string& json, RepeatedKeys repeated = RepeatedKeys::LastCounts) {
  try {
    (void)parse_json(json, "a.json", ExitCode::CannotLoad, repeated);
    return "read";
  } catch (const Error& e) {
    CHECK(e.code() == ExitCode::CannotLoad);
    return e.what();
  }
}

double seconds_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

std::string many(size_t n, const std::string& text) {
  std::string out;
  for (size_t i = 0; i < n; ++i) out += text;
  return out;
}

}  // namespace

TEST_CASE("JSON is read up to a depth that is stated, objects and arrays alike") {
  const auto nested = [](size_t depth) { return many(depth, "[") + many(depth, "]"); };
  CHECK(message_of(nested(kDeepestNesting)) == "read");
  CHECK_THAT(message_of(nested(kDeepestNesting + 1)), Contains("more than 100 levels deep; expected"));
  CHECK_THAT(message_of(many(200'000, "[")), Contains("more than 100 levels deep"));
  CHECK_THAT(message_of(many(200'000, "{\"a\":")), Contains("more than 100 levels deep"));
}

TEST_CASE("what is wrong with JSON is said with its place, what was found and what was expected") {
  CHECK(message_of("{\"a\": ,}") ==
        "a.json: not valid JSON at line 1, column 7: unexpected ','; expected '[', '{', or a literal");
  CHECK_THAT(message_of("{\n\"a\": 1e400}"),
             Contains("line 2, column 10: found the number '1e400'; expected one below 1.8e308"));
  CHECK_THAT(message_of("[nul]"), Contains("invalid literal near '[nul]'; expected "));
  CHECK_THAT(message_of(""), Contains("unexpected end of input; expected"));
  CHECK_THAT(message_of("\"\xff\""), Contains("; expected JSON, in UTF-8") && Contains("?"));
  for (const char* bad : {"{", "[1,", "\"a", "tru", "{\"a\"}", "\"\n\"", "\"\\q\"", "-", "1e", "[1 2]"})
    CHECK_THAT(message_of(bad), Contains("; expected ") && !Contains("json.exception"));
}

TEST_CASE("a key that is named twice is refused where one of the values would be lost unseen") {
  const std::string twice = R"({"a": 1, "b": {"a": 2}, "a": 3})";
  CHECK(message_of(twice) == "read");
  CHECK_THAT(message_of(twice, RepeatedKeys::Refused), Contains("the key 'a' twice in one object;"));
  CHECK(message_of(R"([{"a": 1}, {"a": 2, "b": {"a": 3}}])", RepeatedKeys::Refused) == "read");
}

TEST_CASE("the time to read JSON grows with its length, not with its square") {
  const std::string objects = "[" + many(80'000, R"({"a":[1]},)") + "1]";
  CHECK(seconds_of([&] { (void)message_of(objects, RepeatedKeys::Refused); }) < 10);
}

TEST_CASE("JSON with values of every kind is what it says") {
  const char* text = R"({"a": [1, -2, 2.5, true, null, "x"], "b": {"c": {}}, "d": 18446744073709551615})";
  CHECK(parse_json(text, "a", ExitCode::CannotLoad) == nlohmann::json::parse(text));
  CHECK(parse_json("3", "a", ExitCode::CannotLoad) == 3);
}

TEST_CASE("a file without an end is refused at the size that its kind explains") {
  CHECK_THROWS_WITH(read_file("/dev/zero", ExitCode::BadRequest, 1'000'000),
                    Contains("/dev/zero: is larger") && Contains("; expected at most 1.0 MB"));
  const TempFile file(std::string(2000, 'a'));
  CHECK_THROWS_WITH(read_file(file.path, ExitCode::BadRequest, 1999), Contains("at most 2.0 kB"));
  CHECK(read_file(file.path, ExitCode::BadRequest, 2000).size() == 2000);
}

TEST_CASE("an error of the disk is noticed, not taken for the end") {
  CHECK_THROWS_WITH(read_file("/proc/self/mem", ExitCode::BadRequest),
                    Contains("cannot be read to its end: Input/output error; expected"));
  CHECK_THROWS_WITH(read_file(fs::path("/"), ExitCode::BadRequest),
                    Contains("is a folder; expected a file"));
  CHECK_THROWS_WITH(read_file("/no/such", ExitCode::BadRequest), Contains("No such file"));
}

TEST_CASE("a fifo is read to the end of its writer, and Ctrl-C ends the waiting for one") {
  const test::TempFolder folder;
  const fs::path fifo = folder / "fifo";
  REQUIRE(mkfifo(fifo.c_str(), 0600) == 0);
  std::thread writer([&] { std::ofstream(fifo) << "a text"; });
  CHECK(read_file(fifo, ExitCode::BadRequest) == "a text");
  writer.join();
  install_interrupt_handler();
  std::thread killer([] {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    ::kill(getpid(), SIGINT);
  });
  CHECK_THROWS_WITH(read_file(fifo, ExitCode::BadRequest), Contains("interrupted"));
  killer.join();
  rearm_interrupt();
}

TEST_CASE("a signal that is ignored stays ignored") {
  std::signal(SIGINT, SIG_IGN);
  install_interrupt_handler();
  std::raise(SIGINT);
  CHECK_FALSE(interrupted());
  std::signal(SIGINT, SIG_DFL);
  install_interrupt_handler();
  std::raise(SIGINT);
  CHECK(interrupted());
  rearm_interrupt();
}

TEST_CASE("what stands in a message is one line of UTF-8") {
  CHECK(printable("a\nb\x1b[31m\x7f") == "a b [31m ");
  CHECK(printable("\xC3\xA9 \xE4\xB8\xAD \xF0\x9F\x98\x80") == "\xC3\xA9 \xE4\xB8\xAD \xF0\x9F\x98\x80");
  CHECK(printable("\xff\xC3(\xED\xA0\x80\xC2\x9b") == "?\?(??? ");
  CHECK(quoted(std::string(59, 'a') + "\xC3\xA9\xC3\xA9") == "'" + std::string(59, 'a') + "...'");
  CHECK(Error(ExitCode::BadRequest, "a\nb", "c\td").what() == std::string("a b: c d"));
}
