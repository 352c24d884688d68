// SPDX-License-Identifier: Apache-2.0
#include "torch_record.hpp"

#include <elf.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <regex>
#include <vector>

#include "kvhost/torch_record.h"
#include "library.hpp"

#ifndef KVHOST_TORCH_VERSION
#error "KVHOST_TORCH_VERSION is for the build to say: the version of the libtorch that was found"
#endif

namespace kvhost::registry {
namespace {

constexpr uint64_t kMostBytes = 1 << 20;  // of names or of a record: both are short

// Bytes of a file that may lie about where it ends.
class File {
 public:
  explicit File(const std::filesystem::path& path) : stream_(path, std::ios::binary) {
    stream_.seekg(0, std::ios::end);
    const auto end = stream_.tellg();
    if (stream_ && end > 0) size_ = static_cast<uint64_t>(end);
  }
  // Nothing when they are not all there.
  std::optional<std::string> bytes(uint64_t offset, uint64_t n) {
    if (n > kMostBytes || offset > size_ || n > size_ - offset) return std::nullopt;
    std::string out(n, '\0');
    stream_.clear();
    stream_.seekg(static_cast<std::streamoff>(offset));
    stream_.read(out.data(), static_cast<std::streamsize>(n));
    if (!stream_) return std::nullopt;
    return out;
  }
  template <typename T>
  std::optional<T> read(uint64_t offset) {
    const auto found = bytes(offset, sizeof(T));
    if (!found) return std::nullopt;
    T out;
    std::memcpy(&out, found->data(), sizeof out);
    return out;
  }

 private:
  std::ifstream stream_;
  uint64_t size_ = 0;
};

std::string text_at(const std::string& names, uint64_t offset) {
  if (offset >= names.size()) return "";
  return {names.data() + offset, strnlen(names.data() + offset, names.size() - offset)};
}

// The bytes of the section of this name.
std::optional<std::string> section(File& file, const std::string& name) {
  const auto head = file.read<Elf64_Ehdr>(0);
  if (!head || std::memcmp(head->e_ident, ELFMAG, SELFMAG) != 0 ||
      head->e_ident[EI_CLASS] != ELFCLASS64 || head->e_ident[EI_DATA] != ELFDATA2LSB ||
      head->e_shentsize != sizeof(Elf64_Shdr))
    return std::nullopt;
  const auto header = [&](uint64_t i) {
    return file.read<Elf64_Shdr>(head->e_shoff + i * sizeof(Elf64_Shdr));
  };
  const auto table = header(head->e_shstrndx);
  if (!table) return std::nullopt;
  const auto names = file.bytes(table->sh_offset, table->sh_size);
  if (!names) return std::nullopt;
  for (uint64_t i = 0; i < head->e_shnum; ++i) {
    const auto one = header(i);
    if (!one) return std::nullopt;
    if (one->sh_type != SHT_NOBITS && text_at(*names, one->sh_name) == name)
      return file.bytes(one->sh_offset, one->sh_size).value_or("");
  }
  return std::nullopt;
}

}  // namespace

std::string torch_text(const TorchRecord& record) {
  return record.version + (record.cxx11_abi ? ", C++11 ABI" : ", the C++ ABI of before C++11");
}

TorchRecord torch_record_from(const std::string& text) {
  static const std::regex form(R"(version=([0-9]{1,6}\.[0-9]{1,6}\.[0-9]{1,6});cxx11_abi=([01]))");
  std::smatch found;
  if (text.size() <= 64 && std::regex_match(text, found, form))
    return {found[1].str(), found[2].str() == "1"};
  throw Refusal("load",
                "says of its libtorch '" + text.substr(0, 64) +
                    "'; expected 'version=2.13.0;cxx11_abi=1' as kvhost/torch.hpp writes it");
}

std::optional<TorchRecord> torch_record(const std::filesystem::path& library) {
  File file(library);
  const auto found = section(file, KVH_TORCH_SECTION);
  if (!found) return std::nullopt;
  // Every file of a library's sources that has one brings the same text.
  return torch_record_from(text_at(*found, 0));
}

const TorchRecord& own_torch() {
#if defined(_GLIBCXX_USE_CXX11_ABI) && !_GLIBCXX_USE_CXX11_ABI
  static const TorchRecord own{KVHOST_TORCH_VERSION, false};
#else
  static const TorchRecord own{KVHOST_TORCH_VERSION, true};
#endif
  return own;
}

void check_torch(const TorchRecord& plugin, const TorchRecord& host) {
  if (plugin == host) return;
  throw Refusal("load",
                "was built with libtorch " + torch_text(plugin) + "; expected " + torch_text(host) +
                    ", which this kvhost runs on; build it again with that one (-DKVHOST_TORCH_ROOT=" +
                    "FOLDER), or take the plugin made for it");
}

}  // namespace kvhost::registry
