// SPDX-License-Identifier: Apache-2.0
// What a user wrote for a composition, unread, and where.
#pragma once

#include <string>

namespace kvhost {

struct PressSource {
  enum class Form {
    None,
    Text,
    Json
  };  // Text: the text form, an alias, or "none"; Json: an object or array as text

  Form form = Form::None;
  std::string text;
  std::string flag = "--press";  // the flag, or the file
  std::string pointer;           // the place in the file, "" = its root

  bool given() const { return form != Form::None; }
};

}  // namespace kvhost
