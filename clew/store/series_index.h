// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <shared_mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "clew/base/result.h"
#include "clew/model/labels.h"
#include "clew/model/series_batch.h"
#include "clew/model/strings.h"
#include "clew/store/label_match.h"
#include "clew/store/series_reader.h"
#include "clew/store/time_range.h"

namespace clew::store {

// First and last time of the points of a series. Not yet asked for after a start: not known; then they only cover what
// came since.
struct SeriesBounds {
  int64_t first = std::numeric_limits<int64_t>::max();
  int64_t last = std::numeric_limits<int64_t>::min();
  bool known = false;

  bool Overlaps(TimeRange range) const { return first < range.to && last >= range.from; }
  void Cover(int64_t time) {
    first = std::min(first, time);
    last = std::max(last, time);
  }
};

// Where a matching series stands in its tenant's index.
struct SeriesMatch {
  uint32_t row = 0;
  uint64_t id = 0;
  SeriesBounds bounds;
};

// The series of one tenant: labels by number, and for each label and value the series that have it. Not thread-safe.
class TenantSeries {
 public:
  // Whether table `series` still needs a row of it on this arrival day: it has none, or what is known of it changed.
  bool NeedsRow(const model::SeriesBatch& batch, const model::SeriesRow& row, int64_t day) const;
  // Adds a series or what changed of it. `may_have_points`: a new one may have points in the tables already, so that
  // its bounds are not known. INTERNAL where another series has the same id.
  base::Status Add(const model::SeriesBatch& batch, const model::SeriesRow& row, uint32_t arrival_seconds,
                   bool may_have_points);
  void Cover(uint64_t id, const SeriesBounds& bounds);
  // All but these ids, in memory of its own: nothing of them is left once this one is gone. Rows keep their numbers;
  // those of the ids hold nothing.
  TenantSeries Without(const std::unordered_set<uint64_t>& ids) const;

  base::Result<std::vector<SeriesMatch>> Select(std::span<const model::LabelMatcher> matchers) const;
  SeriesPtr Get(uint32_t row) const;
  // Calls `visit` with each label of a series.
  void VisitLabels(uint32_t row, const std::function<void(std::string_view name, std::string_view value)>& visit) const;
  // The value of one label, empty where it is missing.
  std::string_view LabelValue(uint32_t row, std::string_view name) const;
  // Calls `visit` once for each family, with a series of it.
  void VisitFamilies(const std::function<void(const FamilyMetadata&)>& visit) const;
  size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    uint64_t id = 0;
    uint32_t first_label = 0;
    uint32_t label_count = 0;  // 0: removed
    model::StringId family = 0;
    model::StringId help = 0;
    model::StringId unit = 0;
    uint32_t arrival_seconds = 0;  // of its newest row in the table
    model::FamilyType type = model::FamilyType::kUnknown;
    model::Temporality temporality = model::Temporality::kCumulative;
    SeriesBounds bounds;
  };
  // Series with one value of one label, in ascending order of rows.
  using Rows = std::vector<uint32_t>;
  using ValueRows = std::unordered_map<model::StringId, Rows>;

  bool SameMetadata(const Entry& entry, const model::SeriesBatch& batch, const model::SeriesRow& row) const;
  bool SameLabels(const Entry& entry, const model::SeriesBatch& batch, const model::SeriesRow& row) const;
  void SetMetadata(Entry& entry, const model::SeriesBatch& batch, const model::SeriesRow& row);
  Rows RowsOf(const LabelMatch& matcher) const;
  model::StringId ValueOf(const Entry& entry, model::StringId name) const;
  // The number of a text that stands in the index, else 0.
  model::StringId Known(std::string_view text) const;

  model::Strings strings_;
  std::vector<model::LabelPair> labels_;
  std::vector<Entry> entries_;
  std::unordered_map<uint64_t, uint32_t> by_id_;
  std::unordered_map<model::StringId, ValueRows> postings_;  // by label name
};

// The series of all tenants, mirrored in memory from table `series`: rebuilt at start, added to by the writer.
// Thread-safe.
class SeriesIndex {
 public:
  // Calls `work` with the tenant's series, shared with other readers or alone. A tenant that has none gets them.
  void Read(std::string_view tenant, const std::function<void(const TenantSeries&)>& work) const;
  void Write(std::string_view tenant, const std::function<void(TenantSeries&)>& work);

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  struct Tenant {
    mutable std::shared_mutex mutex;
    TenantSeries series;  // guarded by mutex
  };
  Tenant& TenantOf(std::string_view name) const;

  mutable std::shared_mutex mutex_;
  mutable std::unordered_map<std::string, std::unique_ptr<Tenant>, Hash, std::equal_to<>> tenants_;
};

}  // namespace clew::store
