// SPDX-License-Identifier: Apache-2.0
// Files that methods learned for a model, and whether they are for this one.
#pragma once

#include "engine/model.hpp"
#include "press/press.hpp"
#include "spec/composition.hpp"

namespace kvhost {

// Throws Error(CannotLoad) when a file that a method of `composition` reads says in its metadata that
// it was made for a model of another hash. One that says nothing, as published files do, is taken.
// `press` was made of the composition.
void check_learned_files(const Composition& composition, const Press& press, const Model& model);

}  // namespace kvhost
