// SPDX-License-Identifier: Apache-2.0
#include "clew/store/person_data.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <span>
#include <string_view>
#include <thread>
#include <unordered_set>
#include <utility>

#include "clew/base/log.h"
#include "clew/engine/native_type.h"
#include "clew/store/incident_table.h"
#include "clew/store/sender_directory.h"
#include "clew/store/sender_writer.h"
#include "clew/store/sql.h"
#include "clew/store/store_state.h"

namespace clew::store {
namespace {

// multiSearchAny takes at most 255.
constexpr size_t kNeedlesAtOnce = 250;
constexpr std::chrono::milliseconds kPoll{100};
constexpr int64_t kSecondsPerDay = 86'400;

std::string_view FirstOf(std::span<const std::string> names, std::initializer_list<std::string_view> wanted) {
  for (const std::string_view name : wanted) {
    if (std::ranges::find(names, name) != names.end()) return name;
  }
  return {};
}

size_t ChunksOf(const std::vector<std::string>& texts) { return (texts.size() + kNeedlesAtOnce - 1) / kNeedlesAtOnce; }

// Whether a needle stands in the text that `sql` names.
std::string InText(const PersonNeedles& needles, std::string_view sql) {
  std::string condition;
  for (size_t i = 0; i < ChunksOf(needles.exact); ++i) {
    condition += fmt::format("{}multiSearchAny({}, {{exact{}:Array(String)}})", i == 0 ? "" : " OR ", sql, i);
  }
  for (size_t i = 0; i < ChunksOf(needles.words); ++i) {
    condition += fmt::format(
        "{}(multiSearchAnyCaseInsensitive({}, {{words{}:Array(String)}}) AND match({}, {{words_regex:String}}))",
        condition.empty() ? "" : " OR ", sql, i, sql);
  }
  return condition.empty() ? "0" : "(" + condition + ")";
}

// The same of a column of any type; empty where it holds no text.
std::string InColumn(const PersonNeedles& needles, const engine::Type& type, const std::string& sql, int depth) {
  using enum engine::TypeKind;
  const std::string element = fmt::format("v{}", depth);
  switch (type.kind) {
    case kString: return InText(needles, sql);
    case kLowCardinality:
    case kNullable: return InColumn(needles, type.arguments[0], sql, depth);
    case kArray: {
      const std::string inner = InColumn(needles, type.arguments[0], element, depth + 1);
      return inner.empty() ? inner : fmt::format("arrayExists({} -> {}, {})", element, inner, sql);
    }
    case kMap: {
      std::string condition;
      for (const auto& [argument, function] : {std::pair(0, "mapKeys"), {1, "mapValues"}}) {
        const std::string inner = InColumn(needles, type.arguments[argument], element, depth + 1);
        if (inner.empty()) continue;
        condition += fmt::format("{}arrayExists({} -> {}, {}({}))", condition.empty() ? "" : " OR ", element, inner,
                                 function, sql);
      }
      const bool is_of_texts = type.arguments[1].kind == kString;
      if (!needles.values.empty() && is_of_texts) {
        condition += fmt::format(
            "{}arrayExists((k{}, {}) -> has({{values:Array(String)}}, lower({})) AND match(k{}, "
            "{{keys_regex:String}}), "
            "mapKeys({}), mapValues({}))",
            condition.empty() ? "" : " OR ", depth, element, element, depth, sql, sql);
      }
      return condition.empty() ? condition : "(" + condition + ")";
    }
    default: return {};
  }
}

// Takes the person out of all that a batch holds.
void EraseFrom(const PersonPattern& pattern, model::BatchBase& batch) {
  const auto& values = pattern.needles().values;
  const auto is_value = [&](std::string text) {
    std::ranges::transform(text, text.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c; });
    return std::ranges::find(values, text) != values.end();
  };
  for (model::StringId id = 1; id < batch.strings.size(); ++id) {
    std::string text(batch.strings.Get(id));
    if (is_value(text)) text = kErased;
    if (pattern.Erase(text) || text == kErased) batch.strings.Replace(id, text);
  }
  const model::StringId erased = batch.strings.Intern(kErased);
  const auto erase_number = [&](model::Value& value) {
    if (value.kind == model::ValueKind::kInt && is_value(std::to_string(value.int_value()))) {
      value = model::Value::String(erased);
    }
  };
  for (model::KeyValue& attribute : batch.attributes.key_values) erase_number(attribute.value);
  for (model::Value& value : batch.attributes.values) erase_number(value);
}

bool HoldsPerson(const std::filesystem::path& path, const PersonPattern& pattern) {
  constexpr size_t kPiece = 4u << 20;
  std::ifstream in(path, std::ios::binary);
  std::string bytes;
  while (in) {
    // A needle may stand across two pieces.
    bytes.erase(0, bytes.size() - std::min(bytes.size(), pattern.longest_bytes()));
    const size_t kept = bytes.size();
    bytes.resize(kept + kPiece);
    in.read(bytes.data() + kept, kPiece);
    bytes.resize(kept + static_cast<size_t>(in.gcount()));
    if (pattern.IsIn(bytes)) return true;
  }
  return false;
}

}  // namespace

