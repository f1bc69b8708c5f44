// SPDX-License-Identifier: Apache-2.0
#include "clew/agent/drain/cell_table.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "clew/agent/drain/batch_writer.h"
#include "clew/agent/drain/resource.h"

namespace clew::agent::drain {
namespace {

using record::MetricKind;

constexpr std::string_view kWorkerAttribute = "worker";
constexpr std::string_view kOtherWorkerAttribute = "clew.worker";
constexpr std::string_view kProcessScope = "clew.process";

void AppendText(std::string& key, std::string_view text) {
  const auto size = static_cast<uint32_t>(text.size());
  key.append(base::BytesOf(size));
  key.append(text);
}

// Names the metric: equal for all its label sets, and in order by scope and name.
std::string MetricKey(const record::DefinitionView& definition) {
  std::string key;
  for (std::string_view text : {definition.scope.name, definition.scope.version, definition.scope.schema_url,
                                definition.name, definition.unit, definition.description}) {
    key.append(text);
    key += '\0';
  }
  key += static_cast<char>(definition.kind);
  key += static_cast<char>(definition.is_int);
  AppendText(key, definition.bound_bytes);
  return key;
}

// The same for equal attributes, whichever order their writer had them in.
std::string AttributesKey(const record::AttributeList& list) {
  std::vector<std::string> entries;
  entries.reserve(list.count);
  record::AttributeReader reader(list);
  for (record::AttributeView attribute; reader.Next(attribute);) {
    std::string& entry = entries.emplace_back();
    AppendText(entry, attribute.key);
    entry += static_cast<char>(attribute.value.type);
    entry += static_cast<char>(attribute.value.bool_value);
    entry.append(base::BytesOf(attribute.value.int_value));
    entry.append(base::BytesOf(attribute.value.double_value));
    AppendText(entry, attribute.value.text);
  }
  std::ranges::sort(entries);
  std::string key;
  for (const std::string& entry : entries) key += entry;
  return key;
}

bool HasKey(const record::AttributeList& list, std::string_view key) {
  record::AttributeReader reader(list);
  for (record::AttributeView attribute; reader.Next(attribute);) {
    if (attribute.key == key) return true;
  }
  return false;
}

// What has been counted: by all that ended, or by all that live at one moment.
struct Totals {
  int64_t whole = 0;
  double real = 0;  // number, or a histogram's sum
  std::vector<uint64_t> buckets;

  void Clear() {
    whole = 0;
    real = 0;
    std::ranges::fill(buckets, 0);
  }
};

}  // namespace

// One series of the service. The definition views point into `bytes`.
struct CellTable::Series {
  std::string bytes;
  record::DefinitionView definition;
  std::string metric_key;
  bool overflow = false;
  std::optional<uint32_t> worker;  // gauges
  Totals ended;
  Totals living;
  bool has_living = false;
  std::vector<std::optional<record::ExemplarView>> exemplars;  // the newest, by bucket

  MetricKind kind() const { return definition.kind; }
  bool accumulates() const { return kind() == MetricKind::kCounter || kind() == MetricKind::kHistogram; }
  void Add(const record::SeriesView& view, Totals& totals);
  void SeeExemplars(const record::SeriesView& view);
};

struct CellTable::Process {
  uint32_t number = 0;
  bool has_usage = false;
  ProcessStat usage;
};

struct CellTable::Slot {
  uint64_t process = 0;
  uint32_t number = 0;
  std::vector<Series*> series;  // by index; nullptr: not seen yet
  std::vector<bool> broken;
};

void CellTable::Series::Add(const record::SeriesView& view, Totals& totals) {
  if (kind() == MetricKind::kHistogram) {
    totals.buckets.resize(definition.bound_count + 1);
    for (uint32_t i = 0; i <= definition.bound_count; ++i) {
      totals.buckets[i] += view.buckets[i].load(std::memory_order_relaxed);
    }
    totals.real += view.sum;
  } else if (definition.is_int) {
    totals.whole += static_cast<int64_t>(view.number_bits);
  } else {
    totals.real += std::bit_cast<double>(view.number_bits);
  }
}

void CellTable::Series::SeeExemplars(const record::SeriesView& view) {
  const uint32_t count = std::min<uint32_t>(view.exemplar_count, definition.bound_count + 1);
  exemplars.resize(std::max<size_t>(exemplars.size(), count));
  for (uint32_t i = 0; i < count; ++i) {
    const auto exemplar = record::ReadExemplar(view.exemplars[i]);
    if (exemplar && (!exemplars[i] || exemplars[i]->unix_nanos < exemplar->unix_nanos)) exemplars[i] = exemplar;
  }
}

// Puts series into a batch, a metric row for each run of series of one metric.
class CellTable::Writer {
 public:
  Writer(const KeyValuePairs& resource, int64_t start, int64_t now)
      : start_(static_cast<uint64_t>(start)), now_(static_cast<uint64_t>(now)) {
    writer_.Resource(0, [&](std::vector<model::KeyValue>& rows) { writer_.AppendPairs(resource, rows); });
  }

