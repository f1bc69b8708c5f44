// SPDX-License-Identifier: Apache-2.0
#include "clew/store/schema.h"

#include <fmt/format.h>

#include <array>
#include <span>
#include <string_view>

#include "clew/base/log.h"

namespace clew::store {
namespace {

// What all tables of rows have in common. Parts are synced before an INSERT returns and before a merge replaces its
// sources, since the write-ahead log is deleted on the strength of it. Small parts keep all columns in one file.
#define CLEW_TABLE_SETTINGS                                                                                    \
  "non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1, "             \
  "min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1, old_parts_lifetime = 1, " \
  "min_bytes_for_wide_part = 268435456"

// What several tables have alike; each ends where another column may follow.
#define CLEW_RECORD_HEAD                           \
  "tenant LowCardinality(String) CODEC(ZSTD(1)), " \
  "arrived DateTime('UTC') CODEC(ZSTD(1)), "       \
  "service_name LowCardinality(String) CODEC(ZSTD(1)), "
#define CLEW_SENDER_HEAD                                   \
  "tenant LowCardinality(String) CODEC(ZSTD(1)), "         \
  "id UInt64 COMMENT 'hash of all below' CODEC(ZSTD(1)), " \
  "arrived DateTime('UTC') CODEC(ZSTD(1)), "
#define CLEW_ATTRIBUTES                                             \
  "attributes Map(LowCardinality(String), String) CODEC(ZSTD(1)), " \
  "attribute_kinds LowCardinality(String) CODEC(ZSTD(1)), "         \
  "attribute_extra String CODEC(ZSTD(1)), "                         \
  "dropped_attributes_count UInt32 CODEC(ZSTD(1)), "
#define CLEW_SENDER_AND_ATTRIBUTES                             \
  "resource_id UInt64 COMMENT 'resources.id' CODEC(ZSTD(1)), " \
  "scope_id UInt64 COMMENT 'scopes.id' CODEC(ZSTD(1)), " CLEW_ATTRIBUTES
#define CLEW_RECORD_INDEXES                                                            \
  "INDEX by_trace trace_id TYPE bloom_filter(0.001) GRANULARITY 1, "                   \
  "INDEX by_attribute_key mapKeys(attributes) TYPE bloom_filter(0.01) GRANULARITY 1, " \
  "INDEX by_attribute_value mapValues(attributes) TYPE bloom_filter(0.01) GRANULARITY 1"
#define CLEW_POINT_KEY                                    \
  "tenant LowCardinality(String) CODEC(ZSTD(1)), "        \
  "series_id UInt64 COMMENT 'series.id' CODEC(ZSTD(1)), " \
  "time Int64 COMMENT 'Unix nanoseconds' CODEC(DoubleDelta, ZSTD(1)), "
// Ends the statement.
#define CLEW_POINT_TABLE                                \
  "arrived DateTime('UTC') CODEC(DoubleDelta, ZSTD(1))" \
  ") ENGINE = MergeTree PARTITION BY toDate(arrived) ORDER BY (tenant, series_id, time) SETTINGS " CLEW_TABLE_SETTINGS

// Span ids are random, so no codec makes them smaller. Trace ids repeat within a second: their blocks are large enough
// to hold one.
constexpr std::string_view kSpans = R"(
CREATE TABLE IF NOT EXISTS spans (
)" CLEW_RECORD_HEAD R"(  name LowCardinality(String) CODEC(ZSTD(1)),
  kind UInt8 CODEC(ZSTD(1)),
  start_time UInt64 COMMENT 'Unix nanoseconds' CODEC(Delta, ZSTD(1)),
  duration Int64 COMMENT 'nanoseconds, end minus start' CODEC(ZSTD(1)),
  status_code UInt8 CODEC(ZSTD(1)),
  status_message LowCardinality(String) CODEC(ZSTD(1)),
  trace_id FixedString(16) CODEC(ZSTD(1)) SETTINGS (min_compress_block_size = 262144, max_compress_block_size = 1048576),
  span_id FixedString(8) CODEC(NONE),
  parent_span_id FixedString(8) CODEC(ZSTD(1)),
  trace_state String CODEC(ZSTD(1)),
  flags UInt32 CODEC(ZSTD(1)),
  peer_kind UInt8 COMMENT 'of what a client called: 1 database, 2 messaging, 3 anything else' CODEC(ZSTD(1)),
  peer_name LowCardinality(String) CODEC(ZSTD(1)),
)" CLEW_SENDER_AND_ATTRIBUTES R"(  dropped_events_count UInt32 CODEC(ZSTD(1)),
  dropped_links_count UInt32 CODEC(ZSTD(1)),
  `events.time` Array(UInt64) CODEC(ZSTD(1)),
  `events.name` Array(LowCardinality(String)) CODEC(ZSTD(1)),
  `events.attributes` Array(Map(LowCardinality(String), String)) CODEC(ZSTD(1)),
  `events.attribute_kinds` Array(LowCardinality(String)) CODEC(ZSTD(1)),
  `events.attribute_extra` Array(String) CODEC(ZSTD(1)),
  `events.dropped_attributes_count` Array(UInt32) CODEC(ZSTD(1)),
  `links.trace_id` Array(FixedString(16)) CODEC(ZSTD(1)),
  `links.span_id` Array(FixedString(8)) CODEC(ZSTD(1)),
  `links.trace_state` Array(String) CODEC(ZSTD(1)),
  `links.flags` Array(UInt32) CODEC(ZSTD(1)),
  `links.attributes` Array(Map(LowCardinality(String), String)) CODEC(ZSTD(1)),
  `links.attribute_kinds` Array(LowCardinality(String)) CODEC(ZSTD(1)),
  `links.attribute_extra` Array(String) CODEC(ZSTD(1)),
  `links.dropped_attributes_count` Array(UInt32) CODEC(ZSTD(1)),
)" CLEW_RECORD_INDEXES R"(
) ENGINE = MergeTree PARTITION BY toDate(arrived)
ORDER BY (tenant, intDiv(start_time, 1000000000), service_name, name, start_time)
SETTINGS index_granularity = 4096, )" CLEW_TABLE_SETTINGS;

constexpr std::string_view kLogs =
    R"(
CREATE TABLE IF NOT EXISTS logs (
)" CLEW_RECORD_HEAD
    R"(  time UInt64 COMMENT 'Unix nanoseconds: of the record, else when observed, else arrival' CODEC(Delta, ZSTD(1)),
  time_unknown UInt8 COMMENT '1: the record had no time of its own' CODEC(ZSTD(1)),
  observed_delay Int64 COMMENT 'nanoseconds, observed time minus time' CODEC(ZSTD(1)),
  severity_number UInt8 CODEC(ZSTD(1)),
  severity_text LowCardinality(String) CODEC(ZSTD(1)),
  body String CODEC(ZSTD(1)),
  body_kind LowCardinality(String) CODEC(ZSTD(1)),
  body_extra String CODEC(ZSTD(1)),
  trace_id FixedString(16) CODEC(ZSTD(1)),
  span_id FixedString(8) CODEC(ZSTD(1)),
  flags UInt32 CODEC(ZSTD(1)),
  event_name LowCardinality(String) CODEC(ZSTD(1)),
)" CLEW_SENDER_AND_ATTRIBUTES R"()" CLEW_RECORD_INDEXES R"(,
  INDEX by_body_token body TYPE tokenbf_v1(16384, 3, 0) GRANULARITY 1
) ENGINE = MergeTree PARTITION BY toDate(arrived)
ORDER BY (tenant, intDiv(time, 1000000000), service_name, time)
SETTINGS index_granularity = 4096, )" CLEW_TABLE_SETTINGS;