// A table with texts of tenants, or with points of series.
struct PersonData::Table {
  std::string name;
  std::vector<std::string> columns;
  std::vector<std::pair<std::string, engine::Type>> texts;

  bool Has(std::string_view column) const { return std::ranges::find(columns, column) != columns.end(); }
  // Which service a row is counted for.
  std::string Service() const {
    if (name == "series") return "labels['job']";
    const std::string_view column = FirstOf(columns, {"service_name", "client", "service"});
    return column.empty() ? "''" : std::string(column);
  }
  // What names a row for good.
  std::string Hash() const {
    std::string all;
    for (const std::string& column : columns) all += (all.empty() ? "`" : ", `") + column + "`";
    return "sipHash64(" + all + ")";
  }
  // Something cheap that differs from row to row, so that few are hashed.
  std::string Near() const {
    if (Has("start_time") && Has("span_id")) return "bitXor(reinterpretAsUInt64(span_id), start_time)";
    if (Has("time")) return "reinterpretAsUInt64(time)";
    return "toUInt64(0)";
  }
};

PersonData::PersonData(Store& store, const model::RequestContext& context, const PersonPattern& pattern,
                       std::string act)
    : store_(store), context_(context), pattern_(pattern), act_(std::move(act)) {
  CLEW_CHECK(std::ranges::all_of(act_, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z'); }));
}

// What stands in the catalogue is what there is: no table that comes later is forgotten here.
base::Result<std::vector<PersonData::Table>> PersonData::Tables() {
  std::vector<Table> tables;
  CLEW_RETURN_IF_ERROR(
      store_.state().engine().Query("SELECT table, name, type FROM system.columns WHERE database = currentDatabase() "
                                    "AND table NOT IN ('erasing', 'erasures') ORDER BY table, position",
                                    {}, OptionsOf(context_), [&](const engine::Block& block) -> base::Status {
                                      for (size_t row = 0; row < block.rows; ++row) {
                                        if (tables.empty() || tables.back().name != block[0].Text(row)) {
                                          tables.push_back({std::string(block[0].Text(row)), {}, {}});
                                        }
                                        const std::string name(block[1].Text(row));
                                        tables.back().columns.push_back(name);
                                        if (name == "tenant") continue;
                                        CLEW_ASSIGN_OR_RETURN(engine::Type type, engine::ParseType(block[2].Text(row)));
                                        if (!InColumn(pattern_.needles(), type, name, 0).empty())
                                          tables.back().texts.emplace_back(name, std::move(type));
                                      }
                                      return {};
                                    }));
  std::erase_if(tables, [](const Table& table) {
    return !table.Has("tenant") || (table.texts.empty() && !table.Has("series_id"));
  });
  // Points are found by series.
  std::ranges::stable_partition(tables, [](const Table& table) { return table.name == "series"; });
  return tables;
}

engine::Parameters PersonData::BaseParameters() const {
  engine::Parameters parameters;
  parameters.Text("tenant", context_.tenant.name()).Text("act", act_);
  const PersonNeedles& needles = pattern_.needles();
  const auto add = [&](std::string_view name, const std::vector<std::string>& texts) {
    for (size_t i = 0; i < ChunksOf(texts); ++i) {
      parameters.Texts(
          fmt::format("{}{}", name, i),
          std::span(texts).subspan(i * kNeedlesAtOnce, std::min(kNeedlesAtOnce, texts.size() - i * kNeedlesAtOnce)));
    }
  };
  add("exact", needles.exact);
  add("words", needles.words);
  if (!needles.words.empty()) parameters.Text("words_regex", pattern_.words_regex());
  if (!needles.values.empty()) {
    parameters.Texts("values", needles.values).Text("keys_regex", PersonPattern::keys_regex());
  }
  return parameters;
}

std::string PersonData::Condition(const Table& table) const {
  std::string condition;
  for (const auto& [column, type] : table.texts) {
    condition += (condition.empty() ? "" : "\n  OR ") + InColumn(pattern_.needles(), type, "`" + column + "`", 0);
  }
  if (table.Has("series_id")) {
    condition +=
        fmt::format("{}series_id IN (SELECT near FROM erasing WHERE act = {{act:String}} AND place = 'series')",
                    condition.empty() ? "" : "\n  OR ");
  }
  return fmt::format("\nWHERE tenant = {{tenant:String}} AND ({})", condition);
}

base::Result<std::vector<PersonRows>> PersonData::Count() {
  CLEW_ASSIGN_OR_RETURN(const std::vector<Table> tables, Tables());
  const engine::Parameters parameters = BaseParameters();
  std::vector<PersonRows> found;
  std::string series;
  for (const Table& table : tables) {
    std::string condition = Condition(table);
    if (table.name == "series") series = condition;
    // Nothing is noted yet: by the series themselves.
    if (const std::string noted = "SELECT near FROM erasing WHERE act = {act:String} AND place = 'series'";
        condition.contains(noted)) {
      condition.replace(condition.find(noted), noted.size(), "SELECT id FROM series" + series);
    }
    const std::string sql =
        fmt::format("SELECT toString({}) AS service, count() FROM {}{}\nGROUP BY service ORDER BY service",
                    table.Service(), table.name, condition);
    CLEW_RETURN_IF_ERROR(store_.state().engine().Query(
        sql, parameters, OptionsOf(context_), [&](const engine::Block& block) -> base::Status {
          for (size_t row = 0; row < block.rows; ++row) {
            found.push_back({table.name, std::string(block[0].Text(row)), block[1].At<uint64_t>(row)});
          }
          return {};
        }));
  }
  return found;
}

base::Status PersonData::MarkTable(const Table& table) {
  // Rows that are the same in every column are one hash, and are removed together. A series is named by its id.
  const std::string near = table.name == "series" ? "id" : table.Near();
  return store_.state().engine().Execute(
      fmt::format("INSERT INTO erasing (act, place, key, near, rows)\n"
                  "SELECT {{act:String}}, '{}', {} AS row_hash, any({}), count() FROM {}{}\nGROUP BY row_hash",
                  table.name, table.Hash(), near, table.name, Condition(table)),
      BaseParameters(), OptionsOf(context_));
}

base::Result<RowsByTable> PersonData::Mark() {
  CLEW_ASSIGN_OR_RETURN(const std::vector<Table> tables, Tables());
  for (const Table& table : tables) CLEW_RETURN_IF_ERROR(MarkTable(table));
  RowsByTable rows;
  CLEW_RETURN_IF_ERROR(store_.state().engine().Query(
      "SELECT place, sum(most) FROM (SELECT place, key, max(rows) AS most FROM erasing WHERE act = {act:String} "
      "GROUP BY place, key) GROUP BY place",
      BaseParameters(), OptionsOf(context_), [&](const engine::Block& block) -> base::Status {
        for (size_t row = 0; row < block.rows; ++row)
          rows[std::string(block[0].Text(row))] = block[1].At<uint64_t>(row);
        return {};
      }));
  return rows;
}

base::Status PersonData::RewriteSenders(const Table& table) {
  const bool is_resource = table.name == "resources";
  SenderDirectory& directory = is_resource ? store_.state().resources() : store_.state().scopes();
  std::vector<SenderWriter::NewSender> senders;
  CLEW_RETURN_IF_ERROR(store_.state().engine().Query(
      fmt::format("SELECT id, toUnixTimestamp(arrived) FROM {}{}", table.name, Condition(table)), BaseParameters(),
      OptionsOf(context_), [&](const engine::Block& block) -> base::Status {
        for (size_t row = 0; row < block.rows; ++row) {
          const auto id = block[0].At<uint64_t>(row);
          const SenderDirectory::Record record = directory.Find(context_.tenant.name(), id);
          if (record == nullptr) continue;
          model::BatchBase batch;
          model::Resource resource;
          model::Scope scope;
          if (is_resource) {
            CLEW_ASSIGN_OR_RETURN(resource, ReadResourceRecord(*record, batch));
          } else {
            CLEW_ASSIGN_OR_RETURN(scope, ReadScopeRecord(*record, batch));
          }
          EraseFrom(pattern_, batch);
          senders.push_back({context_.tenant.name(), id, block[1].At<uint32_t>(row),
                             is_resource ? ResourceRecord(batch, resource) : ScopeRecord(batch, scope)});
        }
        return {};
      }));
  if (senders.empty()) return {};
  CLEW_RETURN_IF_ERROR(store_.state().engine().Insert(
      table.name, is_resource ? EncodeResources(senders) : EncodeScopes(senders), "", OptionsOf(context_)));
  for (const SenderWriter::NewSender& sender : senders) {
    directory.Replace(sender.tenant, sender.id, sender.arrival_seconds / kSecondsPerDay, sender.record);
  }
  return {};
}

base::Status PersonData::RewriteIncidents(const Table& table) {
  std::vector<std::string> ids;
  int64_t last_written = 0;
  CLEW_RETURN_IF_ERROR(store_.state().engine().Query(
      fmt::format("SELECT id, max(written) FROM {}{}\nGROUP BY id", table.name, Condition(table)), BaseParameters(),
      OptionsOf(context_), [&](const engine::Block& block) -> base::Status {
        for (size_t row = 0; row < block.rows; ++row) {
          ids.emplace_back(block[0].Text(row));
          last_written = std::max(last_written, block[1].At<int64_t>(row));
        }
        return {};
      }));
  IncidentTable incidents(store_, context_);
  for (const std::string& id : ids) {
    CLEW_ASSIGN_OR_RETURN(Incident incident, incidents.Get(id));
    bool erased = false;
    for (std::string* text : {&incident.service, &incident.summary, &incident.answer}) erased |= pattern_.Erase(*text);
    if (erased) CLEW_RETURN_IF_ERROR(incidents.Put(incident, last_written + 1));
  }
  return {};
}

base::Status PersonData::Rewrite() {
  CLEW_ASSIGN_OR_RETURN(const std::vector<Table> tables, Tables());
  for (const Table& table : tables) {
    if (table.name == "resources" || table.name == "scopes") CLEW_RETURN_IF_ERROR(RewriteSenders(table));
    if (table.name == "incidents") CLEW_RETURN_IF_ERROR(RewriteIncidents(table));
  }
  return {};
}

base::Result<std::vector<uint64_t>> PersonData::MarkedSeries() {
  std::vector<uint64_t> ids;
  CLEW_RETURN_IF_ERROR(store_.state().engine().Query(
      "SELECT DISTINCT near FROM erasing WHERE act = {act:String} AND place = 'series'", BaseParameters(),
      OptionsOf(context_), [&](const engine::Block& block) -> base::Status {
        for (size_t row = 0; row < block.rows; ++row) ids.push_back(block[0].At<uint64_t>(row));
        return {};
      }));
  return ids;
}

base::Status PersonData::Remove() {
  CLEW_ASSIGN_OR_RETURN(const std::vector<Table> tables, Tables());
  engine::Engine& engine = store_.state().engine();
  CLEW_ASSIGN_OR_RETURN(const std::vector<uint64_t> series, MarkedSeries());
  std::vector<std::string> places;
  CLEW_RETURN_IF_ERROR(engine.Query("SELECT DISTINCT toString(place) FROM erasing WHERE act = {act:String}",
                                    BaseParameters(), OptionsOf(context_),
                                    [&](const engine::Block& block) -> base::Status {
                                      for (size_t row = 0; row < block.rows; ++row)
                                        places.emplace_back(block[0].Text(row));
                                      return {};
                                    }));
  for (const Table& table : tables) {
    if (std::ranges::find(places, table.name) == places.end()) continue;
    const std::string near = table.name == "series" ? "id" : table.Near();
    const std::string noted = fmt::format("FROM erasing WHERE act = '{}' AND place = '{}'", act_, table.name);
    CLEW_RETURN_IF_ERROR(
        engine.Execute(fmt::format("ALTER TABLE {} DELETE WHERE {} IN (SELECT near {}) AND {} IN (SELECT key {})",
                                   table.name, near, noted, table.Hash(), noted),
                       {}, OptionsOf(context_)));
  }
  while (true) {
    uint64_t unfinished = 0;
    std::string reason;
    CLEW_RETURN_IF_ERROR(engine.Query(
        fmt::format("SELECT count(), any(latest_fail_reason) FROM system.mutations WHERE database = currentDatabase() "
                    "AND NOT is_done AND position(command, '{}') > 0",
                    act_),
        {}, OptionsOf(context_), [&](const engine::Block& block) -> base::Status {
          unfinished = block[0].At<uint64_t>(0);
          reason = block[1].Text(0);
          return {};
        }));
    if (unfinished == 0) break;
    if (base::Status status = context_.Check(); !status) {
      if (!reason.empty()) base::LogWarning("erasure {}: rows are not removed yet: {}", act_, reason);
      return status;
    }
    std::this_thread::sleep_for(kPoll);
  }
  if (!series.empty()) {
    const std::unordered_set<uint64_t> gone(series.begin(), series.end());
    store_.state().series().Write(context_.tenant.name(), [&](TenantSeries& own) { own = own.Without(gone); });
  }
  return {};
}

base::Status PersonData::AwaitOldParts() {
  // Those of now, of tables that had something of the person: others come and go as long as rows come in.
  std::vector<std::string> old;
  CLEW_RETURN_IF_ERROR(store_.state().engine().Query(
      "SELECT concat(table, '/', name) FROM system.parts WHERE database = currentDatabase() AND NOT active "
      "AND table IN (SELECT place FROM erasing WHERE act = {act:String})",
      BaseParameters(), OptionsOf(context_), [&](const engine::Block& block) -> base::Status {
        for (size_t row = 0; row < block.rows; ++row) old.emplace_back(block[0].Text(row));
        return {};
      }));
  while (true) {
    uint64_t parts = 0;
    std::string why;
    CLEW_RETURN_IF_ERROR(store_.state().engine().Query(
        "SELECT count(), any(concat(table, '/', name, ': ', removal_state)) FROM system.parts "
        "WHERE database = currentDatabase() AND NOT active AND concat(table, '/', name) IN {old:Array(String)}",
        engine::Parameters().Texts("old", old), OptionsOf(context_), [&](const engine::Block& block) -> base::Status {
          parts = block[0].At<uint64_t>(0);
          why = block[1].Text(0);
          return {};
        }));
    if (parts == 0) return {};
    if (base::Status status = context_.Check(); !status) {
      base::LogWarning("erasure {}: {} replaced parts are still on disk, such as {}", act_, parts, why);
      return status;
    }
    std::this_thread::sleep_for(kPoll);
  }
}

base::Status PersonData::ForgetMarks() {
  return store_.state().engine().Execute(fmt::format("ALTER TABLE erasing DROP PARTITION '{}'", act_), {},
                                         OptionsOf(context_));
}

base::Result<uint64_t> PersonData::PartsAside() {
  uint64_t parts = 0;
  CLEW_RETURN_IF_ERROR(
      store_.state().engine().Query("SELECT count() FROM system.detached_parts WHERE database = currentDatabase()", {},
                                    OptionsOf(context_), [&](const engine::Block& block) -> base::Status {
                                      parts = block[0].At<uint64_t>(0);
                                      return {};
                                    }));
  return parts;
}

base::Result<std::vector<std::string>> FilesWithPerson(const Store& store, const PersonPattern& pattern,
                                                       const model::RequestContext& context) {
  const std::filesystem::path root(store.data_dir());
  std::vector<std::string> found;
  std::vector<std::filesystem::path> folders = {root};
  while (!folders.empty()) {
    const std::filesystem::path folder = std::move(folders.back());
    folders.pop_back();
    std::error_code error;
    // Parts come and go meanwhile, with their folders; what a merge writes anew was looked at as a table.
    for (std::filesystem::directory_iterator file(folder, error), end; !error && file != end; file.increment(error)) {
      CLEW_RETURN_IF_ERROR(context.Check());
      std::error_code gone;
      if (file->is_directory(gone) && !file->is_symlink(gone)) folders.push_back(file->path());
      const std::string name = file->path().lexically_relative(root).string();
      if (pattern.IsIn(name) || (file->is_regular_file(gone) && HoldsPerson(file->path(), pattern))) {
        found.push_back(name);
      }
    }
    if (error && error != std::errc::no_such_file_or_directory) {
      return base::ErrnoError("cannot look through " + folder.string(), error.value());
    }
  }
  return found;
}

}  // namespace clew::store
