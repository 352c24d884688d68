// SPDX-License-Identifier: Apache-2.0
// Learned files that would spoil every score, or never end, are refused by their own name.
#include <catch2/catch.hpp>
#include <kvhost/error.hpp>
#include <limits>
#include <nlohmann/json.hpp>

#include "../../scorers/support/tensor_file.hpp"
#include "npy_file.hpp"
#include "resource_files.hpp"

using kvhost::allocators::read_npy;
using kvhost::testing::TemporaryFolder;
using kvhost::testing::write_bytes;
using Catch::Contains;

namespace {

std::string bytes_of(const std::vector<float>& numbers) {
  return {reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(float)};
}

std::string npy(const std::string& header, const std::vector<float>& numbers) {
  std::string bytes = "\x93NUMPY";
  bytes += std::string("\1\0", 2);
  bytes += static_cast<char>(header.size() & 255);
  bytes += static_cast<char>(header.size() >> 8);
  return bytes + header + bytes_of(numbers);
}

constexpr const char* kHeader = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }\n";
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

}  // namespace

TEST_CASE("an array is read as it is") {
  const TemporaryFolder folder;
  write_bytes(folder.file("a.npy"), npy(kHeader, {1, 2, 3, 4}));
  CHECK(read_npy(folder.file("a.npy"), {2, 2}, "/params/a") == std::vector<float>{1, 2, 3, 4});
}

TEST_CASE("an array with NaN, a header without end and a file without end are named") {
  const TemporaryFolder folder;
  const std::string path = folder.file("a.npy");
  const auto check = [&](const std::string& bytes, const std::string& says) {
    write_bytes(path, bytes);
    CHECK_THROWS_WITH(read_npy(path, {2, 2}, "/params/a"),
                      Contains("'" + path + "'") && Contains(says) && Contains("; expected a NumPy"));
  };
  check(npy(kHeader, {1, kNaN, 3, 4}), "NaN or infinity, or too large a number, at its element 1");
  check(npy(kHeader, {1, 2, 3}), "ends before its 4 numbers do");
  check(npy("{'shape': (" + std::string(30'000, '1'), {}), "has the header");
  check(npy("'", {}).substr(0, 9), "does not start as a NumPy file");
  CHECK_THROWS_WITH(read_npy("/dev/zero", {2, 2}, "/params/a"), Contains("is no regular file"));
}

TEST_CASE("a tensor with infinity is named") {
  const TemporaryFolder folder;
  const std::string path = folder.file("a.safetensors");
  const std::string header = R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}  )";
  const uint64_t length = header.size();
  const auto read = [&](const std::vector<float>& numbers) {
    const auto* raw = reinterpret_cast<const char*>(&length);
    write_bytes(path, std::string(raw, sizeof length) + header + bytes_of(numbers));
    kvhost::scorers::TensorFile(path, "a filter").get("a", {2});
  };
  CHECK_NOTHROW(read({1, 2}));
  CHECK_THROWS_WITH(read({1, std::numeric_limits<float>::infinity()}),
                    Contains(path) && Contains("tensor 'a' holds NaN or infinity at its element 1") &&
                        Contains("; expected a filter"));
}
