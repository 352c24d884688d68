// SPDX-License-Identifier: Apache-2.0
// Arrays as NumPy writes them (format versions 1 to 3): little-endian floats, C order.
#pragma once

#include <cstdint>
#include <fstream>
#include <kvhost/sdk.hpp>
#include <regex>

namespace kvhost::allocators {

// The array of `path`, which must have this shape. [throws] KVH_E_RESOURCE with `parameter`'s path.
inline std::vector<float> read_npy(const std::string& path,
                                   const std::vector<int64_t>& shape,
                                   const std::string& parameter) {
  const auto refuse = [&](const std::string& what) {
    throw sdk::Error(KVH_E_RESOURCE, parameter, "'" + path + "' " + what);
  };
  std::string wanted;
  int64_t n = 1;
  for (const int64_t size : shape) {
    wanted += (wanted.empty() ? "" : ", ") + std::to_string(size);
    n *= size;
  }
  std::ifstream in(path, std::ios::binary);
  if (!in) refuse("cannot be read; expected a NumPy file of shape (" + wanted + ")");
  unsigned char start[12] = {};
  in.read(reinterpret_cast<char*>(start), 10);
  if (in.gcount() != 10 || std::memcmp(start, "\x93NUMPY", 6) != 0)
    refuse("does not start as a NumPy file; expected an array of shape (" + wanted + ")");
  size_t length = start[8] | static_cast<size_t>(start[9]) << 8;
  if (start[6] > 1) {
    in.read(reinterpret_cast<char*>(start + 10), 2);
    length |= static_cast<size_t>(start[10]) << 16 | static_cast<size_t>(start[11]) << 24;
  }
  if (length > 65536) refuse("has a header of " + std::to_string(length) + " bytes; expected less");
  std::string header(length, ' ');
  in.read(header.data(), static_cast<std::streamsize>(length));
  std::smatch match;
  if (!std::regex_search(header, match, std::regex(R"('shape': *\(([0-9, ]*)\))")))
    refuse("has no shape in its header");
  std::string found = match[1];
  while (!found.empty() && (found.back() == ' ' || found.back() == ',')) found.pop_back();
  const bool wide = header.find("'<f8'") != std::string::npos;
  if ((!wide && header.find("'<f4'") == std::string::npos) || found != wanted ||
      header.find("'fortran_order': True") != std::string::npos)
    refuse("has the header " + header.substr(0, header.find('}') + 1) +
           "; expected float32 or float64 of shape (" + wanted + ") in C order");
  std::vector<float> values(static_cast<size_t>(n));
  std::vector<double> doubles(wide ? values.size() : 0);
  void* target = wide ? static_cast<void*>(doubles.data()) : values.data();
  const auto bytes = static_cast<std::streamsize>(n * (wide ? 8 : 4));
  in.read(static_cast<char*>(target), bytes);
  if (in.gcount() != bytes) refuse("ends early; expected " + std::to_string(n) + " numbers");
  for (size_t i = 0; i < doubles.size(); ++i) values[i] = static_cast<float>(doubles[i]);
  return values;
}

}  // namespace kvhost::allocators
