// SPDX-License-Identifier: Apache-2.0
// libkvhost: models, compression policies, and sequences that are read once and asked many times.
#pragma once

#include "base/error.hpp"
#include "engine/agreement.hpp"
#include "engine/batch.hpp"
#include "engine/engine.hpp"
#include "engine/generate.hpp"
#include "engine/read_together.hpp"
#include "engine/sequence.hpp"