// Side tables: a row is written again on each arrival day that needs it, so that it goes away with the rows it
// describes.
constexpr std::string_view kResources = R"(
CREATE TABLE IF NOT EXISTS resources (
)" CLEW_SENDER_HEAD R"(  service_name LowCardinality(String) CODEC(ZSTD(1)),
)" CLEW_ATTRIBUTES R"(  schema_url LowCardinality(String) CODEC(ZSTD(1))
) ENGINE = ReplacingMergeTree PARTITION BY toDate(arrived) ORDER BY (tenant, id)
SETTINGS )" CLEW_TABLE_SETTINGS;

constexpr std::string_view kScopes = R"(
CREATE TABLE IF NOT EXISTS scopes (
)" CLEW_SENDER_HEAD R"(  name LowCardinality(String) CODEC(ZSTD(1)),
  version LowCardinality(String) CODEC(ZSTD(1)),
)" CLEW_ATTRIBUTES R"(  schema_url LowCardinality(String) CODEC(ZSTD(1))
) ENGINE = ReplacingMergeTree PARTITION BY toDate(arrived) ORDER BY (tenant, id)
SETTINGS )" CLEW_TABLE_SETTINGS;

constexpr std::string_view kSeries = R"(
CREATE TABLE IF NOT EXISTS series (
  tenant LowCardinality(String) CODEC(ZSTD(1)),
  id UInt64 COMMENT 'hash of the sorted labels' CODEC(ZSTD(1)),
  arrived DateTime('UTC') CODEC(ZSTD(1)),
  name LowCardinality(String) COMMENT 'label __name__' CODEC(ZSTD(1)),
  labels Map(LowCardinality(String), String) CODEC(ZSTD(1)),
  family LowCardinality(String) CODEC(ZSTD(1)),
  help LowCardinality(String) CODEC(ZSTD(1)),
  unit LowCardinality(String) CODEC(ZSTD(1)),
  type UInt8 CODEC(ZSTD(1)),
  temporality UInt8 CODEC(ZSTD(1))
) ENGINE = ReplacingMergeTree(arrived) PARTITION BY toDate(arrived) ORDER BY (tenant, id)
SETTINGS )" CLEW_TABLE_SETTINGS;

