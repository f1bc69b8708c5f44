// SPDX-License-Identifier: Apache-2.0
#include "clew/privacy/redactor.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "clew/model/labels.h"
#include "clew/privacy/detect/detector.h"
#include "clew/privacy/sql.h"
#include "clew/privacy/texts.h"
#include "clew/privacy/value_redactor.h"

namespace clew::privacy {
namespace {

using model::StringId;
using model::ValueKind;

// The texts of one batch while it is redacted. A redacted text gets an id of its own, since the same text may stand
// where it is no secret; each is worked out once for the keys that say the same of it.
class Texts {
 public:
  Texts(model::Strings& strings, std::shared_ptr<const RuleSet> rules, base::UnixNanos now)
      : strings_(strings), rules_(*rules), redactor_(std::move(rules), now) {
    facts_.emplace_back();
  }

  // A number for what a key says of its values; 0: nothing.
  uint32_t FactsOfKey(StringId key) {
    if (key >= of_keys_.size()) of_keys_.resize(strings_.size(), kUnknown);
    if (of_keys_[key] == kUnknown) {
      const KeyFacts facts = FactsOf(strings_.Get(key), rules_);
      const auto found = std::ranges::find(facts_, facts);
      of_keys_[key] = static_cast<uint32_t>(found - facts_.begin());
      if (found == facts_.end()) facts_.push_back(facts);
    }
    return of_keys_[key];
  }
  const KeyFacts& facts(uint32_t number) const { return facts_[number]; }

  StringId Redacted(StringId id, uint32_t facts, SqlDialect dialect = SqlDialect::kUnknown) {
    if (id == 0) return 0;
    if (id >= first_.size()) first_.resize(strings_.size());
    const uint32_t way = (facts << 8 | static_cast<uint32_t>(dialect)) + 1;
    if (first_[id].way == way) return first_[id].redacted;
    const bool is_first = first_[id].way == 0;
    if (!is_first) {
      if (const auto known = others_.find(uint64_t{id} << 32 | way); known != others_.end()) return known->second;
    }
    const StringId redacted =
        redactor_.Redact(strings_.Get(id), facts_[facts], dialect, text_) ? strings_.Intern(text_) : id;
    if (is_first) {
      first_[id] = {way, redacted};
    } else {
      others_.emplace(uint64_t{id} << 32 | way, redacted);
    }
    return redacted;
  }

  // A number under a key; empty where it may stay.
  StringId RedactedNumber(const std::string& number, uint32_t facts) {
    if (!redactor_.Redact(number, facts_[facts], SqlDialect::kUnknown, text_)) return 0;
    return text_.empty() ? strings_.Intern(detect::kRedacted) : strings_.Intern(text_);
  }

  bool MayBeSomebodys(std::string_view number, uint32_t facts) const {
    return redactor_.MayBeSomebodys(number, facts_[facts]);
  }

  std::string_view Get(StringId id) const { return strings_.Get(id); }
  const TextRedactor::Counts& counts() const { return redactor_.counts(); }

 private:
  static constexpr uint32_t kUnknown = UINT32_MAX;

  model::Strings& strings_;
  const RuleSet& rules_;
  ValueRedactor redactor_;
  std::vector<KeyFacts> facts_;
  std::vector<uint32_t> of_keys_;  // by key
  // By id, what it became in the way in which it was read first. Most texts are read in one way only; the other ways,
  // by id and way.
  struct Known {
    uint32_t way = 0;  // 0: it was not read
    StringId redacted = 0;
  };
  std::vector<Known> first_;
  std::unordered_map<uint64_t, StringId> others_;
  std::string text_;
};

// The attributes of one batch.
class AttributeRedaction {
 public:
  AttributeRedaction(model::BatchBase& batch, Texts& texts)
      : attributes_(batch.attributes),
        texts_(texts),
        done_rows_(batch.attributes.key_values.size()),
        done_values_(batch.attributes.values.size()) {}

  // The attributes of one record, among which others say how to read one.
  void Record(model::Range range) {
    for (uint32_t i = 0; i < range.count; ++i) {
      const size_t row = range.first + i;
      if (done_rows_[row] || Facts(row).reading != Reading::kSql) continue;
      Row(row, DialectAmong(range));
    }
  }

  // A value that has no key of its own, with all that it holds.
  void Value(model::Value& value) { Value(value, 0, SqlDialect::kUnknown, 0); }

