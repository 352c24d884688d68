// SPDX-License-Identifier: Apache-2.0
// What a suite comes to on a model: every cell, in the order in which they are measured.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "engine/engine.hpp"
#include "eval/answers.hpp"
#include "eval/segments.hpp"
#include "eval/suite.hpp"

namespace kvhost::eval {

// A composition at a budget, ready to run.
struct Setting {
  std::string arm;  // "full": the whole cache
  double budget = 1;
  std::vector<int64_t> seeds;
  Policy policy;
  std::string composition;  // in a cell's key
  std::string place;  // for messages: "quick.json /arms/1 'SnapKV' in task 'text'"
};

// One text: a segment to score, or a text to read with what is asked about it.
struct Text {
  const Task* task = nullptr;
  std::string data_hash;
  std::shared_ptr<const Segment> segment;  // null: questions
  std::shared_ptr<const TextAsker> asker;  // null: a segment
  std::vector<Ask> asks;
  bool conversation = false;
  bool diagnose = false;
  std::vector<Setting> settings;  // the full cache first
};

using Plan = std::vector<Text>;

// Tokens that the model reads in passes over many, and one by one.
struct Work {
  int64_t n_read = 0, n_stepped = 0;
};

// What is compressed: the text, or the context of its segment; without a question.
const std::vector<int32_t>& prompt_of(const Text& text);
// What `setting` makes the model read behind that, for the questions `asks`.
Work work_behind(const Text& text, const Setting& setting, std::span<const size_t> asks);

// Throws what `e` says, at `place` of a suite.
[[noreturn]] void at_place(const Error& e, const std::string& place);

// Why `arm` cannot run in `task` at all of its budgets; "" where it can.
std::string why_not(
    const Engine& engine, const Model& model, const Suite& suite, const Task& task, const Arm& arm);

// Encodes the texts, opens the compositions. Throws Error.
Plan make_plan(const Engine& engine, const Model& model, const Suite& suite);

}  // namespace kvhost::eval
