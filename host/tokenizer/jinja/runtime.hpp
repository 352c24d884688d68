// SPDX-License-Identifier: Apache-2.0
// The state of one rendering: variables, output, and how much work is left. Used by one thread.
#pragma once

#include <cstdint>
#include <ctime>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tokenizer/jinja/value.hpp"

namespace kvhost::jinja {

using Clock = std::function<std::tm()>;

struct Scope {
  std::shared_ptr<Scope> parent;
  std::vector<std::pair<std::string, Value>> variables;

  const Value* find(std::string_view name) const;  // here and outwards
  void set(const std::string& name, Value value);  // here
};

struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;
};

class Runtime {
 public:
  Runtime(uint64_t max_steps, Clock clock) : steps_left_(max_steps), clock_(std::move(clock)) {}
  ~Runtime();
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  // Work: a step is about one node, one element, or 64 bytes. Throws Failure when none are left, so
  // that every template ends.
  void step(uint64_t n = 1);
  void walk(const Value& value) { step(value.weight()); }  // all of it is looked at
  void touch(const Value& value);                          // only its own characters or elements

  // A level of nesting, for as long as it lives.
  class Level {
   public:
    Level(Runtime& runtime, int line);
    ~Level() { --runtime_.depth_; }

   private:
    Runtime& runtime_;
  };
  int line() const { return line_; }

  Scope& scope() { return *scope_; }
  // The scope as it is now, kept until the rendering ends: what macros close over.
  std::shared_ptr<Scope> keep_scope();
  // A scope inside `parent` (the current one), for as long as it lives.
  class Inside {
   public:
    explicit Inside(Runtime& runtime) : Inside(runtime, runtime.scope_) {}
    Inside(Runtime& runtime, std::shared_ptr<Scope> parent);
    ~Inside() { runtime_.scope_ = std::move(outer_); }

   private:
    Runtime& runtime_;
    std::shared_ptr<Scope> outer_;
  };

  void write(std::string_view text);
  std::string take_output() { return std::move(output_); }
  // What is written while it lives is its text, not output.
  class Capture {
   public:
    explicit Capture(Runtime& runtime) : runtime_(runtime) { outer_.swap(runtime.output_); }
    ~Capture() { runtime_.output_ = std::move(outer_); }
    std::string take() { return std::move(runtime_.output_); }

   private:
    Runtime& runtime_;
    std::string outer_;
  };

  // Objects that may come to hold themselves are emptied when the rendering ends.
  Value own(std::shared_ptr<Object> object, std::function<void()> empty);

  std::tm now() const { return clock_(); }

 private:
  uint64_t steps_left_;
  Clock clock_;
  int depth_ = 0;
  int line_ = 1;
  std::shared_ptr<Scope> scope_ = std::make_shared<Scope>();
  std::string output_;
  std::vector<std::shared_ptr<Scope>> kept_;
  std::vector<std::pair<std::shared_ptr<Object>, std::function<void()>>> owned_;
};

// The arguments of a call by the names of its parameters, as Python binds them.
class Bound {
 public:
  Bound(const std::string& function,
        const Arguments& arguments,
        std::vector<const char*> parameters,
        size_t required = 0);

  const Value* find(size_t parameter) const { return values_[parameter]; }  // null: not given
  const Value& at(size_t parameter) const { return *values_[parameter]; }   // a required one
  bool flag(size_t parameter, bool otherwise) const;
  int64_t integer(size_t parameter, int64_t otherwise) const;
  std::string text(size_t parameter, const std::string& otherwise) const;

 private:
  std::string function_;
  std::vector<const char*> parameters_;
  std::vector<const Value*> values_;
};

// Items and attributes as {{ a.b }} and {{ a['b'] }} find them; undefined where there are none.
Value get_attribute(Runtime& runtime, const Value& value, const std::string& name);
Value get_item(Runtime& runtime, const Value& value, const Value& key);
Value get_slice(const Value& value, const Value* begin, const Value* end, const Value* step);

Value call(Runtime& runtime, const Value& function, const Arguments& arguments);

// str() of a value, with the work it takes counted.
std::string text_of(Runtime& runtime, const Value& value);

}  // namespace kvhost::jinja
