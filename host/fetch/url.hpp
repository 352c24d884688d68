// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace kvhost {

struct Url {
  std::string origin;  // "https://host" or "http://host:8080": scheme, host in lower case, the port
                       // unless it is the scheme's own
  std::string user;    // "name:password" as they stood before the host, decoded; mostly ""
  std::string target;  // "/path?query", never empty

  bool is_https() const { return origin.starts_with("https:"); }
  std::string host() const;  // with the port
  std::string text() const { return origin + target; }
  std::string shown() const;  // without the query, which may hold a signature
};

// Throws Error(BadRequest) that names `where` unless `text` is an absolute http or https URL.
Url parse_url(const std::string& text, const std::string& where);

// What `location` means in an answer from `base`: absolute, "//host/x", "/x" or "x".
Url join_url(const Url& base, const std::string& location, const std::string& where);

// Percent-encodes all but letters, digits and -._~ and, where asked, the slash.
std::string url_encoded(std::string_view text, bool keep_slash);

}  // namespace kvhost