constexpr std::string_view kSamples = R"(
CREATE TABLE IF NOT EXISTS samples (
)" CLEW_POINT_KEY R"(  start_time Int64 COMMENT 'Unix nanoseconds, 0: not known' CODEC(ZSTD(1)),
  value Float64 CODEC(Gorilla, ZSTD(1)),
)" CLEW_POINT_TABLE;

constexpr std::string_view kHistograms = R"(
CREATE TABLE IF NOT EXISTS histograms (
)" CLEW_POINT_KEY R"(  start_time Int64 COMMENT 'Unix nanoseconds, 0: not known' CODEC(ZSTD(1)),
  count Float64 CODEC(Gorilla, ZSTD(1)),
  sum Float64 CODEC(Gorilla, ZSTD(1)),
  min Float64 COMMENT 'NaN: not known' CODEC(Gorilla, ZSTD(1)),
  max Float64 CODEC(Gorilla, ZSTD(1)),
  zero_count Float64 CODEC(Gorilla, ZSTD(1)),
  zero_threshold Float64 CODEC(ZSTD(1)),
  schema Int32 COMMENT '-53: custom bounds' CODEC(ZSTD(1)),
  positive_indexes Array(Int32) CODEC(ZSTD(1)),
  positive_counts Array(Float64) CODEC(ZSTD(1)),
  negative_indexes Array(Int32) CODEC(ZSTD(1)),
  negative_counts Array(Float64) CODEC(ZSTD(1)),
  custom_bounds Array(Float64) CODEC(ZSTD(1)),
)" CLEW_POINT_TABLE;

constexpr std::string_view kExemplars = R"(
CREATE TABLE IF NOT EXISTS exemplars (
)" CLEW_POINT_KEY R"(  value Float64 CODEC(ZSTD(1)),
  trace_id FixedString(16) CODEC(ZSTD(1)),
  span_id FixedString(8) CODEC(ZSTD(1)),
  labels Map(LowCardinality(String), String) CODEC(ZSTD(1)),
)" CLEW_POINT_TABLE;

// OTLP's flags of a sample or histogram, only where they are not 0.
constexpr std::string_view kPointFlags = R"(
CREATE TABLE IF NOT EXISTS point_flags (
)" CLEW_POINT_KEY R"(  flags UInt32 CODEC(ZSTD(1)),
)" CLEW_POINT_TABLE;

