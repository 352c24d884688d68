// SPDX-License-Identifier: Apache-2.0
// kill -9 of the server at random moments, while it starts and while clients read, ask and save: the
// next one starts, the saved document is whole and goes on to the same text, and nothing else lies in
// its folder. KVHOST_KILLS says how many times.
#include <fcntl.h>
#include <httplib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>

#include "host/cli/program.hpp"

namespace fs = std::filesystem;
using namespace kvhost::test;
using Json = nlohmann::json;

namespace {

int wanted_kills() {
  const char* given = std::getenv("KVHOST_KILLS");
  return given ? std::atoi(given) : 6;
}

class Server {
 public:
  explicit Server(const fs::path& folder) {
    int ends[2];
    REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
    process_ = fork();
    if (process_ == 0) {
      dup2(ends[1], 1), dup2(open("/dev/null", O_WRONLY), 2);
      if (chdir(folder.c_str()) != 0) _exit(127);
      const std::string model = KVHOST_SOURCE_DIR "/models/tiny";
      execl(KVHOST_PROGRAM, "kvhost", "serve", "--port", "0", "--press", "none", "--threads", "1",
            "--model", model.c_str(), "--documents", "saved", nullptr);
      _exit(127);
    }
    close(ends[1]);
    out_ = ends[0];
  }
  ~Server() {
    kill();
    close(out_);
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  void kill() {
    if (process_ <= 0) return;
    ::kill(process_, SIGKILL);
    waitpid(process_, nullptr, 0);
    process_ = 0;
  }

  // Waits until it listens.
  int port() {
    const std::string mark = "listening on http://127.0.0.1:";
    std::string text;
    char piece[256];
    while (text.find(mark) == std::string::npos || text.back() != '\n') {
      const ssize_t n = read(out_, piece, sizeof piece);
      if (n <= 0) return 0;
      text.append(piece, static_cast<size_t>(n));
    }
    return std::atoi(text.c_str() + text.find(mark) + mark.size());
  }

 private:
  pid_t process_ = 0;
  int out_ = -1;
};

// null when the server did not answer, else its status beside what it said.
Json post(int port, const std::string& path, const Json& body) {
  httplib::Client client("127.0.0.1", port);
  client.set_read_timeout(60);
  const auto result = client.Post(path, body.dump(), "application/json");
  if (!result) return nullptr;
  return {{"status", result->status}, {"body", Json::parse(result->body, nullptr, false)}};
}

std::string long_text() {
  std::string text;
  for (int i = 0; i < 40; ++i) text += "The mayor of town " + std::to_string(i) + " keeps hens. ";
  return text;
}

// Loads the saved document and asks it.
std::string answer_of(int port, std::string* id = nullptr) {
  const Json loaded = post(port, "/v1/documents/load", {{"file", "town"}});
  INFO(loaded.dump());
  REQUIRE(!loaded.is_null());
  REQUIRE(loaded["status"] == 200);
  const std::string document = loaded["body"]["id"];
  const Json said = post(port, "/v1/completions",
                         {{"prompt", " Then"}, {"max_tokens", 6}, {"temperature", 0},
                          {"document", document}});
  REQUIRE(said["status"] == 200);
  if (id) *id = document;
  return said["body"]["choices"][0]["text"];
}

// What clients do all the time, until there is no server any more.
void use(int port, const std::string& id) {
  while (!post(port, "/v1/documents/" + id + "/save", {{"file", "town"}}).is_null()) {
    post(port, "/v1/completions", {{"prompt", long_text()}, {"max_tokens", 4}});
    post(port, "/v1/documents", {{"text", long_text()}});
  }
}

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder))
    names.push_back(entry.path().filename().string());
  return names;
}

}  // namespace

TEST_CASE("a server that is killed leaves whole documents, and the next one goes on with them") {
  const Scratch scratch;
  const fs::path saved = scratch.folder() / "saved";
  fs::create_directory(saved);
  std::string wanted;
  std::vector<std::string> names;
  double startup = 0;
  {
    const auto start = std::chrono::steady_clock::now();
    Server first(scratch.folder());
    const int port = first.port();
    REQUIRE(port > 0);
    startup = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    const Json made = post(port, "/v1/documents", {{"text", long_text()}});
    REQUIRE(made["status"] == 200);
    const std::string id = made["body"]["id"];
    REQUIRE(post(port, "/v1/documents/" + id + "/save", {{"file", "town"}})["status"] == 200);
    wanted = answer_of(port);
    names = names_in(saved);
    REQUIRE(names.size() == 1);
  }
  std::minstd_rand random(11);
  std::uniform_real_distribution<double> starting(0, startup), working(0, 0.4);
  const auto sleep = [](double seconds) { usleep(static_cast<useconds_t>(seconds * 1e6)); };
  for (int i = 0; i < wanted_kills(); ++i) {
    INFO("kill " << i);
    Server server(scratch.folder());
    if (i % 4 == 3) {
      sleep(starting(random));
      server.kill();
      continue;
    }
    std::string id;
    const int port = server.port();
    REQUIRE(port > 0);
    CHECK(answer_of(port, &id) == wanted);
    std::thread client([&] { use(port, id); });
    sleep(working(random));
    server.kill();
    client.join();
  }
  Server last(scratch.folder());
  std::string id;
  const int port = last.port();
  CHECK(answer_of(port, &id) == wanted);
  CHECK(post(port, "/v1/documents/" + id + "/save", {{"file", "town"}})["status"] == 200);
  CHECK(names_in(saved) == names);
}
