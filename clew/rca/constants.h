// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

namespace clew::rca {

// Every number that root-cause analysis decides by. They are the same for all systems; `clew_bench_rca --sensitivity`
// shows what each of them does to the score. All are doubles, so that they can be scaled.
struct Constants {
  // The chance that is left to coincidence where a share is said to have risen above the baseline, …
  double baseline_chance = 0.005;
  // … above the calls just before the onset, which are few, …
  double before_chance = 0.1;
  // … and where it counts to a service, for which it was selected already.
  double origin_chance = 0.025;
  // Calls in the baseline below which nothing is known of what is usual.
  double min_baseline = 2;
  // Calls below which an operation's, link's or step's own times do not tell what is usual there: how far times stray
  // from their middle is then learned from all of them together.
  double few_calls = 10;
  // The least share of calls that a change must concern to be looked at …
  double min_rise = 0.05;
  // … and to count to a service.
  double min_origin_rise = 0.03;
  // The same of calls that fail, which matter more than calls that are different, …
  double min_failing = 0.02;
  // … and the share of failing calls from which on there is an incident.
  double failing_score = 0.05;
  // Share of the usual calls that may take longer than what is called usual …
  double usual_tail = 0.01;
  // … and by how much more a call must take to be slow.
  double usual_excess = 0.1;
  // Added time counts in full from this share of what the whole request usually takes on; less counts in proportion.
  double material_share = 0.1;
  // Until an onset is known there is no baseline: how much more than the median of all calls is slow.
  double search_excess = 1;
  // Seconds around the onset whose calls belong to neither side: the edge of a fault is not sharp.
  double edge_seconds = 2;
  // Log-likelihood that an onset must gain over none: several operations that waver by chance stay below.
  double onset_evidence = 10;
  // Operations that count in the search for the onset, so that one wide fault does not outvote all others.
  double onset_operations = 5;
  // Seconds by which the onset may lie before, and the incident end after, what a person said.
  double slack_seconds = 120;
  // The least share of some calls that must be affected for sure before there is an incident …
  double min_score = 0.2;
  // … and how rarely coincidence may make one up: once in so many answers.
  double chances_against = 100;
  // How many coincidences as telling are worth the look of a person who says that something was wrong at that time.
  double chances_given = 10;
  // Seconds that something must last to be noticed unasked: what is over before anybody could look is no incident. All
  // must have been usual for as long before.
  double min_seconds = 15;
  // The share of a limit that must be newly used to count, …
  double min_utilization_rise = 0.1;
  // … and the share that is an incident by itself.
  double alarming_rise = 0.5;
  // The share of what was left of a limit that must be taken before slowness is laid to it.
  double taken_share = 0.5;
  // A change is named first among those that are at least so strong, as a share of the strongest.
  double telling_share = 0.5;
  // A step explains an operation that became slow if it took at least this share of the added time.
  double step_share = 0.5;
  // The share of slow calls that go on together from which they wait for the same thing (WaitShare).
  double wait_share = 0.5;
  // Pairs of such calls below which nothing is said.
  double min_waits = 5;
  // The share of the processor time used that no request accounts for, from which something else takes it.
  double unaccounted_share = 0.25;
};

struct ConstantRow {
  std::string_view name;
  double Constants::* value;
};
// All of them, in the order above.
std::span<const ConstantRow> AllConstants();

}  // namespace clew::rca
