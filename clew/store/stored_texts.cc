// SPDX-License-Identifier: Apache-2.0
#include "clew/store/stored_texts.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <span>
#include <vector>

#include "clew/model/attributes.h"
#include "clew/store/attribute_codec.h"
#include "clew/store/sql.h"
#include "clew/store/store_state.h"

namespace clew::store {
namespace {

// How a column holds texts.
enum class Shape : uint8_t {
  kText,
  kTexts,       // Array of texts
  kLabels,      // Map of texts
  kAttributes,  // Map, kinds, extra: three columns
  kNested,      // Array of each of the three
  kBody,        // text, kind, extra
};

struct ColumnShape {
  std::string_view name;
  Shape shape = Shape::kText;
};

constexpr ColumnShape kSpanColumns[] = {{"name"},
                                        {"status_message"},
                                        {"trace_state"},
                                        {"attributes", Shape::kAttributes},
                                        {"events.name", Shape::kTexts},
                                        {"events.attributes", Shape::kNested},
                                        {"links.trace_state", Shape::kTexts},
                                        {"links.attributes", Shape::kNested}};
constexpr ColumnShape kLogColumns[] = {
    {"body", Shape::kBody}, {"severity_text"}, {"event_name"}, {"attributes", Shape::kAttributes}};
constexpr ColumnShape kResourceColumns[] = {{"schema_url"}, {"attributes", Shape::kAttributes}};
constexpr ColumnShape kScopeColumns[] = {{"name"}, {"version"}, {"schema_url"}, {"attributes", Shape::kAttributes}};
constexpr ColumnShape kSeriesColumns[] = {{"labels", Shape::kLabels}, {"family"}, {"help"}, {"unit"}};
constexpr ColumnShape kExemplarColumns[] = {{"labels", Shape::kLabels}};
constexpr ColumnShape kIncidentColumns[] = {{"summary"}, {"answer"}};

// The columns of the SELECT that a column takes.
std::vector<std::string> Parts(const ColumnShape& column) {
  const std::string name(column.name);
  switch (column.shape) {
    case Shape::kAttributes: return {name, "attribute_kinds", "attribute_extra"};
    case Shape::kBody: return {name, "body_kind", "body_extra"};
    case Shape::kNested: {
      const std::string owner = name.substr(0, name.find('.'));
      return {name, owner + ".attribute_kinds", owner + ".attribute_extra"};
    }
    default: return {name};
  }
}

// One record of one block, told to the visitor.
class RecordWalk {
 public:
  RecordWalk(const StoredTexts::Visit& visit, std::string_view signal) : visit_(visit) { text_.signal = signal; }

  base::Status Walk(const engine::Block& block, std::span<const ColumnShape> columns) {
    for (size_t row = 0; row < block.rows; ++row) CLEW_RETURN_IF_ERROR(Record(block, columns, row));
    return {};
  }

 private:
  base::Status Record(const engine::Block& block, std::span<const ColumnShape> columns, size_t row) {
    text_.service = block[0].Text(row);
    text_.db_system = {};
    db_system_.clear();
    size_t at = 1;
    for (const ColumnShape& column : columns) {
      text_.column = column.name;
      CLEW_RETURN_IF_ERROR(Column(block, column.shape, at, row));
      at += Parts(column).size();
    }
    return {};
  }

  base::Status Column(const engine::Block& block, Shape shape, size_t at, size_t row) {
    const engine::Column& column = block[at];
    switch (shape) {
      case Shape::kText: Tell({}, column.Text(row)); return {};
      case Shape::kTexts: {
        const auto [first, last] = column.Elements(row);
        for (size_t i = first; i < last; ++i) Tell({}, column.element().Text(i));
        return {};
      }
      case Shape::kLabels: {
        const auto [first, last] = column.Elements(row);
        for (size_t i = first; i < last; ++i) {
          TellKey(column.element(0).Text(i));
          Tell(column.element(0).Text(i), column.element(1).Text(i));
        }
        return {};
      }
      case Shape::kAttributes: return Attributes(column, row, block[at + 1].Text(row), block[at + 2].Text(row));
      case Shape::kNested: {
        const auto [first, last] = column.Elements(row);
        for (size_t i = first; i < last; ++i) {
          CLEW_RETURN_IF_ERROR(
              Attributes(column.element(), i, block[at + 1].element().Text(i), block[at + 2].element().Text(i)));
        }
        return {};
      }
      case Shape::kBody: {
        model::BatchBase batch;
        std::string_view extra = block[at + 2].Text(row);
        const std::string_view kind = block[at + 1].Text(row);
        if (kind.size() != 1) return base::Fail(base::Code::kDataLoss, "a stored body has no kind");
        CLEW_ASSIGN_OR_RETURN(const model::Value value,
                              ReadValue(kind[0], column.Text(row), extra, batch.attributes, batch.strings));
        Value(batch, {}, value, 0);
        return {};
      }
    }
    return {};
  }

