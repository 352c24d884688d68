// SPDX-License-Identifier: Apache-2.0
// Every fuzz target on its committed corpus: what a fuzzer found, and what it starts from.
#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>

#include "fuzz/fuzz.hpp"
#include "fuzz/json_mutator.hpp"

namespace fs = std::filesystem;
using namespace kvhost;

namespace {

std::vector<fs::path> corpus_of(const std::string& target) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(KVHOST_TEST_DATA "/fuzz/corpus/" + target))
    files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

std::string bytes_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

TEST_CASE("no input of a corpus ends in anything but success or one line of an error") {
  for (const auto& target : fuzz::targets()) {
    const auto corpus = corpus_of(target.name);
    INFO(target.name);
    CHECK(corpus.size() >= 2);
    for (const auto& path : corpus) {
      INFO(path);
      CHECK(fuzz::fault_of(target, bytes_of(path)) == "");
    }
  }
}

TEST_CASE("neither does what is made of a corpus by cutting, doubling and changing values") {
  for (const auto& target : fuzz::targets())
    for (const auto& path : corpus_of(target.name)) {
      const std::string bytes = bytes_of(path);
      if (bytes.size() > 20'000) continue;
      INFO(path);
      for (size_t part = 0; part < 8; ++part)
        CHECK(fuzz::fault_of(target, std::string_view(bytes).substr(0, bytes.size() * part / 8)) == "");
      CHECK(fuzz::fault_of(target, bytes + bytes) == "");
      for (unsigned seed = 0; target.json && seed < 30; ++seed)
        CHECK(fuzz::fault_of(target, fuzz::mutate_json(bytes, seed)) == "");
    }
  fuzz::clear_folder();
}
