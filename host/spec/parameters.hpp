// SPDX-License-Identifier: Apache-2.0
// Parameter values against what a manifest says of them.
#pragma once

#include <vector>

#include "registry/catalog.hpp"
#include "spec/spec.hpp"

namespace kvhost {

// One value per parameter of `method`, in its order; what the spec does not give is the default.
// Each is null or of the parameter's own type. Unknown, repeated, ill-typed and out-of-range
// parameters throw Error(BadRequest) naming the place and the nearest name.
std::vector<registry::Value> resolve_parameters(const Spec& spec,
                                                const registry::MethodInfo& method);

}  // namespace kvhost