  void Add(const Series& series) {
    const record::DefinitionView& definition = series.definition;
    if (series.metric_key != metric_key_ || writer_.batch().metrics.empty()) {
      metric_key_ = series.metric_key;
      StartMetric(definition.scope, definition.name, definition.unit, definition.description, series.kind());
    }
    std::vector<model::KeyValue> more;
    if (series.overflow) {
      more.push_back({writer_.batch().strings.Intern("otel.metric.overflow"), 0, model::Value::Bool(true)});
    }
    if (series.worker) {
      const bool taken = HasKey(definition.attributes, kWorkerAttribute);
      more.push_back(WorkerRow(*series.worker, taken ? kOtherWorkerAttribute : kWorkerAttribute));
    }
    model::PointBase point;
    point.attributes = writer_.Attributes(series.overflow ? record::AttributeList{} : definition.attributes, more);
    if (series.kind() != MetricKind::kGauge) point.start_time = start_;
    AddExemplars(series, point);
    if (series.kind() == MetricKind::kHistogram) {
      AddHistogram(series, point);
    } else if (definition.is_int) {
      AddNumber(point, model::Number::Int(series.ended.whole + series.living.whole));
    } else {
      AddNumber(point, model::Number::Double(series.ended.real + series.living.real));
    }
  }

  void StartMetric(const record::ScopeView& scope, std::string_view name, std::string_view unit,
                   std::string_view description, MetricKind kind) {
    model::MetricBatch& batch = writer_.batch();
    model::Metric metric;
    metric.scope = writer_.Scope(scope);
    metric.name = writer_.Text(name);
    metric.unit = writer_.Text(unit);
    metric.description = writer_.Text(description);
    metric.temporality = model::Temporality::kCumulative;
    switch (kind) {
      case MetricKind::kCounter:
        metric.type = model::MetricType::kSum;
        metric.is_monotonic = true;
        break;
      case MetricKind::kUpDownCounter: metric.type = model::MetricType::kSum; break;
      case MetricKind::kGauge:
        metric.type = model::MetricType::kGauge;
        metric.temporality = model::Temporality::kUnspecified;
        break;
      case MetricKind::kHistogram: metric.type = model::MetricType::kHistogram; break;
    }
    batch.metrics.push_back(metric);
  }

  // A point of the metric started last. Its attributes are `worker` and, unless empty, one more.
  void AddProcessNumber(uint32_t worker, std::string_view key, std::string_view value, model::Number number) {
    std::vector<model::KeyValue> rows = {WorkerRow(worker)};
    if (!key.empty()) rows.push_back(writer_.StringRow(key, value));
    model::PointBase point;
    point.attributes = writer_.batch().attributes.AddKeyValues(rows);
    point.start_time = start_;
    AddNumber(point, number);
  }

  model::MetricBatch Take() { return writer_.Take(); }

 private:
  model::KeyValue WorkerRow(uint32_t worker, std::string_view key = kWorkerAttribute) {
    return {writer_.batch().strings.Intern(key), 0, model::Value::Int(worker)};
  }

  void Place(model::PointBase& point) {
    point.metric = static_cast<uint32_t>(writer_.batch().metrics.size() - 1);
    point.time = now_;
  }

  void AddNumber(const model::PointBase& base, model::Number number) {
    model::NumberPoint point;
    static_cast<model::PointBase&>(point) = base;
    Place(point);
    point.value = number;
    point.has_value = true;
    writer_.batch().numbers.push_back(point);
  }

