// SPDX-License-Identifier: Apache-2.0
// Files that were right once, then damaged: read, or refused in one line, and nothing else.
// KVHOST_GGUF_MUTATIONS=100000 tries more of them (with a build under sanitizers).
#include <catch2/catch.hpp>
#include <cstdlib>
#include <random>

#include "base/error.hpp"
#include "format/gguf.hpp"
#include "format_files.hpp"
#include "gguf_bytes.hpp"

using namespace kvhost;
using namespace kvhost::test;

namespace {

int n_mutations() {
  const char* asked = std::getenv("KVHOST_GGUF_MUTATIONS");
  return asked ? std::atoi(asked) : 4000;
}

class Mutator {
 public:
  explicit Mutator(uint32_t seed) : random_(seed) {}

  std::string damaged(std::string bytes) {
    const size_t n = 1 + pick(4);
    for (size_t i = 0; i < n; ++i) damage(bytes);
    return bytes;
  }

 private:
  size_t pick(size_t below) { return std::uniform_int_distribution<size_t>(0, below - 1)(random_); }

  void damage(std::string& bytes) {
    constexpr uint64_t kTelling[] = {0, 1, 8, 12, 13, 255, 0x7fffffff, 0xffffffff, 1ULL << 32,
                                     INT64_MAX, 1ULL << 63, UINT64_MAX};
    if (bytes.size() < 16) return;
    const size_t at = pick(bytes.size() - 8);
    switch (pick(6)) {
      case 0:
        bytes[at] = static_cast<char>(pick(256));
        break;
      case 1:
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << pick(8)));
        break;
      case 2:  // a length or a count that tells of something else
        std::memcpy(bytes.data() + at, &kTelling[pick(std::size(kTelling))], pick(2) ? 8 : 4);
        break;
      case 3:
        bytes.resize(at);
        break;
      case 4:
        bytes.erase(at, 1 + pick(8));
        break;
      default:
        bytes.insert(at, bytes.substr(pick(bytes.size()), 1 + pick(16)));
    }
  }

  std::mt19937 random_;
};

// Reads everything there is, through every getter.
uint64_t touch(const GgufFile& file) {
  uint64_t sum = 0;
  const auto attempt = [&](const auto& read) {
    try {
      sum += read();
    } catch (const Error&) {
    }
  };
  const GgufMetadata& m = file.metadata;
  for (const auto& [key, value] : m.values()) {
    attempt([&] { return m.text(key).size(); });
    attempt([&] { return m.texts(key).size(); });
    attempt([&] { return m.integers(key).size(); });
    attempt([&] { return m.floats(key).size(); });
    attempt([&] { return m.bytes(key).size(); });
    attempt([&] { return static_cast<uint64_t>(m.integer(key, INT64_MIN, INT64_MAX)); });
    attempt([&] { return m.token_id(key).has_value(); });
  }
  for (const auto& tensor : file.tensors)
    for (int64_t i = 0; i < tensor.bytes; ++i) sum += static_cast<uint64_t>(tensor.data[i]);
  return sum;
}

}  // namespace

TEST_CASE("damaged GGUF files never crash", "[gguf][fuzz]") {
  const TempFolder folder;
  const auto path = folder.path() / "damaged.gguf";
  const std::string good = sample_gguf().bytes();
  Mutator mutator(/*seed=*/1);
  int read = 0, refused = 0;
  uint64_t sum = 0;
  for (int i = 0; i < n_mutations(); ++i) {
    const std::string bytes = mutator.damaged(good);
    write_bytes(path, bytes);
    try {
      sum += touch(read_gguf(path));
      ++read;
    } catch (const Error& error) {
      ++refused;
      const std::string message = error.what();
      REQUIRE(message.starts_with(path.string() + ": "));
      REQUIRE(message.find('\n') == std::string::npos);
    }
  }
  // Both happen often, or the damage is not where it matters.
  CHECK(read > n_mutations() / 20);
  CHECK(refused > n_mutations() / 4);
  CHECK(sum > 0);
}
