// SPDX-License-Identifier: Apache-2.0
// The manifest beside a library: what its plugin says about itself, as JSON, bound to the library's
// bytes.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "registry/catalog.hpp"
#include "torch_record.hpp"

namespace kvhost::registry {

struct AbiInfo {
  uint32_t major = 0, minor = 0, minor_required = 0;
};

struct Manifest {
  std::string plugin, version, vendor, license;
  std::string file, sha256, tier;
  uint64_t size = 0;
  AbiInfo abi;
  std::optional<TorchRecord> torch;  // nothing: none, or a library that does not say
  std::vector<MethodInfo>
      methods;  // with the fields above filled in; `library` is left to the reader
};

nlohmann::ordered_json to_json(const Manifest& manifest);
nlohmann::ordered_json to_json(const MethodInfo& method);
nlohmann::ordered_json to_json(const ParamInfo& param);
nlohmann::ordered_json to_json(const NeedInfo& need);
nlohmann::ordered_json to_json(const SlotInfo& slot);

// Throws std::runtime_error naming the field that is absent or wrong.
Manifest manifest_from_json(const nlohmann::json& json);

// As MethodInfo::abi has it.
std::string abi_text(const AbiInfo& abi);

// libx.so -> libx.kvh.json, in the same folder.
std::filesystem::path manifest_path(const std::filesystem::path& library);

}  // namespace kvhost::registry
