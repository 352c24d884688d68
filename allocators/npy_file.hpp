// SPDX-License-Identifier: Apache-2.0
// Arrays as NumPy writes them (format versions 1 to 3): little-endian floats, C order.
#pragma once

#include <cstdint>
#include <kvhost/resources.hpp>

namespace kvhost::allocators {

// As a message can show it.
inline std::string npy_shown(std::string header) {
  header.resize(std::min<size_t>(header.size(), 200));
  for (char& c : header)
    if (c < ' ' || c > '~') c = '?';
  return header;
}

// "2, 3" of a header with 'shape': (2, 3); "" where there is none.
inline std::string npy_shape(const std::string& header) {
  const std::string before = "'shape':";
  const size_t key = header.find(before);
  const size_t begin = key == std::string::npos ? key : header.find('(', key);
  const size_t end = begin == std::string::npos ? begin : header.find(')', begin);
  if (end == std::string::npos) return "";
  std::string shape = header.substr(begin + 1, end - begin - 1);
  while (!shape.empty() && (shape.back() == ' ' || shape.back() == ',')) shape.pop_back();
  return shape;
}

// The array of `path`, which must have this shape and finite values. [throws] KVH_E_RESOURCE with
// `parameter`'s path.
inline std::vector<float> read_npy(const std::string& path,
                                   const std::vector<int64_t>& shape,
                                   const std::string& parameter) {
  constexpr size_t kLongestHeader = 65536;
  std::string wanted;
  int64_t n = 1;
  for (const int64_t size : shape) {
    wanted += (wanted.empty() ? "" : ", ") + std::to_string(size);
    n *= size;
  }
  const std::string expected = "a NumPy file, float32 or float64 of shape (" + wanted + ") in C order";
  const auto refuse = [&](const std::string& what) {
    sdk::bad_resource(parameter, "'" + path + "' " + what + "; expected " + expected);
  };
  const std::string text =
      sdk::read_resource(path, n * 8 + static_cast<int64_t>(kLongestHeader), parameter, expected);
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const size_t start = text.size() > 6 && byte(6) > 1 ? 12 : 10;
  if (text.size() < start || text.compare(0, 6, "\x93NUMPY") != 0)
    refuse("does not start as a NumPy file");
  size_t length = byte(8) | static_cast<size_t>(byte(9)) << 8;
  if (start == 12) length |= static_cast<size_t>(byte(10)) << 16 | static_cast<size_t>(byte(11)) << 24;
  if (length > kLongestHeader || length > text.size() - start)
    refuse("announces a header of " + std::to_string(length) + " bytes");
  const std::string header = text.substr(start, length);
  const bool wide = header.find("'<f8'") != std::string::npos;
  const bool narrow = header.find("'<f4'") != std::string::npos;
  if (wide == narrow || npy_shape(header) != wanted ||
      header.find("'fortran_order': True") != std::string::npos)
    refuse("has the header " + npy_shown(header.substr(0, header.find('}') + 1)));
  const size_t data = start + length, element = wide ? 8 : 4;
  if (text.size() - data < static_cast<size_t>(n) * element)
    refuse("ends before its " + std::to_string(n) + " numbers do");
  std::vector<float> values(static_cast<size_t>(n));
  for (size_t i = 0; i < values.size(); ++i) {
    double number = 0;
    std::memcpy(wide ? static_cast<void*>(&number) : &values[i], text.data() + data + i * element, element);
    if (wide) values[i] = static_cast<float>(number);
  }
  if (const int64_t bad = sdk::first_not_finite(values.data(), n); bad >= 0)
    refuse("holds NaN or infinity, or too large a number, at its element " + std::to_string(bad));
  return values;
}

}  // namespace kvhost::allocators
