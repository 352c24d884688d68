// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "base/error.hpp"
#include "format/gguf.hpp"
#include "format_files.hpp"
#include "gguf_bytes.hpp"

using namespace kvhost;
using namespace kvhost::test;

TEST_CASE("a GGUF file's values and tensors are read as they are", "[gguf]") {
  const TempFile file(sample_gguf().bytes());
  const GgufFile gguf = read_gguf(file.path());
  const GgufMetadata& m = gguf.metadata;
  CHECK(m.text("general.architecture") == "llama");
  CHECK(m.integer("a.u8", 0, 255) == 200);
  CHECK(m.integer("a.i8", -128, 0) == -100);
  CHECK(m.integer("a.u16", 0, 65535) == 60000);
  CHECK(m.integer("a.i16", -32768, 0) == -30000);
  CHECK(m.integer("a.i32", -10, 0) == -7);
  CHECK(m.integer("a.i64", -10, 0) == -5);
  CHECK(std::get<double>(m.values().at("a.f32")) == static_cast<double>(1e-5F));
  CHECK(std::get<double>(m.values().at("a.f64")) == 0.5);
  CHECK(std::get<uint64_t>(m.values().at("a.u64")) == UINT64_MAX);
  CHECK(m.flag("a.bool"));
  CHECK(m.texts("a.texts") == std::vector<std::string>{"one", ""});
  CHECK(m.integers("a.ints") == std::vector<int64_t>{1, -2, 3});
  CHECK(m.floats("a.floats") == std::vector<float>{0.25F, -1.0F});
  CHECK(m.bytes("a.bytes") == "abc");
  CHECK(m.integer_or("absent", 0, 9, 4) == 4);
  CHECK(m.text_or("absent", "x") == "x");

  REQUIRE(gguf.tensors.size() == 3);
  const GgufTensor* matrix = gguf.find("m.weight");
  REQUIRE(matrix);
  CHECK(matrix->type == WeightType::Q8_0);
  CHECK(matrix->shape == std::vector<int64_t>{2, 32});  // rows last
  CHECK(matrix->bytes == 2 * 34);
  const GgufTensor* stacked = gguf.find("e.weight");
  REQUIRE(stacked);
  CHECK(stacked->shape == std::vector<int64_t>{2, 3, 2});
  CHECK(stacked->n_rows() == 6);
  CHECK(stacked->data - matrix->data == 128);
  CHECK(static_cast<char>(stacked->data[23]) == '\7');
  CHECK(gguf.find("absent") == nullptr);
}

TEST_CASE("version 2 and another alignment are read too", "[gguf]") {
  GgufBytes bytes = sample_gguf();
  bytes.version = 2;
  bytes.alignment = 64;
  bytes.pairs[1] = pair("general.alignment", kU32, raw<uint32_t>(64));
  bytes.tensors = {tensor("v.weight", {3}, 0, 64)};
  const TempFile file(bytes.bytes());
  const GgufFile gguf = read_gguf(file.path());
  REQUIRE(gguf.tensors.size() == 1);
  CHECK((gguf.tensors[0].data - gguf.tensors[0].file->data()) % 64 == 0);
}

TEST_CASE("ids of tokens that a model does not have", "[gguf]") {
  GgufBytes bytes;
  bytes.pairs = {pair("bos", kU32, raw<uint32_t>(UINT32_MAX)),
                 pair("eos", kI32, raw<int32_t>(-1)),
                 pair("pad", kU32, raw<uint32_t>(7)),
                 pair("unk", kI32, raw<int32_t>(-2))};
  const TempFile file(bytes.bytes());
  const GgufMetadata metadata = read_gguf(file.path()).metadata;
  CHECK(metadata.token_id("bos") == std::nullopt);
  CHECK(metadata.token_id("eos") == std::nullopt);
  CHECK(metadata.token_id("absent") == std::nullopt);
  CHECK(metadata.token_id("pad") == 7);
  CHECK_THROWS_WITH(metadata.token_id("unk"), Catch::Contains("'unk' is -2; expected"));
}

