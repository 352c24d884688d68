// SPDX-License-Identifier: Apache-2.0
#include "method/prompt.hpp"

#include <algorithm>
#include <cstdio>
#include <exception>

#include "base/error.hpp"

namespace kvhost {
namespace {

kvh_status refuse(kvh_error* error, kvh_status code, const char* what) noexcept {
  if (error) {
    error->code = code;
    std::snprintf(error->message, sizeof error->message, "%s", what);
  }
  return code;
}

kvh_status tokenize(const kvh_prompt* view,
                    const char* text,
                    int32_t* ids,
                    int64_t capacity,
                    int64_t* n,
                    kvh_error* error) noexcept {
  const auto& prompt = *static_cast<const SeenPrompt*>(view->impl);
  if (!prompt.tokenize)
    return refuse(error,
                  KVH_E_UNSUPPORTED,
                  "needs words of its own as tokens, and the model has no tokenizer; expected one");
  try {
    const std::vector<int32_t> found = prompt.tokenize(text);
    *n = static_cast<int64_t>(found.size());
    if (*n <= capacity) std::copy(found.begin(), found.end(), ids);
    return KVH_OK;
  } catch (const std::exception& e) {
    return refuse(error, KVH_E_INTERNAL, e.what());
  } catch (...) {
    return refuse(error, KVH_E_INTERNAL, "the tokenizer failed");
  }
}

}  // namespace

PromptView::PromptView(const SeenPrompt& prompt) {
  const auto n = static_cast<int64_t>(prompt.tokens.size());
  const int64_t question = n - prompt.n_question;
  const auto add = [this](uint32_t kind, int64_t begin, int64_t end) {
    if (begin < end) parts_.push_back({kind, 0, begin, end});
  };
  add(KVH_PART_TEMPLATE, 0, prompt.n_template);
  add(KVH_PART_CONTEXT, prompt.n_template, question);
  add(KVH_PART_QUESTION, question, n);
  view_.struct_size = sizeof view_;
  view_.n_parts = static_cast<uint32_t>(parts_.size());
  view_.n_tokens = n;
  view_.tokens = prompt.tokens.data();
  view_.parts = parts_.data();
  view_.n_suffix = static_cast<int64_t>(prompt.suffix.size());
  view_.suffix = prompt.suffix.data();
  view_.impl = const_cast<SeenPrompt*>(&prompt);
  view_.tokenize = &tokenize;
}

}  // namespace kvhost
