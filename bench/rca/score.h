// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "clew/rca/diagnosis.h"
#include "recordings.h"

namespace clew::bench {

// How one answer did against its case.
struct Outcome {
  int rank = 0;  // of the true service; 0: not named
  bool has_kind = false;
  bool kind_right = false;   // of the first cause, given that it is the true service
  bool place_right = false;  // something that `where` names stands in the first cause's evidence
  bool place_whole = false;  // all that it names
  double onset_error = 0;    // seconds, found less injected
  double seconds = 0;        // to decide
};
Outcome Judge(const FaultCase& fault, const rca::Diagnosis& diagnosis);

// The answer of a method that gives nothing but an order of services.
Outcome Judge(const FaultCase& fault, const std::vector<std::string>& ranking);

// Sums over cases. Shares are of `cases`.
struct Score {
  double cases = 0;
  double first = 0;
  double third = 0;
  double fifth = 0;
  double ranks = 0;  // of AS@1 to AS@5, for Avg@5
  double kind = 0;
  double place = 0;
  double place_whole = 0;
  std::vector<double> onset_errors;  // absolute
  double slowest = 0;

  void Add(const Outcome& outcome);
  double Average5() const { return cases > 0 ? ranks / 5 / cases : 0; }
};

// Head and rows of the table that all methods are printed in.
std::string TableHead(std::string_view title);
std::string TableRow(std::string_view name, const Score& score);
// What guessing one service of `services` would score, exactly.
std::string GuessRow(std::string_view name, const std::vector<size_t>& services);

}  // namespace clew::bench