TEST_CASE("a GGUF value of another type is refused by file and key", "[gguf]") {
  const TempFile file(sample_gguf().bytes());
  const GgufMetadata m = read_gguf(file.path()).metadata;
  const auto refuses = [&](const auto& call, const std::string& message) {
    CHECK_THROWS_WITH(call(), Catch::Equals(file.path().string() + ": " + message));
  };
  refuses([&] { m.text("absent"); }, "'absent' is missing; expected a text");
  refuses([&] { m.text("a.u8"); }, "'a.u8' is 200; expected a text");
  refuses([&] { m.flag("a.f32"); }, "'a.f32' is 0.000010; expected true or false");
  refuses([&] { m.integer("a.bool", 0, 1); }, "'a.bool' is true; expected an integer from 0 to 1");
  refuses([&] { m.integer("a.u64", 0, 9); },
          "'a.u64' is 18446744073709551615; expected an integer from 0 to 9");
  refuses([&] { m.integer("a.i32", 0, 9); }, "'a.i32' is -7; expected an integer from 0 to 9");
  refuses([&] { m.texts("a.ints"); },
          "'a.ints' is an array of 3 32-bit integers; expected an array of texts");
  refuses([&] { m.integers("a.texts"); },
          "'a.texts' is an array of 2 texts; expected an array of integers");
  refuses([&] { m.floats("a.bool"); }, "'a.bool' is true; expected an array of numbers");
  refuses([&] { m.bytes("a.floats"); },
          "'a.floats' is an array of 2 32-bit numbers; expected an array of bytes");
  refuses([&] { m.text("a.texts"); }, "'a.texts' is an array of 2 texts; expected a text");
}

