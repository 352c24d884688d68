// SPDX-License-Identifier: Apache-2.0
// A page of what was kept, of any size: kept_sample FILE TOKENS LAYERS HEADS PRESSES
#include <cstdlib>
#include <fstream>
#include <iostream>

#include "report/kept_html.hpp"
#include "sample_view.hpp"

int main(int argc, char** argv) {
  if (argc != 6) {
    std::cerr << "usage: kept_sample FILE TOKENS LAYERS HEADS PRESSES\n";
    return 2;
  }
  const auto size = [&](int i) { return static_cast<size_t>(std::strtoul(argv[i], nullptr, 10)); };
  std::ofstream out(argv[1], std::ios::binary);
  kvhost::write_kept_html(out, kvhost::sample_view(size(2), size(3), size(4), size(5)));
  return out.flush() ? 0 : 1;
}