  // All that belong to no record, and those of records that need no others. Rows and values that nothing refers to are
  // redacted like the rest.
  void Others() {
    // Holders stand behind what they hold, and say more of it than its own keys may.
    for (size_t row = attributes_.key_values.size(); row-- > 0;) {
      if (!done_rows_[row]) Row(row, SqlDialect::kUnknown);
    }
    for (size_t i = attributes_.values.size(); i-- > 0;) {
      if (!done_values_[i]) Value(attributes_.values[i]);
    }
  }

 private:
  const KeyFacts& Facts(size_t row) { return texts_.facts(texts_.FactsOfKey(attributes_.key_values[row].key)); }

  SqlDialect DialectAmong(model::Range range) const {
    for (const std::string_view key : {"db.system.name", "db.system"}) {
      for (uint32_t i = 0; i < range.count; ++i) {
        const model::KeyValue& row = attributes_.key_values[range.first + i];
        if (row.value.kind == ValueKind::kString && texts_.Get(row.key) == key) {
          return SqlDialectOf(texts_.Get(row.value.string_id()));
        }
      }
    }
    return SqlDialect::kUnknown;
  }

  void Row(size_t row, SqlDialect dialect) {
    done_rows_[row] = true;
    model::KeyValue& attribute = attributes_.key_values[row];
    Value(attribute.value, texts_.FactsOfKey(attribute.key), dialect, 0);
  }

  void Value(model::Value& value, uint32_t facts, SqlDialect dialect, int depth) {
    switch (value.kind) {
      case ValueKind::kString:
      case ValueKind::kBytes: value.payload = texts_.Redacted(value.string_id(), facts, dialect); break;
      case ValueKind::kInt: Number(value, std::to_string(static_cast<int64_t>(value.payload)), facts); break;
      case ValueKind::kDouble: Number(value, fmt::format("{}", std::bit_cast<double>(value.payload)), facts); break;
      case ValueKind::kArray:
        for (uint32_t i = 0; i < value.count && depth < model::kMaxValueDepth; ++i) {
          done_values_[value.range().first + i] = true;
          Value(attributes_.values[value.range().first + i], facts, dialect, depth + 1);
        }
        break;
      case ValueKind::kKeyValueList: List(value.range(), facts, depth); break;
      case ValueKind::kEmpty:
      case ValueKind::kBool: break;
    }
  }

  // The fields of a list have keys of their own, unless all of it is a secret.
  void List(model::Range range, uint32_t facts, int depth) {
    if (texts_.facts(facts).reading != Reading::kSecret || depth >= model::kMaxValueDepth) return;
    for (uint32_t i = 0; i < range.count; ++i) {
      done_rows_[range.first + i] = true;
      Value(attributes_.key_values[range.first + i].value, facts, SqlDialect::kUnknown, depth + 1);
    }
  }

  // A number that is somebody's becomes a text.
  void Number(model::Value& value, const std::string& written, uint32_t facts) {
    if (!texts_.MayBeSomebodys(written, facts)) return;
    if (const StringId id = texts_.RedactedNumber(written, facts)) value = model::Value::String(id);
  }

