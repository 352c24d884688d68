// SPDX-License-Identifier: Apache-2.0
#include "train/tensor_writer.hpp"

#include <nlohmann/json.hpp>
#include <ostream>

#include "base/output_file.hpp"

namespace kvhost::train {

int64_t NamedTensor::n_elements() const {
  int64_t n = 1;
  for (const int64_t size : shape) n *= size;
  return n;
}

void write_tensors(const std::filesystem::path& file,
                   const std::vector<NamedTensor>& tensors,
                   const std::map<std::string, std::string>& facts) {
  nlohmann::ordered_json header;
  header["__metadata__"] = facts;
  const auto n_bytes = [](const NamedTensor& tensor) {
    return tensor.n_elements() * static_cast<int64_t>(sizeof(float));
  };
  int64_t offset = 0;
  for (const auto& tensor : tensors) {
    const int64_t end = offset + n_bytes(tensor);
    header[tensor.name] = {
        {"dtype", "F32"}, {"shape", tensor.shape}, {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  write_file(file, [&](std::ostream& out) {
    const uint64_t length = text.size();
    out.write(reinterpret_cast<const char*>(&length), sizeof length);
    out.write(text.data(), std::ssize(text));
    for (const auto& tensor : tensors)
      out.write(reinterpret_cast<const char*>(tensor.data), n_bytes(tensor));
  });
}

}  // namespace kvhost::train