  void AddHistogram(const Series& series, const model::PointBase& base) {
    model::MetricBatch& batch = writer_.batch();
    model::HistogramPoint point;
    static_cast<model::PointBase&>(point) = base;
    Place(point);
    const uint32_t bounds = series.definition.bound_count;
    point.explicit_bounds = {static_cast<uint32_t>(batch.doubles.size()), bounds};
    for (uint32_t i = 0; i < bounds; ++i) batch.doubles.push_back(series.definition.bound(i));
    point.bucket_counts = {static_cast<uint32_t>(batch.counts.size()), bounds + 1};
    for (uint32_t i = 0; i <= bounds; ++i) {
      uint64_t count = i < series.ended.buckets.size() ? series.ended.buckets[i] : 0;
      if (i < series.living.buckets.size()) count += series.living.buckets[i];
      batch.counts.push_back(count);
      // The count is made of the buckets, so that the two never contradict each other.
      point.count += count;
    }
    point.sum = series.ended.real + series.living.real;
    point.has_sum = true;
    batch.histograms.push_back(point);
  }

  void AddExemplars(const Series& series, model::PointBase& point) {
    model::MetricBatch& batch = writer_.batch();
    point.exemplars.first = static_cast<uint32_t>(batch.exemplars.size());
    for (const auto& seen : series.exemplars) {
      if (!seen) continue;
      model::Exemplar exemplar;
      exemplar.time = static_cast<uint64_t>(seen->unix_nanos);
      exemplar.value = model::Number::Double(seen->value);
      std::memcpy(exemplar.trace_id.bytes.data(), seen->trace_id, sizeof seen->trace_id);
      std::memcpy(exemplar.span_id.bytes.data(), seen->span_id, sizeof seen->span_id);
      batch.exemplars.push_back(exemplar);
      ++point.exemplars.count;
    }
  }

