// SPDX-License-Identifier: Apache-2.0
// Scores root-cause analysis on folders of recorded faults (bench/rca/README.md has their form), beside a robust-z
// ranking and a guess on the same cases.
#include <fmt/format.h>

#include <chrono>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "clew/base/time.h"
#include "clew/rca/diagnose.h"
#include "recordings.h"
#include "robust_z.h"
#include "score.h"

namespace clew::bench {
namespace {

using base::kNanosPerSecond;

struct System {
  std::string name;
  std::vector<FaultCase> cases;
  std::vector<model::Evidence> evidence;  // of the cases, as recorded
  rca::Constants constants;
};

rca::DiagnoseOptions Ask(const FaultCase& fault, const Variant& variant, const rca::Constants& constants) {
  rca::DiagnoseOptions options;
  options.baseline = {fault.baseline_from, fault.baseline_to};
  options.incident = {fault.from + variant.shift, fault.to + variant.shift};
  options.incident_given = true;
  options.constants = constants;
  return options;
}

Outcome Answer(const FaultCase& fault, const model::Evidence& evidence, const rca::DiagnoseOptions& options,
               rca::Diagnosis* answer = nullptr) {
  const auto started = std::chrono::steady_clock::now();
  const rca::Diagnosis diagnosis = rca::Diagnose(evidence, options);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started;
  Outcome outcome = Judge(fault, diagnosis);
  outcome.seconds = took.count();
  if (answer != nullptr) *answer = diagnosis;
  return outcome;
}

Score ScoreOf(const System& system, const rca::Constants& constants) {
  Score score;
  for (size_t i = 0; i < system.cases.size(); ++i) {
    score.Add(Answer(system.cases[i], system.evidence[i], Ask(system.cases[i], {}, constants)));
  }
  return score;
}

void PrintAnswer(const FaultCase& fault, const Outcome& outcome, const rca::Diagnosis& diagnosis, bool verbose) {
  fmt::print("  {} {:<28} {:<15} rank {:>2}  {}{}{}  onset {:+.0f} s  {:.2f} s  {}\n", fault.id, fault.service,
             fault.fault, outcome.rank, outcome.kind_right ? 'k' : '-', outcome.place_right ? 'p' : '-',
             outcome.place_whole ? 'w' : '-', outcome.onset_error, outcome.seconds,
             diagnosis.incident ? diagnosis.causes.front().service : "no incident");
  for (size_t i = 0; verbose && i < std::min<size_t>(3, diagnosis.causes.size()); ++i) {
    const rca::Cause& cause = diagnosis.causes[i];
    fmt::print("      {:.2f} {} {} {}\n", cause.score, cause.service, rca::CauseKindName(cause.kind), cause.where);
    for (const rca::Finding& finding : cause.findings) {
      fmt::print("          {:.2f} {} {:.4g} -> {:.4g} {}\n", finding.strength, finding.text, finding.before,
                 finding.after, finding.unit);
    }
  }
}

void PrintMethods(const System& system, bool list, bool verbose) {
  std::map<std::string, Score> by_fault;
  Score all;
  Score robust_z;
  std::vector<size_t> services;
  for (size_t i = 0; i < system.cases.size(); ++i) {
    const FaultCase& fault = system.cases[i];
    rca::Diagnosis diagnosis;
    const Outcome outcome = Answer(fault, system.evidence[i], Ask(fault, {}, system.constants), &diagnosis);
    if (list || verbose) PrintAnswer(fault, outcome, diagnosis, verbose);
    by_fault[fault.fault].Add(outcome);
    all.Add(outcome);
    robust_z.Add(Judge(fault, RankByRobustZ(system.evidence[i], fault)));
    std::set<model::NameId> names;
    for (const model::Segment& segment : system.evidence[i].segments) names.insert(segment.service);
    services.push_back(names.size());
  }
  fmt::print("{}", TableHead(system.name));
  for (const auto& [fault, score] : by_fault) fmt::print("{}", TableRow("clew why, " + fault, score));
  fmt::print("{}", TableRow("clew why", all));
  fmt::print("{}", TableRow("robust z (BARO's scorer), onset given", robust_z));
  fmt::print("{}", GuessRow("guess", services));
}

base::Status AddVariant(const System& system, Recordings& recordings, const Variant& variant, bool list, Score& score) {
  for (const FaultCase& fault : system.cases) {
    CLEW_ASSIGN_OR_RETURN(const model::Evidence evidence, recordings.Load(fault, variant));
    rca::Diagnosis diagnosis;
    const Outcome outcome = Answer(fault, evidence, Ask(fault, variant, system.constants), &diagnosis);
    if (list && outcome.rank != 1) PrintAnswer(fault, outcome, diagnosis, false);
    score.Add(outcome);
  }
  return {};
}

base::Status PrintVariants(const System& system, Recordings& recordings, bool list) {
  const std::vector<Variant> variants = {
      {.name = "both times 60 s early", .shift = -60 * kNanosPerSecond},
      {.name = "both times 60 s late", .shift = 60 * kNanosPerSecond},
      {.name = "half of the traces", .traces = 0.5},
      {.name = "no logs", .logs = false},
      {.name = "no metrics", .metrics = false},
      {.name = "clocks 200 ms apart", .skew = kNanosPerSecond / 5},
  };
  fmt::print("{}", TableHead(system.name + ", variants"));
  for (const Variant& variant : variants) {
    Score score;
    CLEW_RETURN_IF_ERROR(AddVariant(system, recordings, variant, list, score));
    fmt::print("{}", TableRow(variant.name, score));
  }
  return {};
}

// The same cases with other traces each time: what an answer owes to the traces that happened to be recorded.
base::Status PrintResampled(const System& system, Recordings& recordings, bool list) {
  constexpr uint64_t kDraws = 5;
  fmt::print("{}", TableHead(fmt::format("{}, {} draws", system.name, kDraws)));
  for (const double share : {0.8, 0.65, 0.5}) {
    Score all;
    for (uint64_t draw = 1; draw <= kDraws; ++draw) {
      CLEW_RETURN_IF_ERROR(AddVariant(system, recordings, {.traces = share, .draw = draw}, list, all));
    }
    fmt::print("{}", TableRow(fmt::format("{:.0f} % of the traces", 100 * share), all));
    std::fflush(stdout);
  }
  return {};
}

// What remains of a case's evidence if it had ended a moment before the fault.
model::Evidence BeforeFault(const model::Evidence& evidence, const FaultCase& fault, int64_t end) {
  model::Evidence before = evidence;
  const auto of_baseline = [&](int64_t time) { return fault.baseline_from <= time && time < fault.baseline_to; };
  for (model::Utilization& utilization : before.utilizations) {
    std::erase_if(utilization.points, [&](const auto& p) { return p.time >= end && !of_baseline(p.time); });
  }
  std::erase_if(before.segments, [&](const auto& s) { return s.start >= end && !of_baseline(s.start); });
  return before;
}

// Windows in which nothing was wrong: silence is the right answer.
// `margin`: seconds before the stated injection at which they end; TrainTicket's times are up to a minute late, its
// data shows the faults before.
void PrintSpecificity(const System& system, int64_t margin, bool list) {
  constexpr int64_t kShortest = 20 * kNanosPerSecond;
  int windows = 0;
  int silent = 0;
  int halves = 0;
  int silent_halves = 0;
  std::set<std::string> seen;
  for (size_t i = 0; i < system.cases.size(); ++i) {
    const FaultCase& fault = system.cases[i];
    const int64_t end = fault.injected - margin * kNanosPerSecond;
    const model::Evidence before = BeforeFault(system.evidence[i], fault, end);
    int64_t first = end;
    for (const model::Segment& segment : before.segments) {
      const bool of_baseline = fault.baseline_from <= segment.start && segment.start < fault.baseline_to;
      if (!of_baseline) first = std::min(first, segment.start);
    }
    rca::DiagnoseOptions options = Ask(fault, {}, system.constants);
    if (end - first >= kShortest) {
      options.incident = {first, end};
      const rca::Diagnosis diagnosis = rca::Diagnose(before, options);
      ++windows;
      silent += diagnosis.incident ? 0 : 1;
      if (list && diagnosis.incident) fmt::print("  {} before the fault: {}\n", fault.id, diagnosis.summary);
    }
    if (!seen.insert(fault.baseline).second) continue;
    const int64_t middle = (fault.baseline_from + fault.baseline_to) / 2;
    options.baseline = {fault.baseline_from, middle};
    options.incident = {middle, fault.baseline_to};
    model::Evidence quiet = system.evidence[i];
    std::erase_if(quiet.segments,
                  [&](const auto& s) { return s.start < fault.baseline_from || s.start >= fault.baseline_to; });
    for (const bool given : {true, false}) {
      if (!given) options.baseline = {};
      if (!given) options.incident = {fault.baseline_from, fault.baseline_to};
      options.incident_given = given;
      const rca::Diagnosis diagnosis = rca::Diagnose(quiet, options);
      ++halves;
      silent_halves += diagnosis.incident ? 0 : 1;
      if (list && diagnosis.incident) fmt::print("  {}: {}\n", fault.baseline, diagnosis.summary);
    }
  }
  fmt::print(
      "silent where nothing was wrong: {} of {} windows that end {} s before the fault, {} of {} within the "
      "fault-free minute\n",
      silent, windows, margin, silent_halves, halves);
}

void PrintSensitivity(const std::vector<System>& systems) {
  fmt::print("{:<24}", "constant, scaled by");
  for (const System& system : systems) fmt::print("  {:>28}", system.name);
  fmt::print("   AS@1 (AS@3) at 2/3, 1, 4/3\n");
  for (const rca::ConstantRow& row : rca::AllConstants()) {
    fmt::print("{:<24}", row.name);
    for (const System& system : systems) {
      std::string cell;
      for (const double factor : {2.0 / 3, 1.0, 4.0 / 3}) {
        rca::Constants constants = system.constants;
        constants.*row.value *= factor;
        const Score score = ScoreOf(system, constants);
        cell += fmt::format(" {:.0f} ({:.0f})", score.first, score.third);
      }
      fmt::print("  {:>28}", cell);
      std::fflush(stdout);
    }
    fmt::print("\n");
  }
}

double Worth(const Score& score) { return score.first + score.Average5() / 100; }

// Every constant a third off at first, then each in turn set to what serves `system` best.
rca::Constants Choose(const System& system) {
  rca::Constants best;
  double worth = -1;
  for (const double factor : {2.0 / 3, 4.0 / 3}) {
    rca::Constants constants;
    for (const rca::ConstantRow& row : rca::AllConstants()) constants.*row.value *= factor;
    if (const double found = Worth(ScoreOf(system, constants)); found > worth) {
      worth = found;
      best = constants;
    }
  }
  for (const rca::ConstantRow& row : rca::AllConstants()) {
    for (const double factor : {2.0 / 3, 1.5}) {
      rca::Constants constants = best;
      constants.*row.value *= factor;
      if (const double found = Worth(ScoreOf(system, constants)); found > worth) {
        worth = found;
        best = constants;
      }
    }
  }
  return best;
}

void PrintLeaveOneOut(const std::vector<System>& systems) {
  fmt::print("{}", TableHead("constants chosen on the other systems alone"));
  for (const System& judge : systems) {
    System others;
    for (const System& system : systems) {
      if (system.name == judge.name) continue;
      others.cases.insert(others.cases.end(), system.cases.begin(), system.cases.end());
      others.evidence.insert(others.evidence.end(), system.evidence.begin(), system.evidence.end());
    }
    fmt::print("{}", TableRow(judge.name, ScoreOf(judge, Choose(others))));
  }
}

struct Options {
  std::vector<std::string> folders;
  std::vector<std::string> set;
  bool list = false;
  bool verbose = false;
  bool variants = false;
  bool resample = false;
  bool sensitivity = false;
  bool leave_one_out = false;
};

// "NAME=VALUE" of --set.
base::Status SetConstant(std::string_view wish, rca::Constants& constants) {
  const size_t equals = wish.find('=');
  for (const rca::ConstantRow& row : rca::AllConstants()) {
    if (equals == std::string_view::npos || row.name != wish.substr(0, equals)) continue;
    constants.*row.value = std::stod(std::string(wish.substr(equals + 1)));
    return {};
  }
  return base::InvalidArgument(fmt::format("--set: expected the name of a constant, = and a number, got {}", wish));
}

base::Status Run(const Options& options) {
  rca::Constants constants;
  for (const std::string& wish : options.set) CLEW_RETURN_IF_ERROR(SetConstant(wish, constants));
  Recordings recordings;
  std::vector<System> systems;
  for (const std::string& folder : options.folders) {
    System& system = systems.emplace_back();
    system.constants = constants;
    system.name = folder.substr(folder.find_last_of('/', folder.size() - 2) + 1);
    CLEW_ASSIGN_OR_RETURN(system.cases, ReadCases(folder));
    for (const FaultCase& fault : system.cases) {
      CLEW_ASSIGN_OR_RETURN(model::Evidence evidence, recordings.Load(fault, {}));
      system.evidence.push_back(std::move(evidence));
    }
    PrintMethods(system, options.list, options.verbose);
    for (const int64_t margin : {5, 70}) PrintSpecificity(system, margin, options.list || options.verbose);
    std::fflush(stdout);
    if (options.variants) CLEW_RETURN_IF_ERROR(PrintVariants(system, recordings, options.list));
    if (options.resample) CLEW_RETURN_IF_ERROR(PrintResampled(system, recordings, options.list));
    fmt::print("\n");
  }
  if (options.sensitivity) PrintSensitivity(systems);
  if (options.leave_one_out && systems.size() > 1) PrintLeaveOneOut(systems);
  return {};
}

}  // namespace
}  // namespace clew::bench

