// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <cstring>
#include <fstream>
#include <sstream>

#include "base/error.hpp"
#include "model/checkpoint.hpp"
#include "format/safetensors.hpp"
#include "model_files.hpp"

using namespace kvhost;
using kvhost::test::safetensors_bytes;
using kvhost::test::TempFolder;
using kvhost::test::write_text;

namespace {

struct BadFile {
  const char* name;
  std::string bytes;
  const char* message;  // part of it
};

std::string length_only(uint64_t length) {
  std::string out(8, '\0');
  std::memcpy(out.data(), &length, 8);
  return out;
}

const std::string kGood = R"({"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]}})";

std::vector<BadFile> bad_files() {
  const auto one = [](const char* entry, size_t bytes) {
    return safetensors_bytes(std::string("{\"a\":") + entry + "}", bytes);
  };
  const auto two = [](const char* a, const char* b, size_t bytes) {
    return safetensors_bytes(
        std::string("{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":") + a +
            "},\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":" + b + "}}",
        bytes);
  };
  return {
      {"empty", "", "0 bytes"},
      {"short", "abc", "3 bytes"},
      {"length bomb", length_only(UINT64_MAX) + "{}", "at most 100000000"},
      {"length beyond file", length_only(1000) + "{}", "truncated"},
      {"not JSON", safetensors_bytes("{\"a\": [}", 0), "not valid JSON"},
      {"not an object", safetensors_bytes("[1,2]", 0), "not a JSON object"},
      {"deep",
       safetensors_bytes(std::string(5000, '[') + std::string(5000, ']'), 0),
       "nested more than 100 levels deep"},
      {"duplicate",
       safetensors_bytes("{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
                         "\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}",
                         1),
       "the key 'a' twice"},
      {"entry not an object", one("7", 0), "'a' has no valid 'shape'"},
      {"no shape", one(R"({"dtype":"F32","data_offsets":[0,16]})", 16), "no valid 'shape'"},
      {"negative shape",
       one(R"({"dtype":"F32","shape":[-4],"data_offsets":[0,16]})", 16),
       "no valid 'shape'"},
      {"no dtype", one(R"({"shape":[4],"data_offsets":[0,16]})", 16), "no 'dtype'"},
      {"unknown dtype",
       one(R"({"dtype":"F12","shape":[4],"data_offsets":[0,16]})", 16),
       "dtype 'F12'; expected one of"},
      {"no offsets", one(R"({"dtype":"F32","shape":[4]})", 16), "no valid 'data_offsets'"},
      {"one offset", one(R"({"dtype":"F32","shape":[4],"data_offsets":[0]})", 16), "begin <= end"},
      {"reversed offsets",
       one(R"({"dtype":"F32","shape":[4],"data_offsets":[16,0]})", 16),
       "begin <= end"},
      {"out of file", one(R"({"dtype":"F32","shape":[4],"data_offsets":[0,16]})", 12), "truncated"},
      {"shape too small",
       one(R"({"dtype":"F32","shape":[3],"data_offsets":[0,16]})", 16),
       "holds 16 bytes; expected shape [3]"},
      {"shape overflow",
       one(R"({"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,16]})", 16),
       "holds 16 bytes"},
      {"gap before",
       one(R"({"dtype":"U8","shape":[4],"data_offsets":[4,8]})", 8),
       "4 bytes before tensor 'a'"},
      {"bytes behind",
       one(R"({"dtype":"U8","shape":[4],"data_offsets":[0,4]})", 8),
       "4 bytes at the end"},
      {"overlap", two("[0,4]", "[2,6]", 6), "'b' overlaps"},
      {"same place", two("[0,4]", "[0,4]", 4), "overlaps"},
      {"gap between", two("[0,4]", "[6,10]", 10), "2 bytes before tensor 'b'"},
  };
}

}  // namespace

