// SPDX-License-Identifier: Apache-2.0
// How a prompt begins to be read: anew, behind a document, or behind what an earlier request read.
#pragma once

#include "serve/reading.hpp"
#include "serve/shelf.hpp"

namespace kvhost {

// Sets its start and its parts. Both are borrowed until it is read.
void prepare_reading(Reading& reading, Shelf& shelf);

}  // namespace kvhost
