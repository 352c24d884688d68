// SPDX-License-Identifier: Apache-2.0
// What the server counts, for Prometheus. Any thread.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace kvhost {

class Histogram {
 public:
  explicit Histogram(std::vector<double> bounds)
      : bounds_(std::move(bounds)), counts_(bounds_.size() + 1, 0) {}
  void add(double value);
  std::string text(const std::string& name, const std::string& help) const;

 private:
  std::vector<double> bounds_;  // ascending
  std::vector<int64_t> counts_;
  double sum_ = 0;
  int64_t n_ = 0;
};

class Metrics {
 public:
  // What is so at this moment; set by the engine's thread.
  struct Now {
    int64_t queued = 0, reading = 0, answering = 0;
    int64_t cache_bytes_promised = 0, cache_bytes_stored = 0, cache_bytes_most = 0;
    int64_t documents = 0;
  };

  void set(const Now& now);
  Now now() const;
  void request(const std::string& route, int status);
  void read(int64_t n_tokens, int64_t n_cached, int64_t bytes_full, int64_t bytes_kept, double ms);
  void first_token(double ms);
  void token(double ms);
  void batch(int64_t n_sequences);
  void cancelled();

  std::string text() const;  // Prometheus's text format

 private:
  mutable std::mutex mutex_;
  Now now_;
  std::map<std::pair<std::string, int>, int64_t> requests_;
  int64_t prompt_tokens_ = 0, cached_tokens_ = 0, new_tokens_ = 0, cancelled_ = 0;
  int64_t bytes_full_ = 0, bytes_kept_ = 0;
  Histogram prefill_{{0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100}};
  Histogram first_token_{{0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100}};
  Histogram per_token_{{0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3}};
  Histogram batch_{{1, 2, 4, 8, 16, 32, 64, 128}};
};

}  // namespace kvhost
