// SPDX-License-Identifier: Apache-2.0
// Every wrong request of error_cases.json: its exit code, one line on stderr that names the place,
// nothing left behind.
#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>
#include <nlohmann/json.hpp>

#include "program.hpp"

namespace kvhost::test {

namespace {

nlohmann::json error_cases() {
  std::ifstream file(KVHOST_TEST_DATA "/host/cli/error_cases.json");
  return nlohmann::json::parse(file);
}

// Text as it stands, or {"hex": "ff fe"} for bytes that JSON cannot hold, or any JSON value.
std::string bytes_of(const nlohmann::json& content) {
  if (content.is_string()) return content.get<std::string>();
  if (!content.is_object() || !content.contains("hex")) return content.dump();
  std::string bytes;
  std::istringstream words(content["hex"].get<std::string>());
  for (std::string word; words >> word;) bytes += static_cast<char>(std::stoi(word, nullptr, 16));
  return bytes;
}

}  // namespace

TEST_CASE("every wrong request is refused in one line") {
  const nlohmann::json cases = error_cases();
  REQUIRE(cases.size() >= 40);
  for (const auto& wrong : cases) {
    const auto args = wrong.at("args").get<std::vector<std::string>>();
    DYNAMIC_SECTION(wrong.at("name").get<std::string>()) {
      const Scratch scratch;
      const nlohmann::json files = wrong.value("files", nlohmann::json::object());
      for (const auto& [name, content] : files.items()) scratch.write(name, bytes_of(content));
      const auto before = scratch.files();
      const Outcome outcome =
          run_program(args, scratch.folder(), {{"HF_HUB_CACHE", scratch.folder() / "hub"}});
      INFO("stderr: " << outcome.err);
      INFO("stdout: " << outcome.out);
      CHECK(outcome.exit_code == wrong.at("exit").get<int>());
      CHECK(std::count(outcome.err.begin(), outcome.err.end(), '\n') == 1);
      CHECK(outcome.err.rfind("kvhost: error: ", 0) == 0);
      for (const auto& part : wrong.at("says"))
        CHECK_THAT(outcome.err, Catch::Matchers::Contains(part.get<std::string>()));
      CHECK(outcome.out.empty());
      CHECK(scratch.files() == before);
    }
  }
}

}  // namespace kvhost::test
