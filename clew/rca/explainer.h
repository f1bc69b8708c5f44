// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "clew/model/evidence.h"
#include "clew/rca/comparison.h"
#include "clew/rca/diagnosis.h"
#include "clew/rca/features.h"

namespace clew::rca {

// Says in words what a change is. Evidence and comparison outlive it.
class Explainer {
 public:
  Explainer(const model::Evidence& evidence, const Comparison& comparison)
      : evidence_(evidence), comparison_(comparison) {}

  Finding Explain(const Change& change) const;
  // The operation, log template, step or address that shows it.
  std::string WhereOf(const Change& change) const;
  // What sort of thing went wrong, by the change alone.
  static CauseKind KindOf(const Feature& feature);

 private:
  static std::string Describe(model::EventKind kind, const std::string& name);
  std::string Describe(const Feature& feature) const;
  std::string DescribeBefore(const Place& place) const;

  const model::Evidence& evidence_;
  const Comparison& comparison_;
};

}  // namespace clew::rca
