// SPDX-License-Identifier: Apache-2.0
// What a GGUF file says of its tensors, checked against its data.
#pragma once

#include <memory>
#include <vector>

#include "format/gguf.hpp"
#include "format/gguf_cursor.hpp"

namespace kvhost::gguf {

// By offset. Refuses types that kvhost does not have by their names, rows that are no whole number
// of blocks, data that is unaligned, outside the file or overlapping, and names listed twice.
std::vector<GgufTensor> read_tensors(Cursor& cursor,
                                     const std::shared_ptr<const MappedFile>& file,
                                     const GgufMetadata& metadata,
                                     uint64_t count);

}  // namespace kvhost::gguf
