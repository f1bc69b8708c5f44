// SPDX-License-Identifier: Apache-2.0
#include "clew/store/series_index.h"

#include <algorithm>
#include <iterator>
#include <mutex>
#include <optional>
#include <utility>

namespace clew::store {
namespace {

constexpr int64_t kSecondsPerDay = 86'400;

}  // namespace

model::StringId TenantSeries::Known(std::string_view text) const { return strings_.Find(text); }

model::StringId TenantSeries::ValueOf(const Entry& entry, model::StringId name) const {
  for (uint32_t i = 0; i < entry.label_count; ++i) {
    const model::LabelPair& label = labels_[entry.first_label + i];
    if (label.name == name) return label.value;
  }
  return 0;
}

bool TenantSeries::SameMetadata(const Entry& entry, const model::SeriesBatch& batch,
                                const model::SeriesRow& row) const {
  return entry.type == row.type && entry.temporality == row.temporality &&
         strings_.Get(entry.family) == batch.Text(row.family) && strings_.Get(entry.help) == batch.Text(row.help) &&
         strings_.Get(entry.unit) == batch.Text(row.unit);
}

bool TenantSeries::SameLabels(const Entry& entry, const model::SeriesBatch& batch, const model::SeriesRow& row) const {
  if (entry.label_count != row.labels.count) return false;
  for (uint32_t i = 0; i < entry.label_count; ++i) {
    const model::LabelPair& own = labels_[entry.first_label + i];
    const model::LabelPair& other = batch.labels[row.labels.first + i];
    if (strings_.Get(own.name) != batch.Text(other.name) || strings_.Get(own.value) != batch.Text(other.value)) {
      return false;
    }
  }
  return true;
}

void TenantSeries::SetMetadata(Entry& entry, const model::SeriesBatch& batch, const model::SeriesRow& row) {
  entry.family = strings_.Intern(batch.Text(row.family));
  entry.help = strings_.Intern(batch.Text(row.help));
  entry.unit = strings_.Intern(batch.Text(row.unit));
  entry.type = row.type;
  entry.temporality = row.temporality;
}

bool TenantSeries::NeedsRow(const model::SeriesBatch& batch, const model::SeriesRow& row, int64_t day) const {
  const auto found = by_id_.find(row.id);
  if (found == by_id_.end()) return true;
  const Entry& entry = entries_[found->second];
  return entry.arrival_seconds / kSecondsPerDay != day || !SameMetadata(entry, batch, row);
}

base::Status TenantSeries::Add(const model::SeriesBatch& batch, const model::SeriesRow& row, uint32_t arrival_seconds,
                               bool may_have_points) {
  const auto [found, is_new] = by_id_.try_emplace(row.id, static_cast<uint32_t>(entries_.size()));
  if (!is_new) {
    Entry& entry = entries_[found->second];
    if (!SameLabels(entry, batch, row)) {
      return base::Internal(
          "two series have the same id: the samples of the later one are kept under the labels of the "
          "earlier one");
    }
    if (arrival_seconds >= entry.arrival_seconds) {
      entry.arrival_seconds = arrival_seconds;
      if (!SameMetadata(entry, batch, row)) SetMetadata(entry, batch, row);
    }
    return {};
  }
  Entry entry;
  entry.id = row.id;
  entry.first_label = static_cast<uint32_t>(labels_.size());
  entry.label_count = row.labels.count;
  entry.arrival_seconds = arrival_seconds;
  entry.bounds.known = !may_have_points;
  SetMetadata(entry, batch, row);
  for (uint32_t i = 0; i < row.labels.count; ++i) {
    const model::LabelPair& label = batch.labels[row.labels.first + i];
    const model::LabelPair own{strings_.Intern(batch.Text(label.name)), strings_.Intern(batch.Text(label.value))};
    labels_.push_back(own);
    postings_[own.name][own.value].push_back(found->second);
  }
  entries_.push_back(entry);
  return {};
}

void TenantSeries::Cover(uint64_t id, const SeriesBounds& bounds) {
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) return;
  SeriesBounds& own = entries_[found->second].bounds;
  own.first = std::min(own.first, bounds.first);
  own.last = std::max(own.last, bounds.last);
  own.known = own.known || bounds.known;
}

TenantSeries TenantSeries::Without(const std::unordered_set<uint64_t>& ids) const {
  TenantSeries rest;
  for (const Entry& entry : entries_) {
    if (entry.label_count == 0 || ids.contains(entry.id)) {
      rest.entries_.emplace_back();
      continue;
    }
    model::SeriesBatch one;
    model::SeriesRow row;
    row.id = entry.id;
    row.labels = {0, entry.label_count};
    for (uint32_t i = 0; i < entry.label_count; ++i) {
      const model::LabelPair& label = labels_[entry.first_label + i];
      one.labels.push_back(
          {one.strings.Intern(strings_.Get(label.name)), one.strings.Intern(strings_.Get(label.value))});
    }
    row.family = one.strings.Intern(strings_.Get(entry.family));
    row.help = one.strings.Intern(strings_.Get(entry.help));
    row.unit = one.strings.Intern(strings_.Get(entry.unit));
    row.type = entry.type;
    row.temporality = entry.temporality;
    // Ids differ, since they did before.
    CLEW_CHECK(rest.Add(one, row, entry.arrival_seconds, !entry.bounds.known));
    rest.entries_.back().bounds = entry.bounds;
  }
  return rest;
}

