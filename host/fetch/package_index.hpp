// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "fetch/requests.hpp"

namespace kvhost {

// The Python package index as pip is told of it: $PIP_INDEX_URL, else index-url of pip.conf, else
// PyPI's.
struct PackageIndex {
  std::string url;            // ".../simple", without user and password
  std::string authorization;  // what stood before the host, as a header
  bool offline = false;       // $PIP_NO_INDEX
};

PackageIndex package_index();

// Where the index says that `file` of `package` lies. Throws Error(CannotLoad) when it has none.
std::string find_in_index(Requests& requests,
                          const PackageIndex& index,
                          const std::string& package,
                          const std::string& file);

// From an index's page, HTML (PEP 503) or JSON (PEP 691): the link whose text is `file`, or "".
std::string link_on_page(const std::string& page, const std::string& file);

}  // namespace kvhost