  base::Status Attributes(const engine::Column& map, size_t row, std::string_view kinds, std::string_view extra) {
    model::BatchBase batch;
    std::vector<std::pair<std::string_view, model::Value>> rows;
    const auto [first, last] = map.Elements(row);
    for (size_t i = first; i < last; ++i) {
      const char kind = kinds.empty() ? 's' : kinds[std::min(i - first, kinds.size() - 1)];
      CLEW_ASSIGN_OR_RETURN(const model::Value value,
                            ReadValue(kind, map.element(1).Text(i), extra, batch.attributes, batch.strings));
      rows.emplace_back(map.element(0).Text(i), value);
      if (rows.back().first == "db.system.name" || rows.back().first == "db.system")
        db_system_ = map.element(1).Text(i);
    }
    text_.db_system = db_system_;
    for (const auto& [key, value] : rows) {
      TellKey(key);
      Value(batch, key, value, 0);
    }
    return {};
  }

  void Value(const model::BatchBase& batch, std::string_view key, const model::Value& value, int depth) {
    switch (value.kind) {
      case model::ValueKind::kString:
      case model::ValueKind::kBytes: Tell(key, batch.strings.Get(value.string_id())); break;
      case model::ValueKind::kInt: Tell(key, std::to_string(value.int_value()), true); break;
      case model::ValueKind::kDouble: Tell(key, fmt::format("{}", value.double_value()), true); break;
      case model::ValueKind::kArray:
        for (uint32_t i = 0; i < value.count && depth < model::kMaxValueDepth; ++i) {
          Value(batch, key, batch.attributes.values[value.range().first + i], depth + 1);
        }
        break;
      case model::ValueKind::kKeyValueList:
        for (uint32_t i = 0; i < value.count && depth < model::kMaxValueDepth; ++i) {
          const model::KeyValue& field = batch.attributes.key_values[value.range().first + i];
          const std::string_view own_key = batch.strings.Get(field.key);
          TellKey(own_key);
          Value(batch, own_key, field.value, depth + 1);
        }
        break;
      case model::ValueKind::kEmpty:
      case model::ValueKind::kBool: break;
    }
  }

  void TellKey(std::string_view key) {
    text_.is_key = true;
    Tell(key, key);
    text_.is_key = false;
  }
  void Tell(std::string_view key, std::string_view text, bool is_number = false) {
    if (text.empty()) return;
    text_.key = key;
    text_.text = text;
    text_.is_number = is_number;
    visit_(text_);
  }

  const StoredTexts::Visit& visit_;
  StoredText text_;
  std::string db_system_;
};

}  // namespace

struct StoredTexts::Table {
  std::string_view name;
  std::string_view signal;
  std::string_view service;
  std::string_view second;  // by which the walk goes
  std::span<const ColumnShape> columns;

