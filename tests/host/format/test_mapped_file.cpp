// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstring>

#include "base/error.hpp"
#include "base/process_memory.hpp"
#include "format/mapped_file.hpp"
#include "format_files.hpp"

using namespace kvhost;
using namespace kvhost::test;

namespace {

constexpr size_t kLargePage = size_t{2} << 20;

std::string pattern(size_t n) {
  std::string bytes(n, '\0');
  for (size_t i = 0; i < n; ++i) bytes[i] = static_cast<char>(i * 2654435761u >> 24);
  return bytes;
}

bool holds(const MappedFile& file, const std::string& bytes) {
  return file.size() == bytes.size() && std::memcmp(file.data(), bytes.data(), bytes.size()) == 0;
}

}  // namespace

TEST_CASE("a file held in memory has the bytes of one that is mapped") {
  for (const size_t n : {size_t{0}, size_t{5}, kLargePage - 1, kLargePage, 2 * kLargePage + 4099}) {
    const std::string bytes = pattern(n);
    const TempFile file(bytes);
    INFO(n);
    CHECK(holds(*MappedFile::open(file.path()), bytes));
    const auto held = MappedFile::open(file.path(), Held::InMemory);
    CHECK(holds(*held, bytes));
    const bool large = n >= kLargePage;
    if (large) CHECK(reinterpret_cast<uintptr_t>(held->data()) % kLargePage == 0);
  }
}

TEST_CASE("a file that takes too much of what is free is mapped all the same") {
  const TempFile file("sparse");
  const auto size = static_cast<off_t>(available_memory() / 4 + (1 << 20));
  REQUIRE(truncate(file.path().c_str(), size) == 0);  // takes no disk
  const int64_t before = available_memory();
  const auto held = MappedFile::open(file.path(), Held::InMemory);
  CHECK(held->size() == static_cast<size_t>(size));
  CHECK(std::memcmp(held->data(), "sparse", 6) == 0);
  CHECK(before - available_memory() < size / 2);
}

TEST_CASE("what is no file is refused however it is to be held") {
  for (const Held held : {Held::Mapped, Held::InMemory}) {
    CHECK_THROWS_AS(MappedFile::open("/tmp", held), Error);
    CHECK_THROWS_AS(MappedFile::open("/no/such/file", held), Error);
  }
}
