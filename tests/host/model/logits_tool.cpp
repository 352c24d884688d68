// SPDX-License-Identifier: Apache-2.0
// Prints logits for tests/oracle/logits_compare.py: logits_tool MODEL_DIR DTYPE TOKENS.json
// reference|BLOCK
#include <cstdio>
#include <fstream>
#include <iostream>

#include "base/error.hpp"
#include "decoder_fixture.hpp"

using namespace kvhost;

namespace {

DType parse_dtype(const std::string& name) {
  for (const DType dtype : {DType::Float32, DType::BFloat16, DType::Float16})
    if (name == dtype_name(dtype)) return dtype;
  bad_request("DTYPE", "'" + name + "'; expected float32, bfloat16 or float16");
}

at::Tensor run(const std::string& dir,
               const std::string& dtype,
               const std::string& file,
               const std::string& how) {
  std::ifstream in(file);
  const auto tokens = nlohmann::json::parse(in).get<test::Tokens>();
  const auto weights = Weights::load(dir, parse_dtype(dtype));
  if (how == "reference") return reference_logits(*weights, tokens).to(at::kFloat);
  return test::in_blocks(Decoder(weights), tokens, std::stoul(how));
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 5) bad_request("arguments", "expected MODEL_DIR DTYPE TOKENS.json reference|BLOCK");
  // float32 [n, vocab_size]
  const at::Tensor logits = run(argv[1], argv[2], argv[3], argv[4]).contiguous();
  std::fwrite(logits.const_data_ptr(), sizeof(float), static_cast<size_t>(logits.numel()), stdout);
  return 0;
} catch (const std::exception& e) {
  std::cerr << e.what() << '\n';
  return 1;
}