// A row counts where rollup_windows names its minute of arrival and attempt (rollup.h). Of a duration b in `durations`
// stands for at most 2^(b/4) nanoseconds and more than 2^((b-1)/4).
constexpr std::string_view kSpanRollups = R"(
CREATE TABLE IF NOT EXISTS span_rollups (
  tenant LowCardinality(String) CODEC(ZSTD(1)),
  arrived DateTime('UTC') COMMENT 'minute of arrival' CODEC(ZSTD(1)),
  attempt UInt64 CODEC(ZSTD(1)),
  minute UInt32 COMMENT 'minutes since 1970 of the start' CODEC(ZSTD(1)),
  service_name LowCardinality(String) CODEC(ZSTD(1)),
  name LowCardinality(String) CODEC(ZSTD(1)),
  kind UInt8 CODEC(ZSTD(1)),
  status_code UInt8 CODEC(ZSTD(1)),
  calls UInt64 CODEC(ZSTD(1)),
  duration_sum Float64 COMMENT 'nanoseconds' CODEC(ZSTD(1)),
  own_sum Float64 COMMENT 'the same without what the children took' CODEC(ZSTD(1)),
  durations Map(Int16, UInt64) CODEC(ZSTD(1)),
  exemplar_trace_id FixedString(16) COMMENT 'of the slowest' CODEC(ZSTD(1)),
  exemplar_span_id FixedString(8) CODEC(ZSTD(1)),
  exemplar_time UInt64 CODEC(ZSTD(1)),
  exemplar_duration Int64 CODEC(ZSTD(1))
) ENGINE = MergeTree PARTITION BY toDate(arrived) ORDER BY (tenant, minute, service_name, name, kind, status_code)
SETTINGS )" CLEW_TABLE_SETTINGS;

constexpr std::string_view kEdgeRollups = R"(
CREATE TABLE IF NOT EXISTS edge_rollups (
  tenant LowCardinality(String) CODEC(ZSTD(1)),
  arrived DateTime('UTC') COMMENT 'minute of arrival' CODEC(ZSTD(1)),
  attempt UInt64 CODEC(ZSTD(1)),
  minute UInt32 COMMENT 'minutes since 1970 of the start' CODEC(ZSTD(1)),
  client LowCardinality(String) CODEC(ZSTD(1)),
  client_name LowCardinality(String) COMMENT 'span that called' CODEC(ZSTD(1)),
  server LowCardinality(String) CODEC(ZSTD(1)),
  server_name LowCardinality(String) COMMENT 'span that answered' CODEC(ZSTD(1)),
  server_kind UInt8 COMMENT '0 service, 1 database, 2 messaging, 3 anything else' CODEC(ZSTD(1)),
  address LowCardinality(String) COMMENT 'that the client named' CODEC(ZSTD(1)),
  calls UInt64 CODEC(ZSTD(1)),
  errors UInt64 CODEC(ZSTD(1)),
  duration_sum Float64 COMMENT 'nanoseconds' CODEC(ZSTD(1)),
  hops UInt64 COMMENT 'calls whose way over the network is known' CODEC(ZSTD(1)),
  hop_sum Float64 COMMENT 'nanoseconds that they spent there' CODEC(ZSTD(1)),
  durations Map(Int16, UInt64) CODEC(ZSTD(1))
) ENGINE = MergeTree PARTITION BY toDate(arrived) ORDER BY (tenant, minute, client, server, client_name, server_name)
SETTINGS )" CLEW_TABLE_SETTINGS;

constexpr std::string_view kRollupWindows = R"(
CREATE TABLE IF NOT EXISTS rollup_windows (
  arrived DateTime('UTC'),
  attempt UInt64 COMMENT 'whose rows count',
  version UInt64,
  is_stale UInt8 COMMENT '1: to be made again'
) ENGINE = ReplacingMergeTree(version) PARTITION BY toDate(arrived) ORDER BY arrived
SETTINGS )" CLEW_TABLE_SETTINGS;

// Rollups read the spans of a minute of arrival. Parts that are there already get the index behind.
constexpr std::string_view kIndexArrival =
    "ALTER TABLE spans ADD INDEX IF NOT EXISTS by_arrival arrived TYPE minmax GRANULARITY 1";
constexpr std::string_view kFillIndex = "ALTER TABLE spans MATERIALIZE INDEX by_arrival";

// Every state of an incident is a row; the one written last counts.
constexpr std::string_view kIncidents = R"(
CREATE TABLE IF NOT EXISTS incidents (
  tenant LowCardinality(String) CODEC(ZSTD(1)),
  id String,
  written Int64 COMMENT 'Unix nanoseconds',
  onset Int64,
  opened Int64,
  closed Int64 COMMENT '0: it lasts',
  service LowCardinality(String),
  kind LowCardinality(String),
  summary String CODEC(ZSTD(1)),
  answer String COMMENT 'JSON, as /api/clew/why gives it' CODEC(ZSTD(1))
) ENGINE = ReplacingMergeTree(written) ORDER BY (tenant, id)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1)";

