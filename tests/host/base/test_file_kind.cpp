// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/file_kind.hpp"
#include "base/json_file.hpp"
#include "temp_folder.hpp"

namespace kvhost {

namespace {

const std::string kPointer =
    "version https://git-lfs.github.com/spec/v1\n"
    "oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n";

}  // namespace

TEST_CASE("a file that was taken for another is told by how it begins") {
  const auto says = [](const std::string& bytes) { return mistaken_file(bytes, "weights"); };
  CHECK(says(kPointer).find("is a Git LFS pointer") == 0);
  CHECK_THAT(says(kPointer),
             Catch::Contains("expected weights; ") && Catch::Contains("git lfs pull"));
  CHECK_THAT(says("GGUF\x03"), Catch::Contains("GGUF file") && Catch::Contains("--model FILE.gguf"));
  CHECK_THAT(says("PK\x03\x04"), Catch::Contains("PyTorch archive"));
  CHECK_THAT(says("\n <!DOCTYPE HTML><p>"), Catch::Contains("page of HTML"));
  for (const char* text : {"", "{}", "version 2", "GG", "<", "html"}) CHECK(says(text).empty());
}

TEST_CASE("a Git LFS pointer is refused wherever a file is read") {
  const test::TempFolder folder;
  const auto path = folder / "pointer.json";
  std::ofstream(path) << kPointer;
  CHECK_THROWS_WITH(read_file(path, ExitCode::BadRequest),
                    Catch::Contains(path.string()) && Catch::Contains("git lfs pull"));
  CHECK_THROWS_WITH(read_json(path, ExitCode::CannotLoad), Catch::Contains("git lfs pull"));
  // A long text that only begins like one is a text.
  CHECK_FALSE(is_lfs_pointer(kPointer + std::string(2000, 'x')));
}

TEST_CASE("an error page in place of JSON is called that") {
  CHECK_THROWS_WITH(parse_json("<html>", "x.json", ExitCode::CannotLoad),
                    Catch::Contains("x.json: is a page of HTML; expected JSON"));
}

}  // namespace kvhost
