// SPDX-License-Identifier: Apache-2.0
// Names of character properties, as Oniguruma knows them, as the inside of a PCRE2 class.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace kvhost::tok {

// "L", "Letter", "Alnum", "White_Space", "Han": \p{NAME}. Names that are nothing else are taken for
// scripts. Case, spaces, '_' and '-' do not count.
std::string property_class(std::string_view name);

// "alpha": [:NAME:]. Empty for an unknown name.
std::optional<std::string> posix_class(std::string_view name);

}  // namespace kvhost::tok
