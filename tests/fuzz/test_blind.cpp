// SPDX-License-Identifier: Apache-2.0
// Fuzzing without a fuzzer, in any build: what is made of the corpora at random, so many inputs for
// each target. A few in every test run; KVHOST_FUZZ_RUNS says how many, KVHOST_FUZZ_TARGET where.
// The input at work lies in KVHOST_FUZZ_INPUT, for when the process does not survive it.
#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>

#include "fuzz/fuzz.hpp"
#include "fuzz/json_mutator.hpp"

namespace fs = std::filesystem;
using namespace kvhost;
using Clock = std::chrono::steady_clock;

namespace {

using Random = std::minstd_rand;

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::vector<std::string> corpus_of(const std::string& target) {
  std::vector<fs::path> paths;
  for (const auto& entry : fs::directory_iterator(KVHOST_TEST_DATA "/fuzz/corpus/" + target))
    if (entry.file_size() < 30'000) paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  std::vector<std::string> inputs;
  for (const auto& path : paths) {
    std::ifstream in(path, std::ios::binary);
    inputs.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  }
  return inputs;
}

void change_bytes(std::string& input, const std::string& other, Random& random) {
  static const std::string kOdd[] = {std::string(1, '\0'), "\xff", "\x80", std::string(8, '\xff'),
                                     std::string("\0\0\0\x80", 4), "\n", "\"", "{", "[", "}", "]",
                                     "1e400", "-1", "9223372036854775807", "null"};
  const size_t at = input.empty() ? 0 : random() % input.size();
  const size_t n = 1 + random() % 16;
  switch (random() % 6) {
    case 0:
      if (!input.empty()) input[at] = static_cast<char>(input[at] ^ (1 << random() % 8));
      return;
    case 1:
      if (!input.empty()) input.erase(at, n);
      return;
    case 2:
      input.insert(at, kOdd[random() % std::size(kOdd)]);
      return;
    case 3:
      if (!input.empty()) input.insert(at, input.substr(random() % input.size(), n * 8));
      return;
    case 4:
      if (!other.empty()) input.insert(at, other.substr(random() % other.size(), n * 8));
      return;
    default:
      if (!input.empty()) input[at] = static_cast<char>(random());
  }
}

std::string mutated(const fuzz::Target& target,
                    const std::vector<std::string>& corpus,
                    Random& random) {
  std::string input = corpus[random() % corpus.size()];
  const std::string& other = corpus[random() % corpus.size()];
  if (target.json && random() % 3 != 0) {
    for (size_t n = 1 + random() % 3; n > 0; --n) {
      std::string changed = fuzz::mutate_json(input, static_cast<unsigned>(random()));
      if (!changed.empty()) input = std::move(changed);
    }
    return input;
  }
  for (size_t n = 1 + random() % 4; n > 0; --n) change_bytes(input, other, random);
  return input;
}

void keep(const std::string& path, const std::string& input) {
  if (path.empty()) return;
  std::ofstream(path, std::ios::binary) << input;
}

}  // namespace

TEST_CASE("what is made of the corpora at random is read or refused in one line") {
  const std::string runs = variable("KVHOST_FUZZ_RUNS"), only = variable("KVHOST_FUZZ_TARGET");
  const long n = runs.empty() ? 150 : std::atol(runs.c_str());
  const auto seed = static_cast<Random::result_type>(std::atol(variable("KVHOST_FUZZ_SEED").c_str()));
  for (const auto& target : fuzz::targets()) {
    if (!only.empty() && only != target.name) continue;
    const auto corpus = corpus_of(target.name);
    REQUIRE(!corpus.empty());
    Random random(seed + 1);
    int n_faults = 0;
    double slowest = 0;
    std::string slow_input;
    for (long i = 0; i < n && n_faults < 5; ++i) {
      const std::string input = mutated(target, corpus, random);
      keep(variable("KVHOST_FUZZ_INPUT"), input);
      const auto start = Clock::now();
      const std::string fault = fuzz::fault_of(target, input);
      const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
      if (seconds > slowest) slow_input = input;
      slowest = std::max(slowest, seconds);
      if (fault.empty()) continue;
      ++n_faults;
      INFO(target.name << ": " << input.substr(0, 2000));
      CHECK(fault == "");
    }
    if (!runs.empty()) WARN(target.name << ": " << n << " runs, the slowest " << slowest << " s");
    INFO(target.name << ": " << slow_input.substr(0, 2000));
    CHECK(slowest < 30);  // a hang; machines are busy
  }
  fuzz::clear_folder();
}
