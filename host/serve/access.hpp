// SPDX-License-Identifier: Apache-2.0
// Who may ask.
#pragma once

#include <string>
#include <vector>

namespace kvhost {

bool is_loopback(const std::string& host);

// "Bearer KEY", or KEY alone; compared in a time that tells nothing of the keys.
bool key_fits(const std::string& given, const std::vector<std::string>& keys);

// A server without keys trusts whoever is on this machine, but not what web pages make their
// browsers send: the name it is called by must be one of this machine, and a page that asks must be
// its own. `host` is the field Host, `origin` the field Origin, "" when absent.
bool comes_from_here(const std::string& host, const std::string& origin);

}  // namespace kvhost