// Rows whose value of the label matches; only for matchers that do not match the empty value.
TenantSeries::Rows TenantSeries::RowsOf(const LabelMatch& matcher) const {
  const auto values = postings_.find(Known(matcher.matcher().name));
  if (values == postings_.end()) return {};
  if (matcher.matcher().type == model::MatchType::kEqual) {
    const auto rows = values->second.find(Known(matcher.matcher().value));
    return rows == values->second.end() ? Rows() : rows->second;
  }
  Rows rows;
  for (const auto& [value, with_value] : values->second) {
    if (matcher.Matches(strings_.Get(value))) rows.insert(rows.end(), with_value.begin(), with_value.end());
  }
  // A series has one value of a label, so none comes twice.
  std::ranges::sort(rows);
  return rows;
}

base::Result<std::vector<SeriesMatch>> TenantSeries::Select(std::span<const model::LabelMatcher> matchers) const {
  CLEW_ASSIGN_OR_RETURN(const std::vector<LabelMatch> compiled, LabelMatch::CompileAll(matchers));
  std::optional<Rows> rows;
  // Equality first: it gives the shortest lists at the least cost.
  for (const bool equality : {true, false}) {
    for (const LabelMatch& matcher : compiled) {
      if (matcher.matches_empty() || (matcher.matcher().type == model::MatchType::kEqual) != equality) continue;
      Rows with_value = RowsOf(matcher);
      if (!rows) {
        rows = std::move(with_value);
        continue;
      }
      Rows both;
      std::ranges::set_intersection(*rows, with_value, std::back_inserter(both));
      rows = std::move(both);
    }
  }
  if (!rows) {
    rows.emplace(entries_.size());
    for (uint32_t row = 0; row < rows->size(); ++row) (*rows)[row] = row;
  }
  // A matcher that matches the empty value also takes series without the label: these are looked at one by one.
  for (const LabelMatch& matcher : compiled) {
    if (!matcher.matches_empty()) continue;
    const model::StringId name = Known(matcher.matcher().name);
    if (name == 0) continue;
    std::unordered_map<model::StringId, bool> verdicts;
    std::erase_if(*rows, [&](uint32_t row) {
      const model::StringId value = ValueOf(entries_[row], name);
      const auto [verdict, is_new] = verdicts.try_emplace(value, false);
      if (is_new) verdict->second = matcher.Matches(strings_.Get(value));
      return !verdict->second;
    });
  }
  std::vector<SeriesMatch> matches;
  matches.reserve(rows->size());
  for (const uint32_t row : *rows) {
    if (entries_[row].label_count > 0) matches.push_back({row, entries_[row].id, entries_[row].bounds});
  }
  return matches;
}

SeriesPtr TenantSeries::Get(uint32_t row) const {
  const Entry& entry = entries_[row];
  auto series = std::make_shared<Series>();
  series->id = entry.id;
  std::vector<model::Label> labels;
  labels.reserve(entry.label_count);
  for (uint32_t i = 0; i < entry.label_count; ++i) {
    const model::LabelPair& label = labels_[entry.first_label + i];
    labels.push_back({std::string(strings_.Get(label.name)), std::string(strings_.Get(label.value))});
  }
  series->labels = model::Labels(std::move(labels));
  series->family = strings_.Get(entry.family);
  series->help = strings_.Get(entry.help);
  series->unit = strings_.Get(entry.unit);
  series->type = entry.type;
  series->temporality = entry.temporality;
  return series;
}

void TenantSeries::VisitLabels(uint32_t row,
                               const std::function<void(std::string_view, std::string_view)>& visit) const {
  const Entry& entry = entries_[row];
  for (uint32_t i = 0; i < entry.label_count; ++i) {
    const model::LabelPair& label = labels_[entry.first_label + i];
    visit(strings_.Get(label.name), strings_.Get(label.value));
  }
}

std::string_view TenantSeries::LabelValue(uint32_t row, std::string_view name) const {
  const model::StringId id = Known(name);
  return id == 0 ? std::string_view() : strings_.Get(ValueOf(entries_[row], id));
}

void TenantSeries::VisitFamilies(const std::function<void(const FamilyMetadata&)>& visit) const {
  // Of series of one family that differ, the one seen last in the table speaks for it.
  std::unordered_map<model::StringId, const Entry*> families;
  for (const Entry& entry : entries_) {
    if (entry.label_count == 0) continue;
    const Entry*& chosen = families[entry.family];
    if (chosen == nullptr || entry.arrival_seconds >= chosen->arrival_seconds) chosen = &entry;
  }
  for (const auto& [family, entry] : families) {
    visit({std::string(strings_.Get(family)), entry->type, std::string(strings_.Get(entry->help)),
           std::string(strings_.Get(entry->unit))});
  }
}

SeriesIndex::Tenant& SeriesIndex::TenantOf(std::string_view name) const {
  {
    const std::shared_lock lock(mutex_);
    const auto found = tenants_.find(name);
    if (found != tenants_.end()) return *found->second;
  }
  const std::unique_lock lock(mutex_);
  auto& tenant = tenants_[std::string(name)];
  if (tenant == nullptr) tenant = std::make_unique<Tenant>();
  return *tenant;
}

void SeriesIndex::Read(std::string_view tenant, const std::function<void(const TenantSeries&)>& work) const {
  Tenant& own = TenantOf(tenant);
  const std::shared_lock lock(own.mutex);
  work(own.series);
}

void SeriesIndex::Write(std::string_view tenant, const std::function<void(TenantSeries&)>& work) {
  Tenant& own = TenantOf(tenant);
  const std::unique_lock lock(own.mutex);
  work(own.series);
}

}  // namespace clew::store
