// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "clew/base/result.h"
#include "clew/base/time.h"
#include "clew/model/log_batch.h"
#include "clew/model/metric_batch.h"
#include "clew/model/series_batch.h"
#include "clew/model/span_batch.h"
#include "clew/privacy/detect/scanner.h"
#include "clew/privacy/policy.h"
#include "clew/privacy/pseudonyms.h"

namespace clew::privacy {

enum class Signal : uint8_t { kTraces, kLogs, kMetrics };
inline constexpr size_t kSignalCount = 3;
std::string_view SignalName(Signal signal);

// Findings that were changed since the start, by signal and detector.
using RedactionCounts = std::array<std::array<uint64_t, detect::kDetectorCount>, kSignalCount>;

// Takes personal data and secrets out of a batch, before anything of it is written or sent. Every text of texts.h is
// looked at. Values only change (a number under a key that names a person becomes a text); structure, ids, times and
// the number of records stay. What was redacted, and every text that no row refers to, is overwritten, so that it is
// nowhere in the batch's bytes. Redacting twice changes nothing more. Immutable but for its counters: one serves all
// threads.
class Redactor {
 public:
  struct Options {
    Policy policy;
    // Keys for pseudonyms; without any, one that only this redactor knows.
    std::vector<PseudonymKey> keys;
    const base::Clock* clock = &base::Clock::System();
  };

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

  const detect::Scanner& scanner() const { return *scanner_; }
  const Policy& policy() const { return options_.policy; }
  const Pseudonyms& pseudonyms() const { return pseudonyms_; }
  RedactionCounts counts() const;

 private:
  template <typename Batch>
  void RedactRecords(Batch& batch, Signal signal) const;
  void Count(Signal signal, const std::array<uint64_t, detect::kDetectorCount>& counts) const;

  const Options options_;
  const Pseudonyms pseudonyms_;
  const std::unique_ptr<const detect::Scanner> scanner_;
  mutable std::array<std::array<std::atomic<uint64_t>, detect::kDetectorCount>, kSignalCount> counts_{};
};

}  // namespace clew::privacy
