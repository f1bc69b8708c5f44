// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "clew/model/evidence.h"
#include "clew/rca/constants.h"
#include "clew/rca/features.h"
#include "clew/rca/statistics.h"

namespace clew::rca {

// A moment at which something began or ended.
struct Turn {
  int64_t time = 0;                // Unix nanoseconds
  double evidence = 0;             // log-likelihood that it gains over no such moment; not positive: there is none
  std::vector<uint32_t> features;  // that speak for it
};

// A stretch of time that differs from the rest; `end.time` is the line's last moment where it lasts.
struct Stretch {
  Turn begin;
  int64_t end = 0;
  int64_t precision = 0;  // nanoseconds by which both may be off
};

// Looks for the moment at which features began, or ceased, to occur more often than usual on a stretch of time. Each
// feature votes with what that moment explains better than the best that can be said without one: that the feature is
// as common as ever, or that it was more common all along (then it began before, and says nothing of when). Of each
// operation only the feature that says most counts, less the price of having been chosen among so many, and of all
// operations the few that say most, so that one wide fault does not outvote the rest.
class TurnSearch {
 public:
  // `usual`: what calls show when all is well; may be empty. Both outlive the search.
  TurnSearch(const FeatureTable& table, const Counts& usual, const Constants& constants);

  // In ascending order of start.
  void Add(const TraceTally& tally);

  // Where nothing is known of what is usual: the stretch of time that differs most from all the rest, of those that
  // last Constants::min_seconds.
  Stretch FindStretch(int64_t first, int64_t last) const;
  // What is usual lies before the moment.
  Turn FindBegin(int64_t first, int64_t last) const { return Find(Side::kBegin, first, last, {}); }
  // What is usual lies after it too. Only what began can have ended: `began` is what FindBegin said of itself.
  Turn FindEnd(int64_t first, int64_t last, const std::vector<uint32_t>& began) const {
    return Find(Side::kEnd, first, last, began);
  }

 private:
  enum class Side : uint8_t { kBegin, kEnd };
  struct Candidate {
    uint32_t feature = 0;
    uint32_t operation = 0;  // index of the operation
  };

  // Occurrences by time, and their sizes summed up to each.
  struct Line {
    std::vector<int64_t> times;
    std::vector<double> sums;
    void Add(int64_t time, double size) {
      times.push_back(time);
      sums.push_back(size + (sums.empty() ? 0 : sums.back()));
    }
    double total() const { return sums.empty() ? 0 : sums.back(); }
    std::vector<double> Before(int64_t first, int64_t step, int count) const;
  };

  Turn Find(Side side, int64_t first, int64_t last, const std::vector<uint32_t>& only) const;
  Turn FindOn(Side side, int64_t first, int64_t step, int count, const std::vector<Candidate>& candidates,
              const std::vector<double>& prices) const;
  // All that may speak, or those among `only`; `prices` by operation.
  std::vector<Candidate> Candidates(const std::vector<uint32_t>& only, std::vector<double>& prices) const;

  const FeatureTable& table_;
  const Counts& usual_;
  const Constants& constants_;
  std::vector<Line> places_;
  std::vector<Line> features_;
};

}  // namespace clew::rca
