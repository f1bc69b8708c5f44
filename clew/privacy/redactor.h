// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "clew/base/result.h"
#include "clew/base/thread_annotations.h"
#include "clew/base/time.h"
#include "clew/model/log_batch.h"
#include "clew/model/metric_batch.h"
#include "clew/model/series_batch.h"
#include "clew/model/span_batch.h"
#include "clew/privacy/policy.h"
#include "clew/privacy/pseudonyms.h"
#include "clew/privacy/rule_set.h"
#include "clew/privacy/text_redactor.h"

namespace clew::privacy {

enum class Signal : uint8_t { kTraces, kLogs, kMetrics };
inline constexpr size_t kSignalCount = 3;
std::string_view SignalName(Signal signal);

// Findings of one rule that were changed in one signal since the start.
struct RedactionCount {
  std::string rule;  // a detector's name, or an own rule's
  Signal signal = Signal::kTraces;
  uint64_t count = 0;
};
using RedactionCounts = std::vector<RedactionCount>;

// Takes personal data and secrets out of a batch, before anything of it is written or sent. Every text of texts.h is
// looked at. Values only change (a number under a key that names a person becomes a text); structure, ids, times and
// the number of records stay. What was redacted, and every text that no row refers to, is overwritten, so that it is
// nowhere in the batch's bytes. Redacting twice changes nothing more. Any thread may call: each batch is redacted by
// the rules that are in force when it begins.
class Redactor {
 public:
  struct Options {
    Policy policy;
    // Keys for pseudonyms; without any, one that only this redactor knows.
    std::vector<PseudonymKey> keys;
    const base::Clock* clock = &base::Clock::System();
  };

  // The policy's own rules are ones that RuleSet::Make takes.
  Redactor();
  explicit Redactor(Options options);
  ~Redactor();
  Redactor(const Redactor&) = delete;
  Redactor& operator=(const Redactor&) = delete;

  void Redact(model::SpanBatch& batch) const;
  void Redact(model::LogBatch& batch) const;
  void Redact(model::MetricBatch& batch) const;
  void Redact(model::SeriesBatch& batch) const;
  // A text alone, as the value of `key` (which may be empty); not counted.
  std::string RedactValue(std::string_view key, std::string_view value) const;

  // What is in force now.
  std::shared_ptr<const RuleSet> rules() const;
  // From the next batch on. The keys stay, or the policy does.
  base::Status SetPolicy(Policy policy);
  void SetKeys(std::vector<PseudonymKey> keys);
  // In the order of rules' names.
  RedactionCounts counts() const;

 private:
  template <typename Batch>
  void RedactRecords(Batch& batch, Signal signal) const;
  void Count(Signal signal, const RuleSet& rules, const TextRedactor::Counts& counts) const;

  const base::Clock* const clock_;
  mutable base::Mutex mutex_;
  std::shared_ptr<const RuleSet> rules_ GUARDED_BY(mutex_);
  // Those of rules that are no more stay.
  mutable std::map<std::string, std::array<uint64_t, kSignalCount>, std::less<>> counts_ GUARDED_BY(mutex_);
};

}  // namespace clew::privacy