int main(int argc, char** argv) {
  clew::bench::Options options;
  const std::map<std::string_view, bool*> flags = {{"--list", &options.list},
                                                   {"--verbose", &options.verbose},
                                                   {"--variants", &options.variants},
                                                   {"--resample", &options.resample},
                                                   {"--sensitivity", &options.sensitivity},
                                                   {"--leave-one-out", &options.leave_one_out}};
  bool wrong = false;
  for (const std::string_view argument : std::vector<std::string_view>(argv + 1, argv + argc)) {
    const auto flag = flags.find(argument);
    if (flag != flags.end()) {
      *flag->second = true;
    } else if (argument.starts_with("--set=")) {
      options.set.emplace_back(argument.substr(6));
    } else if (argument.starts_with('-')) {
      wrong = true;
    } else {
      options.folders.emplace_back(argument);
    }
  }
  if (wrong || options.folders.empty()) {
    fmt::print(stderr,
               "usage: clew_bench_rca FOLDER... [--list] [--verbose] [--variants] [--resample] [--sensitivity] "
               "[--leave-one-out] [--set=NAME=VALUE]...\n");
    return 2;
  }
  const clew::base::Status status = clew::bench::Run(options);
  if (!status) fmt::print(stderr, "clew_bench_rca: {}\n", status.error().message);
  return status ? 0 : 1;
}
