// SPDX-License-Identifier: Apache-2.0
#include "clew/privacy/redactor.h"

#include <algorithm>
#include <array>
#include <unordered_map>
#include <vector>

#include "clew/model/labels.h"
#include "clew/privacy/sql.h"
#include "clew/privacy/texts.h"
#include "clew/privacy/url.h"

namespace clew::privacy {
namespace {

using model::StringId;

// What is done to the value of a key.
enum class Rule : uint8_t { kNotLookedUp, kNone, kSql, kUrl, kQuery };

// Keys of OpenTelemetry's semantic conventions, today's and earlier ones.
Rule RuleOf(std::string_view key) {
  static constexpr std::array<std::pair<std::string_view, Rule>, 9> kRules = {{
      {"db.query.text", Rule::kSql},
      {"db.statement", Rule::kSql},
      {"url.full", Rule::kUrl},
      {"url.original", Rule::kUrl},
      {"url.query", Rule::kQuery},
      {"http.url", Rule::kUrl},
      {"http.target", Rule::kUrl},
      {"http.request.header.referer", Rule::kUrl},
      {"http.response.header.location", Rule::kUrl},
  }};
  // As a label of a series a key has underscores.
  const auto same = [](char a, char b) { return a == b || (a == '_' && b == '.'); };
  for (const auto& [name, rule] : kRules) {
    if (std::ranges::equal(key, name, same)) return rule;
  }
  return Rule::kNone;
}

std::string Applied(Rule rule, SqlDialect dialect, std::string_view text) {
  switch (rule) {
    case Rule::kSql: return ReplaceSqlLiterals(text, dialect);
    case Rule::kUrl: return RedactUrl(text);
    case Rule::kQuery: return RedactQuery(text);
    case Rule::kNotLookedUp:
    case Rule::kNone: break;
  }
  return std::string(text);
}

// The texts of one batch while it is redacted. A redacted text gets an id of its own, since the same text may stand
// where it is no secret; each is worked out once.
class Texts {
 public:
  explicit Texts(model::Strings& strings) : strings_(strings) {}

  Rule RuleOfKey(StringId key) {
    if (key >= rules_.size()) rules_.resize(strings_.size(), Rule::kNotLookedUp);
    if (rules_[key] == Rule::kNotLookedUp) rules_[key] = RuleOf(strings_.Get(key));
    return rules_[key];
  }

  StringId Redacted(StringId id, Rule rule, SqlDialect dialect) {
    if (id == 0) return 0;
    const uint64_t key = uint64_t{id} << 16 | static_cast<uint64_t>(rule) << 8 | static_cast<uint64_t>(dialect);
    const auto [known, is_new] = known_.try_emplace(key, id);
    if (!is_new) return known->second;
    const std::string redacted = Applied(rule, dialect, strings_.Get(id));
    if (redacted != strings_.Get(id)) known->second = strings_.Intern(redacted);
    return known->second;
  }

  std::string_view Get(StringId id) const { return strings_.Get(id); }

 private:
  model::Strings& strings_;
  std::vector<Rule> rules_;  // by key
  std::unordered_map<uint64_t, StringId> known_;
};

// The attributes of one batch.
class AttributeRedaction {
 public:
  AttributeRedaction(model::BatchBase& batch, Texts& texts)
      : attributes_(batch.attributes), texts_(texts), done_(batch.attributes.key_values.size()) {}

  // The attributes of one record, among which others say how to read one.
  void Record(model::Range range) {
    for (uint32_t i = 0; i < range.count; ++i) {
      const size_t row = range.first + i;
      if (done_[row] || texts_.RuleOfKey(attributes_.key_values[row].key) != Rule::kSql) continue;
      Row(row, DialectAmong(range));
    }
  }

  // All that belong to no record, and those of records that need no others. Rows that nothing refers to are redacted
  // like the rest.
  void Others() {
    for (size_t row = 0; row < attributes_.key_values.size(); ++row) {
      if (!done_[row]) Row(row, SqlDialect::kUnknown);
    }
  }

 private:
  SqlDialect DialectAmong(model::Range range) const {
    for (const std::string_view key : {"db.system.name", "db.system"}) {
      for (uint32_t i = 0; i < range.count; ++i) {
        const model::KeyValue& row = attributes_.key_values[range.first + i];
        if (row.value.kind == model::ValueKind::kString && texts_.Get(row.key) == key) {
          return SqlDialectOf(texts_.Get(row.value.string_id()));
        }
      }
    }
    return SqlDialect::kUnknown;
  }

  void Row(size_t row, SqlDialect dialect) {
    model::KeyValue& attribute = attributes_.key_values[row];
    const Rule rule = texts_.RuleOfKey(attribute.key);
    if (rule != Rule::kNone) Value(attribute.value, rule, dialect, 0);
    done_[row] = true;
  }

  // A text, or the texts of an array; the values of a list have keys of their own.
  void Value(model::Value& value, Rule rule, SqlDialect dialect, int depth) {
    if (value.kind == model::ValueKind::kString) {
      value.payload = texts_.Redacted(value.string_id(), rule, dialect);
    } else if (value.kind == model::ValueKind::kArray && depth < model::kMaxValueDepth) {
      for (uint32_t i = 0; i < value.count; ++i) {
        Value(attributes_.values[value.range().first + i], rule, dialect, depth + 1);
      }
    }
  }

  model::Attributes& attributes_;
  Texts& texts_;
  std::vector<bool> done_;  // by row
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

template <typename Batch>
void RedactRecords(Batch& batch) {
  Texts texts(batch.strings);
  AttributeRedaction attributes(batch, texts);
  for (const model::Range range : batch.attribute_range) attributes.Record(range);
  attributes.Others();
  WipeUnused(batch);
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

void Redactor::Redact(model::SpanBatch& batch) const { RedactRecords(batch); }

void Redactor::Redact(model::LogBatch& batch) const { RedactRecords(batch); }

void Redactor::Redact(model::MetricBatch& batch) const {
  Texts texts(batch.strings);
  AttributeRedaction(batch, texts).Others();
  WipeUnused(batch);
}

void Redactor::Redact(model::SeriesBatch& batch) const {
  Texts texts(batch.strings);
  std::vector<bool> changed(batch.labels.size());
  for (size_t row = 0; row < batch.labels.size(); ++row) {
    model::LabelPair& label = batch.labels[row];
    const Rule rule = texts.RuleOfKey(label.name);
    if (rule == Rule::kNone) continue;
    const StringId redacted = texts.Redacted(label.value, rule, SqlDialect::kUnknown);
    changed[row] = redacted != label.value;
    label.value = redacted;
  }
  for (model::SeriesRow& series : batch.series) {
    const auto first = changed.begin() + series.labels.first;
    if (std::find(first, first + series.labels.count, true) != first + series.labels.count) {
      series.id = IdOf(batch, series.labels);
    }
  }
  WipeUnused(batch);
}

}  // namespace clew::privacy
