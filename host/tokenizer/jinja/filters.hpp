// SPDX-License-Identifier: Apache-2.0
// Jinja's filters and tests by name.
#pragma once

#include <map>
#include <string>

#include "tokenizer/jinja/runtime.hpp"

namespace kvhost::jinja {

using FilterCode = Value (*)(Runtime&, const Value& subject, const Arguments&);
using TestCode = bool (*)(Runtime&, const Value& subject, const Arguments&);

FilterCode find_filter(const std::string& name);  // null: there is none
TestCode find_test(const std::string& name);
std::string unknown_filter(const std::string& name);  // the message
std::string unknown_test(const std::string& name);

Value apply_filter(Runtime& runtime,
                   const std::string& name,
                   const Value& subject,
                   const Arguments& arguments);
bool apply_test(Runtime& runtime,
                const std::string& name,
                const Value& subject,
                const Arguments& arguments);

// The tables behind them.
const std::map<std::string, FilterCode>& text_filters();
const std::map<std::string, FilterCode>& sequence_filters();
const std::map<std::string, FilterCode>& selection_filters();
const std::map<std::string, FilterCode>& value_filters();

// "a.b.0" looked up part by part, items before attributes.
Value look_up_path(Runtime& runtime, const Value& value, const Value& path);

// For sort, unique, min, max: texts in lower case unless case counts.
Value sort_key(Runtime& runtime, const Value& value, const Value* attribute, bool case_sensitive);

}  // namespace kvhost::jinja
