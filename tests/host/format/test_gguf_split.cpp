// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "base/error.hpp"
#include "format/gguf.hpp"
#include "format_files.hpp"
#include "gguf_bytes.hpp"

using namespace kvhost;
using namespace kvhost::test;

namespace {

std::string part(uint16_t number, uint16_t count, const std::string& name, int32_t total) {
  GgufBytes file;
  file.pairs = {pair("split.no", kU16, raw(number)),
                pair("split.count", kU16, raw(count)),
                pair("split.tensors.count", kI32, raw(total))};
  if (!name.empty()) file.tensors = {tensor(name, {4}, 0, 0)};
  file.data.assign(16, static_cast<char>('a' + number));
  return file.bytes();
}

struct SplitModel {
  TempFolder folder;
  std::filesystem::path first = folder.path() / "m-00001-of-00003.gguf";

  void put(const char* name, const std::string& bytes) { write_bytes(folder.path() / name, bytes); }
  SplitModel() {
    write_bytes(first, part(0, 3, "a", 3));
    put("m-00002-of-00003.gguf", part(1, 3, "b", 3));
    put("m-00003-of-00003.gguf", part(2, 3, "c", 3));
  }
  std::string refusal(const std::filesystem::path& path) const {
    try {
      read_gguf(path);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }
};

}  // namespace

TEST_CASE("the parts of a split model are read with the first", "[gguf]") {
  const SplitModel model;
  const GgufFile file = read_gguf(model.first);
  REQUIRE(file.tensors.size() == 3);
  CHECK(file.parts.size() == 3);
  CHECK(static_cast<char>(*file.find("a")->data) == 'a');
  CHECK(static_cast<char>(*file.find("c")->data) == 'c');
}

TEST_CASE("split models that do not fit together are refused", "[gguf]") {
  SplitModel model;
  const auto folder = model.folder.path();
  const auto refuses = [&](const std::filesystem::path& path, const char* message) {
    CHECK_THAT(model.refusal(path), Catch::Contains(message));
  };
  SECTION("another part than the first") {
    refuses(folder / "m-00002-of-00003.gguf",
            "is part 2 of 3 of a model; expected the first: m-00001-of-00003.gguf");
  }
  SECTION("a name that tells nothing") {
    std::filesystem::rename(model.first, folder / "model.gguf");
    refuses(folder / "model.gguf", "expected a name that ends in -00001-of-00003.gguf");
  }
  SECTION("a part that is missing") {
    std::filesystem::remove(folder / "m-00003-of-00003.gguf");
    refuses(model.first,
            "m-00003-of-00003.gguf: is missing; expected part 3 of 3 of m-00001-of-00003.gguf");
  }
  SECTION("a part of another model") {
    model.put("m-00002-of-00003.gguf", part(1, 4, "b", 3));
    refuses(model.first, "m-00002-of-00003.gguf: says that it is part 2 of 4; expected part 2 of 3");
  }
  SECTION("a part in another's place") {
    model.put("m-00002-of-00003.gguf", part(2, 3, "b", 3));
    refuses(model.first, "says that it is part 3 of 3; expected part 2 of 3");
  }
  SECTION("a tensor in two parts") {
    model.put("m-00002-of-00003.gguf", part(1, 3, "a", 3));
    refuses(model.first, "tensor 'a' is in another part too");
  }
  SECTION("too few tensors") {
    model.put("m-00003-of-00003.gguf", part(2, 3, "", 3));
    refuses(model.first, "its parts hold 2 tensors; expected 3 ('split.tensors.count')");
  }
  SECTION("a number beyond the count") {
    write_bytes(model.first, part(3, 3, "a", 3));
    refuses(model.first, "'split.no' is 3; expected a number below 'split.count', 3");
  }
  SECTION("a part that is damaged") {
    model.put("m-00002-of-00003.gguf", "GGUF");
    refuses(model.first, "m-00002-of-00003.gguf: ends inside its header");
  }
}