  static std::span<const Table> All();
};

std::span<const StoredTexts::Table> StoredTexts::Table::All() {
  // Those that are large by what they are sorted by.
  static constexpr std::array<Table, 7> kTables = {{
      {"spans", "traces", "service_name", "intDiv(start_time, 1000000000)", kSpanColumns},
      {"logs", "logs", "service_name", "intDiv(time, 1000000000)", kLogColumns},
      {"resources", "senders", "service_name", "toUnixTimestamp(arrived)", kResourceColumns},
      {"scopes", "senders", "''", "toUnixTimestamp(arrived)", kScopeColumns},
      {"series", "metrics", "labels['job']", "toUnixTimestamp(arrived)", kSeriesColumns},
      {"exemplars", "metrics", "''", "toUnixTimestamp(arrived)", kExemplarColumns},
      {"incidents", "incidents", "service", "intDiv(written, 1000000000)", kIncidentColumns},
  }};
  return kTables;
}

base::Result<std::optional<int64_t>> StoredTexts::EndOfStep(const Table& table, int64_t from, uint64_t most_rows) {
  Conditions conditions(context_.tenant);
  conditions.AddInt(fmt::format("{} >= {{from:Int64}}", table.second), "from", from);
  constexpr uint64_t kMostSeconds = 10'000;
  std::optional<int64_t> end;
  int64_t last = 0;
  uint64_t seconds = 0;
  uint64_t rows = 0;
  engine::QueryOptions options = OrderedOptionsOf(context_);
  options.max_threads = 1;
  // The first second behind the step.
  CLEW_RETURN_IF_ERROR(store_.state().engine().Query(
      fmt::format("SELECT toInt64({}) AS second, count() FROM {}{}\nGROUP BY second ORDER BY second LIMIT {}",
                  table.second, table.name, conditions.where(), kMostSeconds),
      conditions.parameters(), options, [&](const engine::Block& block) -> base::Status {
        for (size_t row = 0; row < block.rows && !end; ++row) {
          last = block[0].At<int64_t>(row);
          if (rows >= most_rows) end = last;
          rows += block[1].At<uint64_t>(row);
          ++seconds;
        }
        return {};
      }));
  if (!end && seconds == kMostSeconds) end = last + 1;
  return end;
}

base::Result<uint64_t> StoredTexts::Read(const Table& table, int64_t from, std::optional<int64_t> to,
                                         const Visit& visit) {
  Conditions conditions(context_.tenant);
  conditions.AddInt(fmt::format("{} >= {{from:Int64}}", table.second), "from", from);
  if (to) conditions.AddInt(fmt::format("{} < {{to:Int64}}", table.second), "to", *to);
  std::string columns = fmt::format("toString({})", table.service);
  for (const ColumnShape& column : table.columns) {
    for (const std::string& part : Parts(column)) columns += ", `" + part + "`";
  }
  engine::QueryOptions options = OrderedOptionsOf(context_);
  options.max_threads = 1;
  uint64_t rows = 0;
  RecordWalk walk(visit, table.signal);
  CLEW_RETURN_IF_ERROR(
      store_.state().engine().Query(fmt::format("SELECT {} FROM {}{}", columns, table.name, conditions.where()),
                                    conditions.parameters(), options, [&](const engine::Block& block) -> base::Status {
                                      rows += block.rows;
                                      return walk.Walk(block, table.columns);
                                    }));
  return rows;
}

base::Result<WalkStep> StoredTexts::Step(std::string_view cursor, uint64_t most_rows, const Visit& visit) {
  const std::span<const Table> tables = Table::All();
  size_t table = 0;
  int64_t from = 0;
  if (!cursor.empty()) {
    const size_t colon = std::min(cursor.find(':'), cursor.size());
    const auto named = std::ranges::find(tables, cursor.substr(0, colon), &Table::name);
    const std::string_view second = cursor.substr(std::min(colon + 1, cursor.size()));
    const auto [end, error] = std::from_chars(second.data(), second.data() + second.size(), from);
    if (named == tables.end() || error != std::errc() || end != second.data() + second.size() || from < 0) {
      return base::InvalidArgument("cursor: expected one that an earlier answer gave");
    }
    table = static_cast<size_t>(named - tables.begin());
  }
  WalkStep step;
  for (; table < tables.size(); ++table, from = 0) {
    CLEW_ASSIGN_OR_RETURN(const std::optional<int64_t> end, EndOfStep(tables[table], from, most_rows - step.rows));
    CLEW_ASSIGN_OR_RETURN(const uint64_t rows, Read(tables[table], from, end, visit));
    step.rows += rows;
    if (end) {
      step.cursor = fmt::format("{}:{}", tables[table].name, *end);
      return step;
    }
    if (step.rows >= most_rows && table + 1 < tables.size()) {
      step.cursor = fmt::format("{}:0", tables[table + 1].name);
      return step;
    }
  }
  return step;
}

}  // namespace clew::store