  BatchWriter<model::MetricBatch> writer_;
  uint64_t start_;
  uint64_t now_;
  std::string metric_key_;
};

CellTable::CellTable(const record::ArenaView& arena, int64_t start_unix_nanos, size_t max_series)
    : arena_(arena), start_unix_nanos_(start_unix_nanos), max_series_(max_series) {}
CellTable::~CellTable() = default;

uint32_t CellTable::AddProcess(uint64_t process) {
  uint32_t number = 0;
  while (number < numbers_.size() && numbers_[number]) ++number;
  if (number == numbers_.size()) {
    numbers_.push_back(false);
    ended_cpu_.emplace_back(0, 0);
  }
  numbers_[number] = true;
  processes_[process].number = number;
  return number;
}

void CellTable::SetUsage(uint64_t process, const ProcessStat& stat) {
  const auto found = processes_.find(process);
  if (found == processes_.end()) return;
  ProcessStat& usage = found->second.usage;
  const double user = std::max(usage.user_seconds, stat.user_seconds);
  const double system = std::max(usage.system_seconds, stat.system_seconds);
  usage = stat;
  // Rounding in the kernel must not make a counter fall.
  usage.user_seconds = user;
  usage.system_seconds = system;
  found->second.has_usage = true;
}

void CellTable::RemoveProcess(uint64_t process) {
  const auto found = processes_.find(process);
  if (found == processes_.end()) return;
  const uint32_t number = found->second.number;
  ended_cpu_[number].first += found->second.usage.user_seconds;
  ended_cpu_[number].second += found->second.usage.system_seconds;
  numbers_[number] = false;
  processes_.erase(found);
}

void CellTable::AddWorker(uint32_t slot, uint64_t process) {
  Slot& added = slots_[slot];
  added = {};
  added.process = process;
  const auto found = processes_.find(process);
  if (found != processes_.end()) added.number = found->second.number;
}

void CellTable::FoldWorker(uint32_t slot) {
  const auto found = slots_.find(slot);
  if (found == slots_.end()) return;
  ReadSlot(slot, found->second, true);
  slots_.erase(found);
}

CellTable::Series* CellTable::Resolve(const Slot& slot, const record::SeriesView& view) {
  const record::DefinitionView& definition = view.definition;
  const std::string metric_key = MetricKey(definition);
  const bool per_worker = definition.kind == MetricKind::kGauge;
  std::string key = metric_key + AttributesKey(definition.attributes);
  if (per_worker) key.append(base::BytesOf(slot.number));
  auto found = series_.find(key);
  const bool overflow = found == series_.end() && series_.size() >= max_series_;
  if (overflow) {
    key = metric_key + "overflow";
    found = series_.find(key);
  }
  if (found != series_.end()) return found->second.get();

  auto series = std::make_unique<Series>();
  series->metric_key = metric_key;
  series->overflow = overflow;
  if (per_worker && !overflow) series->worker = slot.number;
  return series_.emplace(std::move(key), std::move(series)).first->second.get();
}

void CellTable::ReadSlot(uint32_t slot_index, Slot& slot, bool fold) {
  const uint32_t count = record::SeriesCount(arena_, slot_index);
  if (slot.series.size() < count) {
    slot.series.resize(count);
    slot.broken.resize(count);
  }
  for (uint32_t i = 0; i < count; ++i) {
    const auto view = record::ReadSeries(arena_, slot_index, i);
    if (!view) {
      if (!slot.broken[i]) ++broken_series_;
      slot.broken[i] = true;
      continue;
    }
    Series*& series = slot.series[i];
    if (series == nullptr) {
      series = Resolve(slot, *view);
      if (series->bytes.empty()) {
        // The worker's memory goes with it, the definition stays.
        const record::SeriesDescriptor& descriptor = arena_.series(slot_index)[i];
        const auto bytes =
            record::WorkerBytes(arena_, slot_index, descriptor.definition_offset, descriptor.definition_bytes);
        series->bytes = bytes ? std::string(*bytes) : std::string();
        const auto definition = record::DecodeDefinition(series->bytes);
        if (!definition) {
          // Altered since it was checked.
          series->bytes.clear();
          series = nullptr;
          continue;
        }
        series->definition = *definition;
      }
    }
    // A descriptor that changed under our eyes must not lead past its buckets.
    if (view->definition.kind != series->kind() || view->definition.bound_count != series->definition.bound_count) {
      continue;
    }
    series->SeeExemplars(*view);
    if (!fold) {
      series->has_living = true;
      series->Add(*view, series->living);
    } else if (series->accumulates()) {
      series->Add(*view, series->ended);
    }
  }
}

model::MetricBatch CellTable::Collect(const KeyValuePairs& resource, int64_t now_unix_nanos) {
  for (auto& [key, series] : series_) {
    series->living.Clear();
    series->has_living = false;
  }
  for (auto& [index, slot] : slots_) ReadSlot(index, slot, false);
  Writer writer(resource, start_unix_nanos_, now_unix_nanos);
  for (const auto& [key, series] : series_) {
    if (series->bytes.empty()) continue;
    if (series->has_living || series->accumulates()) writer.Add(*series);
  }
  WriteProcesses(writer);
  return writer.Take();
}

void CellTable::WriteProcesses(Writer& writer) {
  if (ended_cpu_.empty()) return;
  const record::ScopeView scope{record::kScopeLiteral, kProcessScope, kVersion, record::kSchemaUrl};
  std::vector<std::pair<double, double>> cpu = ended_cpu_;
  for (const auto& [id, process] : processes_) {
    cpu[process.number].first += process.usage.user_seconds;
    cpu[process.number].second += process.usage.system_seconds;
  }
  writer.StartMetric(scope, "process.cpu.time", "s", "CPU time that the process has used, by mode.",
                     MetricKind::kCounter);
  for (uint32_t number = 0; number < cpu.size(); ++number) {
    writer.AddProcessNumber(number, "cpu.mode", "user", model::Number::Double(cpu[number].first));
    writer.AddProcessNumber(number, "cpu.mode", "system", model::Number::Double(cpu[number].second));
  }
  const std::array<std::pair<std::string_view, std::string_view>, 2> gauges = {
      {{"process.memory.usage", "By"}, {"process.thread.count", "{thread}"}}};
  for (const auto& [name, unit] : gauges) {
    const bool memory = unit == "By";
    writer.StartMetric(scope, name, unit, memory ? "Resident memory of the process." : "Threads of the process.",
                       MetricKind::kUpDownCounter);
    for (const auto& [id, process] : processes_) {
      if (!process.has_usage) continue;
      const uint64_t value = memory ? process.usage.resident_bytes : process.usage.threads;
      writer.AddProcessNumber(process.number, {}, {}, model::Number::Int(static_cast<int64_t>(value)));
    }
  }
}

}  // namespace clew::agent::drain
