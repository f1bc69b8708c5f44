// SPDX-License-Identifier: Apache-2.0
#include "clew/govern/scanner.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "clew/base/time.h"
#include "clew/privacy/value_redactor.h"
#include "clew/store/pending.h"
#include "clew/store/store_state.h"

namespace clew::govern {
namespace {

using Counts = std::map<std::string, uint64_t, std::less<>>;

// Counts what rules would change, by place.
class Finder {
 public:
  explicit Finder(std::shared_ptr<const privacy::RuleSet> rules)
      : rules_(std::move(rules)), redactor_(rules_, base::Clock::System().Now()) {}

  void Look(const store::StoredText& text) {
    // A key is a text like any other.
    const privacy::KeyFacts& facts = FactsOf(text.is_key ? std::string_view() : text.key);
    if (text.is_number && !redactor_.MayBeSomebodys(text.text, facts)) return;
    const privacy::TextRedactor::Counts before = redactor_.counts();
    if (!redactor_.Redact(text.text, facts, privacy::SqlDialectOf(text.db_system), redacted_)) return;
    const privacy::TextRedactor::Counts now = redactor_.counts();
    const std::string key = text.is_key ? redacted_ : KeyShown(text.key);
    Counts& counts = places_[{std::string(text.signal), std::string(text.service), std::string(text.column), key}];
    for (size_t i = 0; i < now.detectors.size(); ++i) {
      if (now.detectors[i] == before.detectors[i]) continue;
      counts[std::string(privacy::detect::DetectorName(static_cast<privacy::detect::Detector>(i)))] +=
          now.detectors[i] - before.detectors[i];
    }
    for (size_t i = 0; i < now.own.size(); ++i) {
      if (now.own[i] > before.own[i]) counts[rules_->policy().own_rules[i].name] += now.own[i] - before.own[i];
    }
  }

  std::vector<ScanFinding> Findings() const {
    std::vector<ScanFinding> findings;
    for (const auto& [place, counts] : places_) {
      for (const auto& [rule, count] : counts) {
        const auto& [signal, service, column, key] = place;
        findings.push_back({signal, service, column, key, rule, count});
      }
    }
    std::ranges::stable_sort(findings, std::greater(), &ScanFinding::count);
    return findings;
  }

 private:
  const privacy::KeyFacts& FactsOf(std::string_view key) {
    const auto known = facts_.find(std::string(key));
    if (known != facts_.end()) return known->second;
    return facts_.emplace(std::string(key), privacy::FactsOf(key, *rules_)).first->second;
  }
  std::string KeyShown(std::string_view key) {
    std::string shown;
    return redactor_.Redact(key, FactsOf({}), privacy::SqlDialect::kUnknown, shown) ? shown : std::string(key);
  }

  const std::shared_ptr<const privacy::RuleSet> rules_;
  privacy::ValueRedactor redactor_;
  std::unordered_map<std::string, privacy::KeyFacts> facts_;
  std::map<std::tuple<std::string, std::string, std::string, std::string>, Counts> places_;
  std::string redacted_;
};

}  // namespace

base::Result<ScanAnswer> Scan(store::Store& store, const model::RequestContext& context,
                              std::shared_ptr<const privacy::RuleSet> rules, std::string_view cursor, uint64_t rows) {
  for (const store::Signal signal : {store::Signal::kSpans, store::Signal::kLogs, store::Signal::kMetrics}) {
    store::Question question;
    question.signal = signal;
    CLEW_RETURN_IF_ERROR(store.state().FlushForReading(question, context));
  }
  Finder finder(std::move(rules));
  ScanAnswer answer;
  CLEW_ASSIGN_OR_RETURN(answer.step, store::StoredTexts(store, context)
                                         .Step(cursor, std::clamp<uint64_t>(rows, 1, kMostScanRows),
                                               [&](const store::StoredText& text) { finder.Look(text); }));
  answer.findings = finder.Findings();
  return answer;
}

}  // namespace clew::govern