  model::Attributes& attributes_;
  Texts& texts_;
  std::vector<bool> done_rows_;
  std::vector<bool> done_values_;
};

// Overwrites what no row refers to: the texts that were redacted, and what a decoder or an agent left over.
template <typename Batch>
void WipeUnused(Batch& batch) {
  std::vector<bool> used(batch.strings.size());
  VisitTexts(batch, [&](StringId& id) { used[id] = true; });
  for (StringId id = 1; id < used.size(); ++id) {
    if (!used[id] && !batch.strings.Get(id).empty()) batch.strings.Replace(id, {});
  }
}

// The id of a series is made of its labels.
uint64_t IdOf(const model::SeriesBatch& batch, model::Range range) {
  std::vector<model::Label> labels;
  for (uint32_t i = 0; i < range.count; ++i) {
    const model::LabelPair& pair = batch.labels[range.first + i];
    labels.push_back({std::string(batch.Text(pair.name)), std::string(batch.Text(pair.value))});
  }
  return model::Labels(std::move(labels)).Id();
}

}  // namespace

std::string_view SignalName(Signal signal) {
  static constexpr std::array<std::string_view, kSignalCount> kNames = {"traces", "logs", "metrics"};
  return kNames[static_cast<size_t>(signal)];
}

Redactor::Redactor() : Redactor(Options{}) {}

Redactor::Redactor(Options options) : clock_(options.clock) {
  auto rules = RuleSet::Make(std::move(options.policy), std::move(options.keys));
  // The words are our own, and whoever gives rules has had them checked.
  CLEW_CHECK(rules.has_value());
  const base::MutexLock lock(mutex_);
  rules_ = *std::move(rules);
}

Redactor::~Redactor() = default;

std::shared_ptr<const RuleSet> Redactor::rules() const {
  const base::MutexLock lock(mutex_);
  return rules_;
}

base::Status Redactor::SetPolicy(Policy policy) {
  CLEW_ASSIGN_OR_RETURN(auto rules, RuleSet::Make(std::move(policy), this->rules()->pseudonyms().keys()));
  const base::MutexLock lock(mutex_);
  rules_ = std::move(rules);
  return {};
}

void Redactor::SetKeys(std::vector<PseudonymKey> keys) {
  auto rules = this->rules()->With(std::move(keys));
  const base::MutexLock lock(mutex_);
  rules_ = std::move(rules);
}

void Redactor::Count(Signal signal, const RuleSet& rules, const TextRedactor::Counts& counts) const {
  const auto own = static_cast<size_t>(signal);
  const base::MutexLock lock(mutex_);
  for (size_t i = 0; i < counts.detectors.size(); ++i) {
    if (counts.detectors[i] == 0) continue;
    counts_[std::string(detect::DetectorName(static_cast<detect::Detector>(i)))][own] += counts.detectors[i];
  }
  for (size_t i = 0; i < counts.own.size(); ++i) {
    if (counts.own[i] > 0) counts_[rules.policy().own_rules[i].name][own] += counts.own[i];
  }
}

RedactionCounts Redactor::counts() const {
  RedactionCounts counts;
  const base::MutexLock lock(mutex_);
  for (const auto& [rule, of_signals] : counts_) {
    for (size_t signal = 0; signal < kSignalCount; ++signal) {
      if (of_signals[signal] > 0) counts.push_back({rule, static_cast<Signal>(signal), of_signals[signal]});
    }
  }
  return counts;
}

template <typename Batch>
void Redactor::RedactRecords(Batch& batch, Signal signal) const {
  const auto rules = this->rules();
  Texts texts(batch.strings, rules, clock_->Now());
  AttributeRedaction attributes(batch, texts);
  if constexpr (requires { batch.attribute_range; }) {
    for (const model::Range range : batch.attribute_range) attributes.Record(range);
  }
  if constexpr (requires { batch.body; }) {
    for (model::Value& body : batch.body) attributes.Value(body);
  }
  attributes.Others();
  VisitNames(batch, [&](StringId& id) { id = texts.Redacted(id, 0); });
  WipeUnused(batch);
  Count(signal, *rules, texts.counts());
}

std::string Redactor::RedactValue(std::string_view key, std::string_view value) const {
  model::Strings strings;
  Texts texts(strings, rules(), clock_->Now());
  const uint32_t facts = texts.FactsOfKey(strings.Intern(key));
  return std::string(strings.Get(texts.Redacted(strings.Intern(value), facts)));
}

void Redactor::Redact(model::SpanBatch& batch) const { RedactRecords(batch, Signal::kTraces); }

void Redactor::Redact(model::LogBatch& batch) const { RedactRecords(batch, Signal::kLogs); }

void Redactor::Redact(model::MetricBatch& batch) const { RedactRecords(batch, Signal::kMetrics); }

void Redactor::Redact(model::SeriesBatch& batch) const {
  const auto rules = this->rules();
  Texts texts(batch.strings, rules, clock_->Now());
  std::vector<bool> changed(batch.labels.size());
  for (size_t row = 0; row < batch.labels.size(); ++row) {
    model::LabelPair& label = batch.labels[row];
    const model::LabelPair before = label;
    label.value = texts.Redacted(label.value, texts.FactsOfKey(label.name));
    label.name = texts.Redacted(label.name, 0);
    changed[row] = label.value != before.value || label.name != before.name;
  }
  VisitNames(batch, [&](StringId& id) { id = texts.Redacted(id, 0); });
  for (model::SeriesRow& series : batch.series) {
    const auto first = changed.begin() + series.labels.first;
    if (std::find(first, first + series.labels.count, true) != first + series.labels.count) {
      series.id = IdOf(batch, series.labels);
    }
  }
  WipeUnused(batch);
  Count(Signal::kMetrics, *rules, texts.counts());
}

}  // namespace clew::privacy
