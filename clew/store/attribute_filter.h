// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "clew/store/sender_directory.h"
#include "clew/store/span_reader.h"
#include "clew/store/sql.h"

namespace clew::store {

// That each of `matches` holds for a row of `spans` or `logs`, or for its resource.
void AddAttributeConditions(std::span<const AttributeMatch> matches, const SenderDirectory& resources,
                            Conditions& conditions);

}  // namespace clew::store
