// SPDX-License-Identifier: Apache-2.0
// With which libtorch a plugin was built, as its file says (kvhost/torch_record.h), and whether that
// is the one of this kvhost.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace kvhost::registry {

struct TorchRecord {
  std::string version;    // "2.13.0"
  bool cxx11_abi = true;  // of libstdc++

  bool operator==(const TorchRecord&) const = default;
};

// "2.13.0, C++11 ABI", or "2.5.1, the C++ ABI of before C++11".
std::string torch_text(const TorchRecord& record);

// "version=2.13.0;cxx11_abi=1", as a library holds it; throws Refusal("load") for other texts.
TorchRecord torch_record_from(const std::string& text);

// Read from the file: nothing of it runs. Nothing when it has none, or is no library of this machine's
// kind. Throws Refusal("load") when it has one that says nothing.
std::optional<TorchRecord> torch_record(const std::filesystem::path& library);

// The libtorch that this kvhost was built with, and runs on.
const TorchRecord& own_torch();

// Throws Refusal("load") naming both when they differ: C++ functions are those of one version.
void check_torch(const TorchRecord& plugin, const TorchRecord& host = own_torch());

}  // namespace kvhost::registry