namespace {

struct BadGguf {
  const char* name;
  std::string bytes;
  const char* message;  // part of it
};

// With one value or one tensor changed.
std::string with_pair(const std::string& pair) {
  GgufBytes file = sample_gguf();
  file.pairs.push_back(pair);
  return file.bytes();
}

std::string with_tensors(std::vector<std::string> tensors, size_t data_bytes = 152) {
  GgufBytes file = sample_gguf();
  file.tensors = std::move(tensors);
  file.data.assign(data_bytes, '\0');
  return file.bytes();
}

std::string with_alignment(const std::string& value) {
  GgufBytes file = sample_gguf();
  file.pairs[1] = pair("general.alignment", kU32, value);
  return file.bytes();
}

std::string nested(int depth) {
  std::string value = array(kU8, 1, "x");
  for (int i = 1; i < depth; ++i) value = array(kArray, 1, value);
  return value;
}

std::vector<BadGguf> bad_headers() {
  const std::string good = sample_gguf().bytes();
  const auto counts = [](uint64_t tensors, uint64_t values) {
    return "GGUF" + raw<uint32_t>(3) + raw(tensors) + raw(values) + std::string(64, '\0');
  };
  return {
      {"empty", "", "does not begin with GGUF; expected a GGUF file"},
      {"another file", "hello, this is text", "does not begin with GGUF"},
      {"a Git LFS pointer",
       "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
       "is a Git LFS pointer"},
      {"only its name", "GGUF", "ends inside its header at byte 4"},
      {"no counts", "GGUF" + raw<uint32_t>(3), "ends inside its header at byte 8"},
      {"version 1", "GGUF" + raw<uint32_t>(1) + std::string(64, '\0'), "is GGUF version 1"},
      {"version 4", "GGUF" + raw<uint32_t>(4) + std::string(64, '\0'), "is GGUF version 4"},
      {"version 0", "GGUF" + raw<uint32_t>(0) + std::string(64, '\0'), "is GGUF version 0"},
      {"big endian",
       "GGUF" + raw<uint32_t>(0x03000000) + std::string(64, '\0'),
       "is a big-endian GGUF file"},
      {"a bomb of keys", counts(0, UINT64_MAX), "announces 18446744073709551615 metadata keys"},
      {"a bomb of tensors", counts(UINT64_MAX, 0), "announces 18446744073709551615 tensors"},
      {"cut in its values", good.substr(0, 400), "truncated or damaged"},
      {"cut in its tensors", good.substr(0, sample_gguf().head().size() - 9), "ends inside its list"},
  };
}

std::vector<BadGguf> bad_values() {
  return {
      {"an unknown type", with_pair(pair("x", 13, "")), "'x' has a value of type 13"},
      {"an array of an unknown type",
       with_pair(pair("x", kArray, array(99, 1, "x"))),
       "'x' has a value of type 99"},
      {"a long text",
       with_pair(pair("x", kString, raw(uint64_t{1} << 62))),
       "ends inside its metadata"},
      {"a long array",
       with_pair(pair("x", kArray, array(kU64, uint64_t{1} << 61, ""))),
       "announces 2305843009213693952 64-bit integers in 'x'"},
      {"a long array of texts",
       with_pair(pair("x", kArray, array(kString, uint64_t{1} << 60, ""))),
       "announces 1152921504606846976 texts in 'x'"},
      {"deep arrays", with_pair(pair("x", kArray, nested(5))), "'x' has arrays inside arrays, 5"},
      {"a boolean of 2", with_pair(pair("x", kBool, "\2")), "'x' is a boolean of value 2"},
      {"no name", with_pair(pair("", kU8, "\2")), "a metadata key without a name"},
      {"a long name", with_pair(pair(std::string(65536, 'x'), kU8, "\2")), "expected at most 65535"},
      {"a key twice", with_pair(pair("a.u8", kU8, "\2")), "'a.u8' is listed twice"},
      {"a key with a line break", with_pair(pair("a\nb", 77, "")), "'a?b' has a value of type 77"},
      {"alignment 0", with_alignment(raw<uint32_t>(0)), "'general.alignment' is 0"},
      {"alignment 4", with_alignment(raw<uint32_t>(4)), "'general.alignment' is 4; expected a power"},
      {"alignment 48", with_alignment(raw<uint32_t>(48)), "'general.alignment' is 48"},
      {"alignment 2^31", with_alignment(raw<uint32_t>(1U << 31)), "'general.alignment' is 2147483648"},
  };
}

std::vector<BadGguf> bad_tensors() {
  const auto one = [](std::vector<uint64_t> sizes, uint32_t type, uint64_t offset) {
    return with_tensors({tensor("t", sizes, type, offset)});
  };
  return {
      {"no dimensions", one({}, 0, 0), "tensor 't' has 0 dimensions"},
      {"five dimensions", one({1, 1, 1, 1, 1}, 0, 0), "tensor 't' has 5 dimensions"},
      {"a dimension of 0", one({4, 0}, 0, 0), "tensor 't' has a dimension of 0"},
      {"a dimension of 2^64 - 1", one({UINT64_MAX}, 0, 0), "has a dimension of 18446744073709551615"},
      {"sizes that overflow",
       one({uint64_t{1} << 40, uint64_t{1} << 40}, 0, 0),
       "tensor 't' has more bytes than any file"},
      {"IQ4_XS", one({256}, 23, 0), "tensor 't' has type IQ4_XS; expected one of F32, F16, BF16, Q8_0"},
      {"TQ2_0", one({256}, 35, 0), "tensor 't' has type TQ2_0"},
      {"I32", one({256}, 26, 0), "tensor 't' has type I32"},
      {"a removed type", one({256}, 4, 0), "tensor 't' has type 4;"},
      {"an unknown type", one({256}, 1000, 0), "tensor 't' has type 1000;"},
      {"half a block", one({48}, 8, 0), "rows of 48 weights; expected a multiple of 32 for Q8_0"},
      {"unaligned", one({4}, 0, 4), "begins at byte 4 of the data; expected a multiple"},
      {"beyond the file", one({4}, 0, 1024), "needs 16 bytes at byte 1024 of the data"},
      {"at a huge offset", one({4}, 0, UINT64_MAX - 31), "needs 16 bytes at byte 184467440737095515"},
      {"longer than the file", one({1024}, 0, 0), "needs 4096 bytes at byte 0 of the data"},
      {"overlapping",
       with_tensors({tensor("t", {16}, 0, 32), tensor("u", {16}, 0, 0)}),
       "tensor 't' overlaps 'u'"},
      {"in one place",
       with_tensors({tensor("t", {4}, 0, 0), tensor("u", {4}, 0, 0)}),
       "tensor 'u' overlaps 't'"},
      {"twice", with_tensors({tensor("t", {4}, 0, 0), tensor("t", {4}, 0, 32)}), "'t' is listed twice"},
      {"no data", with_tensors({tensor("t", {4}, 0, 0)}, 0), "needs 16 bytes"},
  };
}

}  // namespace

TEST_CASE("a GGUF file that is wrong is refused in one line", "[gguf]") {
  for (const auto& list : {bad_headers(), bad_values(), bad_tensors()})
    for (const auto& bad : list) {
      CAPTURE(bad.name);
      const TempFile file(bad.bytes);
      std::string message;
      try {
        read_gguf(file.path());
      } catch (const Error& error) {
        message = error.what();
      }
      CHECK_THAT(message, Catch::StartsWith(file.path().string() + ": "));
      CHECK_THAT(message, Catch::Contains(bad.message));
      CHECK(message.find('\n') == std::string::npos);
    }
}

TEST_CASE("is_gguf looks at how a file begins", "[gguf]") {
  const TempFile good(sample_gguf().bytes()), text("GGU"), none("");
  CHECK(is_gguf(good.path()));
  CHECK_FALSE(is_gguf(text.path()));
  CHECK_FALSE(is_gguf(none.path()));
  CHECK_FALSE(is_gguf(good.path().parent_path()));
  CHECK_FALSE(is_gguf("/no/such/file"));
}
