// SPDX-License-Identifier: Apache-2.0
#include "fetch/zip_member.hpp"

#include <zip.h>

#include <memory>
#include <vector>

#include "base/error.hpp"

namespace kvhost {

namespace {

struct Closer {
  void operator()(zip_t* archive) const { zip_discard(archive); }
  void operator()(zip_file_t* file) const { zip_fclose(file); }
};

}  // namespace

void read_zip_member(const std::filesystem::path& path,
                     const std::string& member,
                     int64_t bytes,
                     const std::function<void(const char*, size_t)>& take) {
  const auto bad = [&](const std::string& what) {
    run_failed(path.string(),
               what + "; expected " + member + " of " + std::to_string(bytes) + " bytes in it");
  };
  int error = 0;
  const std::unique_ptr<zip_t, Closer> archive(zip_open(path.c_str(), ZIP_RDONLY, &error));
  if (!archive) bad("is no zip archive");
  const std::unique_ptr<zip_file_t, Closer> file(zip_fopen(archive.get(), member.c_str(), 0));
  if (!file) bad(std::string("cannot be unpacked: ") + zip_strerror(archive.get()));
  std::vector<char> piece(1 << 20);
  int64_t left = bytes;
  for (;;) {
    const zip_int64_t n = zip_fread(file.get(), piece.data(), piece.size());
    if (n < 0) bad(std::string("cannot be unpacked: ") + zip_file_strerror(file.get()));
    if (n == 0) break;
    if (n > left) bad("holds a longer one");
    left -= n;
    take(piece.data(), static_cast<size_t>(n));
  }
  if (left != 0) bad("holds a shorter one");
}

}  // namespace kvhost