TEST_CASE("damaged safetensors files are refused with the reason") {
  const TempFolder dir;
  const auto path = dir.path() / "model.safetensors";
  for (const auto& bad : bad_files()) {
    INFO(bad.name);
    write_text(path, bad.bytes);
    std::string message;
    try {
      read_safetensors(path);
    } catch (const Error& e) {
      CHECK(e.code() == ExitCode::CannotLoad);
      message = e.what();
    }
    CHECK_THAT(message, Catch::StartsWith(path.string() + ": "));
    CHECK_THAT(message, Catch::Contains(bad.message));
  }
}

TEST_CASE("every truncation of a good file is refused") {
  const TempFolder dir;
  const auto path = dir.path() / "model.safetensors";
  const std::string whole = safetensors_bytes(kGood, 16);
  for (size_t size = 0; size < whole.size(); ++size) {
    write_text(path, whole.substr(0, size));
    CHECK_THROWS_AS(read_safetensors(path), Error);
  }
  write_text(path, whole);
  const auto tensors = read_safetensors(path);
  REQUIRE(tensors.size() == 1);
  CHECK(tensors[0].shape == std::vector<int64_t>{2, 2});
  CHECK(tensors[0].bytes == 16);
}

TEST_CASE("empty tensors and metadata are fine") {
  const TempFolder dir;
  const auto path = dir.path() / "model.safetensors";
  write_text(
      path,
      safetensors_bytes(
          R"({"__metadata__":{"format":"pt"},"e":{"dtype":"F32","shape":[0,3],"data_offsets":[0,0]},)"
          R"("s":{"dtype":"F32","shape":[],"data_offsets":[0,4]}})",
          4));
  CHECK(read_safetensors(path).size() == 2);
}

TEST_CASE("a folder, a missing file and a folder without weights") {
  const TempFolder dir;
  CHECK_THROWS_WITH(read_safetensors(dir.path()), Catch::Contains("not a regular file"));
  CHECK_THROWS_WITH(read_safetensors(dir.path() / "x"), Catch::Contains("cannot be opened"));
  CHECK_THROWS_WITH(read_checkpoint(dir.path()),
                    Catch::Contains("expected model.safetensors or model.safetensors.index.json"));
  write_text(dir.path() / "pytorch_model.bin", "");
  CHECK_THROWS_WITH(read_checkpoint(dir.path()), Catch::Contains("pytorch_model.bin is there"));
}

TEST_CASE("shards: missing, misplaced, outside the folder") {
  const TempFolder dir;
  const auto index = dir.path() / "model.safetensors.index.json";
  write_text(dir.path() / "1.safetensors",
             safetensors_bytes(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 1));
  write_text(dir.path() / "2.safetensors",
             safetensors_bytes(R"({"b":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 1));

  write_text(index, R"({"weight_map":{"a":"1.safetensors","b":"2.safetensors"}})");
  CHECK(read_checkpoint(dir.path()).tensors.size() == 2);
  write_text(index, R"({"weight_map":{"a":"1.safetensors","b":"3.safetensors"}})");
  CHECK_THROWS_WITH(read_checkpoint(dir.path()), Catch::Contains("3.safetensors: is missing"));
  write_text(index, R"({"weight_map":{"a":"2.safetensors","b":"2.safetensors"}})");
  CHECK(read_checkpoint(dir.path()).tensors.count("a") == 0);  // whoever needs it says so
  write_text(index, R"({"weight_map":{"a":"../1.safetensors"}})");
  CHECK_THROWS_WITH(read_checkpoint(dir.path()),
                    Catch::Contains("expected a file name in this folder"));
  write_text(index, R"({"weight_map":{"a":7}})");
  CHECK_THROWS_WITH(read_checkpoint(dir.path()), Catch::Contains("expected a file name"));
  write_text(index, R"({"metadata":{}})");
  CHECK_THROWS_WITH(read_checkpoint(dir.path()), Catch::Contains("'weight_map' is missing"));
  write_text(index, "{");
  CHECK_THROWS_WITH(read_checkpoint(dir.path()), Catch::Contains("not valid JSON"));
}