// A row counts as those of span_rollups do.
constexpr std::string_view kLogTemplateCounts = R"(
CREATE TABLE IF NOT EXISTS log_template_counts (
  tenant LowCardinality(String) CODEC(ZSTD(1)),
  arrived DateTime('UTC') COMMENT 'minute of arrival' CODEC(ZSTD(1)),
  attempt UInt64 CODEC(ZSTD(1)),
  minute UInt32 COMMENT 'minutes since 1970 of the records' CODEC(ZSTD(1)),
  service_name LowCardinality(String) CODEC(ZSTD(1)),
  severity_number UInt8 CODEC(ZSTD(1)),
  template_id UInt64 COMMENT 'hash of the text' CODEC(ZSTD(1)),
  template LowCardinality(String) COMMENT 'text, variable places as <*>' CODEC(ZSTD(1)),
  records UInt64 CODEC(ZSTD(1)),
  first_time UInt64 COMMENT 'Unix nanoseconds' CODEC(ZSTD(1)),
  last_time UInt64 CODEC(ZSTD(1)),
  example String CODEC(ZSTD(1)),
  example_trace_id FixedString(16) CODEC(ZSTD(1))
) ENGINE = MergeTree PARTITION BY toDate(arrived) ORDER BY (tenant, minute, service_name, template_id)
SETTINGS )" CLEW_TABLE_SETTINGS;

// A template that became more general has the later id; what was counted under the earlier one belongs to it.
constexpr std::string_view kLogTemplateAliases = R"(
CREATE TABLE IF NOT EXISTS log_template_aliases (
  tenant LowCardinality(String) CODEC(ZSTD(1)),
  arrived DateTime('UTC') COMMENT 'minute of arrival of the line that made it so' CODEC(ZSTD(1)),
  service_name LowCardinality(String) CODEC(ZSTD(1)),
  id UInt64 CODEC(ZSTD(1)),
  replaced_by UInt64 CODEC(ZSTD(1)),
  template LowCardinality(String) COMMENT 'text of replaced_by' CODEC(ZSTD(1))
) ENGINE = ReplacingMergeTree(arrived) PARTITION BY toDate(arrived) ORDER BY (tenant, service_name, id, replaced_by)
SETTINGS )" CLEW_TABLE_SETTINGS;

constexpr std::string_view kIndexLogArrival =
    "ALTER TABLE logs ADD INDEX IF NOT EXISTS by_arrival arrived TYPE minmax GRANULARITY 1";
constexpr std::string_view kFillLogIndex = "ALTER TABLE logs MATERIALIZE INDEX by_arrival";
// The keys of attributes are few and in nearly every granule: their index skipped next to nothing and cost an eighth of
// an INSERT (docs/adr/0032-cost-of-spans.md). Parts that are there are read as they are and become smaller as they are
// merged.
constexpr std::string_view kDropSpanKeyIndex = "ALTER TABLE spans DROP INDEX IF EXISTS by_attribute_key";
constexpr std::string_view kDropLogKeyIndex = "ALTER TABLE logs DROP INDEX IF EXISTS by_attribute_key";
// A row is rewritten once for each tenfold of rows instead of each fivefold.
constexpr std::string_view kMergeSpansLater = "ALTER TABLE spans MODIFY SETTING min_parts_to_merge_at_once = 10";
constexpr std::string_view kMergeLogsLater = "ALTER TABLE logs MODIFY SETTING min_parts_to_merge_at_once = 10";
constexpr std::string_view kCodecsOfSpans =
    "ALTER TABLE spans MODIFY COLUMN start_time UInt64 CODEC(Delta, T64('bit'), ZSTD(1)), "
    "MODIFY COLUMN duration Int64 CODEC(T64('bit'), ZSTD(1)), "
    "MODIFY COLUMN attributes Map(LowCardinality(String), String) CODEC(ZSTD(3))";

// What erasing a person is about to remove: rows by hash, so that nothing of the person is in it. A partition an act.
constexpr std::string_view kErasing = R"(
CREATE TABLE IF NOT EXISTS erasing (
  act String,
  place LowCardinality(String) COMMENT 'table',
  key UInt64 COMMENT 'hash of the whole row',
  near UInt64 COMMENT 'what is compared before rows are hashed',
  rows UInt64
) ENGINE = MergeTree PARTITION BY act ORDER BY (place, key)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, old_parts_lifetime = 1)";

