// SPDX-License-Identifier: Apache-2.0
#include "base/scratch_folder.hpp"

#include <cstdlib>
#include <system_error>

#include "base/error.hpp"

namespace kvhost {

ScratchFolder::ScratchFolder(const std::string& name) {
  std::string pattern =
      (std::filesystem::temp_directory_path() / ("kvhost-" + name + "-XXXXXX")).string();
  if (mkdtemp(pattern.data()) == nullptr)
    run_failed(pattern, "cannot be made; expected room in a folder for temporary files ($TMPDIR)");
  path_ = pattern;
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace kvhost
