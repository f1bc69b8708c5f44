// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "clew/model/evidence.h"
#include "clew/rca/statistics.h"

namespace clew::rca {

// What sets a group apart from the rest.
struct Difference {
  std::string key;
  std::string value;
  Share inside;
  Share outside;
  // The least by which the value is more common in the group, 0 to 1: two chances in two hundred against, each way.
  double rise = 0;
  // How likely chance alone makes one of all values that were tried differ so much: of the likelihood-ratio test,
  // times the tries (Bonferroni). At most 1.
  double chance = 1;
  bool outcome = false;  // IsOutcome(key)
};

// Values that are more common in the group, beyond chance, by `rise`, outcomes last. Of values that single out the same
// rows (equal counts) the first by key stands for all, an outcome for outcomes only. `inside` and `outside`: rows of
// the group and of the rest.
std::vector<Difference> RankDifferences(std::vector<model::AttributeCount> counts, uint64_t inside, uint64_t outside,
                                        size_t limit);

// Whether an attribute tells how a call ended or who ran it, rather than what was asked: what calls show because they
// fail says nothing of which calls fail.
bool IsOutcome(std::string_view key);

}  // namespace clew::rca