// Every state of an erasure is a row; the one written last counts. They stay.
constexpr std::string_view kErasures = R"(
CREATE TABLE IF NOT EXISTS erasures (
  tenant LowCardinality(String),
  id String,
  written Int64 COMMENT 'Unix nanoseconds',
  started Int64,
  finished Int64 COMMENT '0: not yet',
  who String,
  digest String COMMENT 'HMAC of the identifiers',
  identifiers UInt32,
  state LowCardinality(String),
  rows Map(LowCardinality(String), UInt64) COMMENT 'by table',
  note String
) ENGINE = ReplacingMergeTree(written) ORDER BY (tenant, id)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, old_parts_lifetime = 1)";

// As all other tables have it: what was replaced is gone from disk at once.
constexpr std::string_view kIncidentParts = "ALTER TABLE incidents MODIFY SETTING old_parts_lifetime = 1";

constexpr std::string_view kVersions = R"(
CREATE TABLE IF NOT EXISTS schema_versions (
  version UInt32,
  applied DateTime('UTC') DEFAULT now()
) ENGINE = MergeTree ORDER BY version
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1)";

// Rows before what they name.
constexpr std::array<std::string_view, 14> kDatedTables = {"spans",
                                                           "logs",
                                                           "samples",
                                                           "histograms",
                                                           "exemplars",
                                                           "point_flags",
                                                           "span_rollups",
                                                           "edge_rollups",
                                                           "log_template_counts",
                                                           "log_template_aliases",
                                                           "rollup_windows",
                                                           "resources",
                                                           "scopes",
                                                           "series"};

constexpr std::array kVersion1 = {kSpans,   kLogs,       kResources, kScopes,    kSeries,
                                  kSamples, kHistograms, kExemplars, kPointFlags};
constexpr std::array kVersion2 = {kSpanRollups, kEdgeRollups, kRollupWindows, kIndexArrival, kFillIndex};
constexpr std::array kVersion3 = {kIncidents};
constexpr std::array kVersion4 = {kLogTemplateCounts, kLogTemplateAliases, kIndexLogArrival,
                                  kFillLogIndex,      kDropSpanKeyIndex,   kDropLogKeyIndex,
                                  kCodecsOfSpans,     kMergeSpansLater,    kMergeLogsLater};
constexpr std::array kVersion5 = {kErasing, kErasures, kIncidentParts};
// By version, from 1 on. Every statement may be run again, since a crash can fall between it and the version's row.
constexpr std::array<std::span<const std::string_view>, kSchemaVersion> kMigrations = {kVersion1, kVersion2, kVersion3,
                                                                                       kVersion4, kVersion5};

base::Result<uint32_t> CurrentVersion(engine::Engine& engine) {
  uint32_t version = 0;
  CLEW_RETURN_IF_ERROR(
      engine.Query("SELECT max(version) FROM schema_versions", {}, {}, [&](const engine::Block& block) -> base::Status {
        version = block[0].At<uint32_t>(0);
        return {};
      }));
  return version;
}

}  // namespace

std::span<const std::string_view> DatedTables() { return kDatedTables; }

base::Status MigrateSchema(engine::Engine& engine, uint32_t target) {
  CLEW_RETURN_IF_ERROR(engine.Execute(kVersions, {}, {}));
  CLEW_ASSIGN_OR_RETURN(const uint32_t version, CurrentVersion(engine));
  if (version > kSchemaVersion) {
    return base::Fail(base::Code::kFailedPrecondition,
                      fmt::format("the data folder was written by a newer Clew (its schema is version {}, this program "
                                  "knows {}): run that version, or name another folder",
                                  version, kSchemaVersion));
  }
  for (uint32_t next = version + 1; next <= target; ++next) {
    for (const std::string_view statement : kMigrations[next - 1]) {
      CLEW_RETURN_IF_ERROR(engine.Execute(statement, {}, {}));
    }
    CLEW_RETURN_IF_ERROR(engine.Execute("INSERT INTO schema_versions (version) SELECT {version:UInt32}",
                                        engine::Parameters().Uint("version", next), {}));
    if (version > 0) base::LogInfo("store: brought the data folder to schema version {}", next);
  }
  return {};
}

}  // namespace clew::store
