// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/json_file.hpp"
#include "base/text.hpp"
#include "temp_folder.hpp"

namespace fs = std::filesystem;

TEST_CASE("nearest finds a misspelt name and refuses to guess wildly") {
  const std::vector<std::string> names = {"snapkv", "knorm", "streaming_llm"};
  CHECK(kvhost::nearest("snapk", names) == "snapkv");
  CHECK(kvhost::nearest("streamingllm", names) == "streaming_llm");
  CHECK(kvhost::nearest("zzzzzzzz", names).empty());
}

TEST_CASE("nearest knows what other programs call the same thing") {
  const std::vector<std::string> devices = {"cpu", "cuda"};
  for (const char* name : {"gpu", "GPU", "cuda:0", "CUDA", "nvidia", "gpu:1"})
    CHECK(kvhost::nearest(name, devices) == "cuda");
  CHECK(kvhost::nearest("cpi", devices) == "cpu");
  const std::vector<std::string> dtypes = {"float32", "bfloat16", "float16"};
  CHECK(kvhost::nearest("bf16", dtypes) == "bfloat16");
  CHECK(kvhost::nearest("half", dtypes) == "float16");
  CHECK(kvhost::nearest("fp32", dtypes) == "float32");
  CHECK(kvhost::nearest("gpu", dtypes).empty());
}

TEST_CASE("a JSON syntax error names line and column") {
  const kvhost::test::TempFolder folder;
  const auto path = folder / "bad.json";
  std::ofstream(path) << "{\n  \"a\": ,\n}";
  CHECK_THROWS_WITH(kvhost::read_json(path, kvhost::ExitCode::BadRequest),
                    Catch::Contains("line 2") && Catch::Contains(path.string()));
}

TEST_CASE("a failed write leaves the earlier file as it was") {
  const kvhost::test::TempFolder folder;
  const auto path = folder / "keep.json";
  kvhost::write_json(path, {{"old", 1}});
  CHECK_THROWS(kvhost::write_file(path, [](std::ostream& out) { out.setstate(std::ios::badbit); }));
  CHECK(kvhost::read_json(path, kvhost::ExitCode::BadRequest) == nlohmann::json{{"old", 1}});
}
