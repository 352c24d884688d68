// SPDX-License-Identifier: Apache-2.0
#include "serve/answers.hpp"

#include <map>

#include "engine/batch.hpp"

namespace kvhost {

bool Answers::choose(Running& one, std::vector<Next>& next) {
  try {
    const int64_t before = one.answer.n_tokens();
    const auto token = one.answer.choose();
    if (one.answer.n_tokens() > before) {
      if (before == 0)
        metrics_.first_token(one.answer.last_ms());
      else
        metrics_.token(one.answer.last_ms());
    }
    if (token) {
      next.push_back({&one, *token});
      return true;
    }
    on_end_(one, End::Done);
  } catch (...) {
    one.answer.outlet().put(Failed{refusal_of(std::current_exception())});
    on_end_(one, End::Failed);
  }
  return false;
}

std::vector<Answers::Next> Answers::choose() {
  std::vector<Next> next;
  std::erase_if(running_, [&](const std::unique_ptr<Running>& one) {
    return one->answer.outlet().has_room() && !choose(*one, next);
  });
  return next;
}

// When several fail together they are tried one by one: the others must not pay for one.
void Answers::read(const std::vector<Next>& next) {
  try {
    Batch batch(next.front().one->answer.model());
    for (const auto& [one, token] : next) batch.add(one->answer.sequence(), {&token, 1});
    return batch.run();
  } catch (...) {
    if (next.size() == 1) {
      Running* const one = next.front().one;
      one->answer.outlet().put(Failed{refusal_of(std::current_exception())});
      on_end_(*one, End::Failed);
      std::erase_if(running_, [one](const auto& held) { return held.get() == one; });
      return;
    }
  }
  for (const auto& one : next) read({one});
}

bool Answers::step() {
  const std::vector<Next> next = choose();
  if (next.empty()) return running_.empty();
  std::map<const ModelState*, std::vector<Next>> by_model;
  for (const auto& one : next) by_model[one.one->answer.model().shared().get()].push_back(one);
  for (const auto& [model, its] : by_model) {
    metrics_.batch(static_cast<int64_t>(its.size()));
    read(its);
  }
  return true;
}

void Answers::drop_cancelled() {
  std::erase_if(running_, [&](const std::unique_ptr<Running>& one) {
    if (!one->answer.outlet().cancelled()) return false;
    on_end_(*one, End::Gone);
    return true;
  });
}

void Answers::end_all(const Refusal& why) {
  for (const auto& one : running_) {
    one->answer.outlet().put(Failed{why});
    on_end_(*one, End::Gone);
  }
  running_.clear();
}

}  // namespace kvhost
