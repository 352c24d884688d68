// SPDX-License-Identifier: Apache-2.0
// Hashes against published values, and in pieces against all at once.
#include <algorithm>
#include <catch2/catch.hpp>
#include <string>

#include "base/sha256.hpp"
#include "base/xxh64.hpp"

using namespace kvhost;

namespace {

std::string xxh64(const std::string& text, size_t step) {
  Xxh64 hash;
  for (size_t at = 0; at < text.size(); at += step)
    hash.update(text.data() + at, std::min(step, text.size() - at));
  return hash.hex();
}

}  // namespace

TEST_CASE("SHA-256 of the standard's examples, in pieces too") {
  CHECK(sha256_hex("", 0) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  Sha256 hash;
  hash.update("a", 1);
  hash.update("bc", 2);
  CHECK(hash.hex() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

// Python: xxhash.xxh64_hexdigest(bytes(i * i % 251 for i in range(n)))
TEST_CASE("XXH64 of every length around its blocks, in pieces too") {
  const std::pair<size_t, const char*> expected[] = {{0, "ef46db3751d8e999"},
                                                     {1, "e934a84adb052768"},
                                                     {4, "4d0a1255b7392f55"},
                                                     {7, "ab23d8eaba8b0fd0"},
                                                     {8, "9ae9ad02529c6e94"},
                                                     {12, "b7b25b5b3225e535"},
                                                     {31, "f802085ae7e12fa9"},
                                                     {32, "abe98b5116e5ed4d"},
                                                     {33, "d9c3a758ecff9219"},
                                                     {63, "9d597e61218f5977"},
                                                     {64, "c2b8d1eca1282124"},
                                                     {65, "52bf8fa1c41a23c2"},
                                                     {100, "a38a818449594369"},
                                                     {1023, "f3f5d66cbd8fccbe"}};
  for (const auto& [n, digits] : expected) {
    std::string text;
    for (size_t i = 0; i < n; ++i) text += static_cast<char>(i * i % 251);
    for (const size_t step : {1, 3, 31, 32, 33, 64, 1000}) {
      INFO(n << " bytes, " << step << " at a time");
      CHECK(xxh64(text, step) == digits);
    }
  }
}
