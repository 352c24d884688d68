// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <string>

namespace kvhost {

// The bytes of one file inside a zip archive, in pieces. Throws Error(RunFailed) when the archive
// or the member cannot be read, or holds other than `bytes` bytes.
void read_zip_member(const std::filesystem::path& archive,
                     const std::string& member,
                     int64_t bytes,
                     const std::function<void(const char*, size_t)>& take);

}  // namespace kvhost
