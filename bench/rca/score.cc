// SPDX-License-Identifier: Apache-2.0
#include "score.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <set>
#include <string_view>

#include "clew/rca/statistics.h"

namespace clew::bench {
namespace {

// The interface's kinds that are right for a fault whose truth names none (Nezha's five).
std::set<std::string_view> KindsOf(const FaultCase& fault) {
  if (!fault.kind.empty()) return {fault.kind};
  if (fault.fault == "return") return {"code"};
  if (fault.fault == "exception") return {"code", "error"};
  if (fault.fault.starts_with("cpu")) return {"saturation"};
  if (fault.fault.starts_with("network")) return {"network"};
  return {};
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return std::tolower(c); });
  return lower;
}

// What `where` names: both log templates of a pair (spans there end in " start" or " complete"); of a metric its
// subject, since every agent names metrics its own way.
std::vector<std::string> PlacesOf(const FaultCase& fault) {
  if (fault.where.starts_with("Cpu")) return {"cpu"};
  if (fault.where.starts_with("Network")) return {"network"};
  std::vector<std::string> places;
  for (size_t begin = 0; begin <= fault.where.size();) {
    const size_t end = std::min(fault.where.find('_', begin), fault.where.size());
    std::string place = fault.where.substr(begin, end - begin);
    for (const std::string_view suffix : {" start", " complete"}) {
      if (place.ends_with(suffix)) place.resize(place.size() - suffix.size());
    }
    if (!place.empty()) places.push_back(Lower(place));
    begin = end + 1;
  }
  return places;
}

double Percent(double share, double cases) { return cases > 0 ? 100 * share / cases : 0; }

}  // namespace

Outcome Judge(const FaultCase& fault, const std::vector<std::string>& ranking) {
  Outcome outcome;
  const auto found = std::ranges::find(ranking, fault.service);
  if (found != ranking.end()) outcome.rank = static_cast<int>(found - ranking.begin()) + 1;
  return outcome;
}

Outcome Judge(const FaultCase& fault, const rca::Diagnosis& diagnosis) {
  std::vector<std::string> ranking;
  for (const rca::Cause& cause : diagnosis.causes) ranking.push_back(cause.service);
  Outcome outcome = Judge(fault, ranking);
  outcome.has_kind = true;
  outcome.onset_error = static_cast<double>(diagnosis.from - fault.injected) / 1e9;
  if (outcome.rank != 1) return outcome;
  const rca::Cause& first = diagnosis.causes.front();
  outcome.kind_right = KindsOf(fault).contains(rca::CauseKindName(first.kind));
  std::string evidence = Lower(first.where);
  for (const rca::Finding& finding : first.findings) evidence += '\n' + Lower(finding.text);
  const std::vector<std::string> places = PlacesOf(fault);
  const auto named = [&](const std::string& place) { return evidence.contains(place); };
  outcome.place_right = std::ranges::any_of(places, named);
  outcome.place_whole = std::ranges::all_of(places, named);
  return outcome;
}

void Score::Add(const Outcome& outcome) {
  ++cases;
  const int rank = outcome.rank == 0 ? 99 : outcome.rank;
  first += rank <= 1 ? 1 : 0;
  third += rank <= 3 ? 1 : 0;
  fifth += rank <= 5 ? 1 : 0;
  ranks += std::max(0, 6 - rank);
  kind += outcome.kind_right ? 1 : 0;
  place += outcome.place_right ? 1 : 0;
  place_whole += outcome.place_whole ? 1 : 0;
  if (outcome.has_kind) onset_errors.push_back(std::abs(outcome.onset_error));
  slowest = std::max(slowest, outcome.seconds);
}

std::string TableHead(std::string_view title) {
  return fmt::format("{:<42} {:>5} {:>6} {:>6} {:>6} {:>6} {:>6} {:>6} {:>6} {:>8} {:>8}\n", title, "cases", "AS@1",
                     "AS@3", "AS@5", "Avg@5", "kind", "place", "whole", "onset s", "slowest");
}

std::string TableRow(std::string_view name, const Score& score) {
  std::string row = fmt::format("{:<42} {:>5.0f} {:>6.1f} {:>6.1f} {:>6.1f} {:>6.1f}", name, score.cases,
                                Percent(score.first, score.cases), Percent(score.third, score.cases),
                                Percent(score.fifth, score.cases), 100 * score.Average5());
  std::vector<double> errors = score.onset_errors;
  if (!errors.empty()) {
    row += fmt::format(" {:>6.1f} {:>6.1f} {:>6.1f} {:>8.1f} {:>6.2f} s", Percent(score.kind, score.cases),
                       Percent(score.place, score.cases), Percent(score.place_whole, score.cases),
                       rca::Quantile(errors, 0.5), score.slowest);
  }
  return row + '\n';
}

std::string GuessRow(std::string_view name, const std::vector<size_t>& services) {
  Score score;
  for (const size_t count : services) {
    ++score.cases;
    const auto within = [&](size_t k) { return static_cast<double>(std::min(k, count)) / static_cast<double>(count); };
    score.first += within(1);
    score.third += within(3);
    score.fifth += within(5);
    for (size_t k = 1; k <= 5; ++k) score.ranks += within(k);
  }
  return TableRow(name, score);
}

}  // namespace clew::bench
