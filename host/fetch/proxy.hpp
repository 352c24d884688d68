// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "fetch/url.hpp"

namespace kvhost {

// The proxy for `url` by HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY (lower case too).
std::optional<Url> proxy_for(const Url& url);

}  // namespace kvhost
