// SPDX-License-Identifier: Apache-2.0
// clew_record_dump: plays the drainer in tests. Creates an arena, serves its socket, and answers commands on standard
// input, one a line, with JSON lines that end in {"type":"end",…}:
//   drain    the records written since the last time      open     spans that are open
//   count    as drain, but only how many spans and logs there were
//   metrics  all series of all workers                    workers  who has claimed, notes, identities, counters
//   free     give back the slots of processes that are gone (after drain)
// The first line of output is {"attach":"<value of CLEW_ATTACH>"}. Arguments are KEY=VALUE: rings, ring_bytes, sampler
// (number), threshold, signals, conventions, attribute_value_bytes, span_attributes, span_events, span_links.
#include <signal.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "clew/agent/record/arena.h"
#include "clew/agent/record/record_reader.h"
#include "clew/agent/record/ring_reader.h"
#include "clew/base/bytes.h"
#include "clew/base/json_writer.h"

namespace clew::agent::record {
namespace {

std::string HexOf(const uint8_t* bytes, size_t size) { return base::ToHex({bytes, size}); }

void WriteAttributes(base::JsonWriter& json, AttributeReader attributes);

void WriteValue(base::JsonWriter& json, const ValueView& value) {
  switch (value.type) {
    case ValueType::kEmpty: json.Null(); return;
    case ValueType::kString: json.String(value.text); return;
    case ValueType::kBool: json.Bool(value.bool_value); return;
    case ValueType::kInt: json.Int(value.int_value); return;
    case ValueType::kDouble: json.Double(value.double_value); return;
    case ValueType::kBytes: json.BeginObject().Field("base64", base::ToBase64(value.text)).EndObject(); return;
    case ValueType::kArray: {
      json.BeginArray();
      ValueReader elements = value.elements();
      ValueView element;
      while (elements.Next(element)) WriteValue(json, element);
      json.EndArray();
      return;
    }
    case ValueType::kKeyValueList: WriteAttributes(json, value.attributes()); return;
  }
}

void WriteAttributes(base::JsonWriter& json, AttributeReader attributes) {
  json.BeginObject();
  AttributeView attribute;
  while (attributes.Next(attribute)) {
    json.Key(attribute.key);
    WriteValue(json, attribute.value);
  }
  json.EndObject();
}

void WriteAttributes(base::JsonWriter& json, const AttributeList& list) {
  json.Key("attributes");
  WriteAttributes(json, AttributeReader(list));
}

void WriteScope(base::JsonWriter& json, const ScopeView& scope) {
  json.Field("scope", scope.name).Field("scope_version", scope.version).Field("schema_url", scope.schema_url);
}

void WriteSpan(base::JsonWriter& json, const SpanView& span) {
  const SpanFixed& fixed = span.fixed;
  json.Field("trace_id", HexOf(fixed.trace_id, 16)).Field("span_id", HexOf(fixed.span_id, 8));
  json.Field("parent_span_id", HexOf(fixed.parent_span_id, 8)).Field("name", span.name);
  json.Field("kind", int{fixed.kind}).Field("flags", fixed.flags).Field("start", fixed.start).Field("end", fixed.end);
  json.Field("clocks", int{fixed.clocks}).Field("status", int{fixed.status});
  json.Field("status_message", span.status_message).Field("trace_state", span.trace_state);
  json.Field("dropped_attributes", fixed.dropped_attributes).Field("dropped_events", fixed.dropped_events);
  json.Field("dropped_links", fixed.dropped_links);
  WriteScope(json, span.scope);
  WriteAttributes(json, span.attributes);
  json.Key("events").BeginArray();
  EventReader events = span.events();
  EventView event;
  while (events.Next(event)) {
    json.BeginObject().Field("name", event.name).Field("time", event.time).Field("time_is_unix", event.time_is_unix);
    json.Field("dropped_attributes", event.dropped_attributes);
    WriteAttributes(json, event.attributes);
    json.EndObject();
  }
  json.EndArray().Key("links").BeginArray();
  LinkReader links = span.links();
  LinkView link;
  while (links.Next(link)) {
    json.BeginObject().Field("trace_id", HexOf(link.trace_id, 16)).Field("span_id", HexOf(link.span_id, 8));
    json.Field("flags", link.flags).Field("trace_state", link.trace_state);
    json.Field("dropped_attributes", link.dropped_attributes);
    WriteAttributes(json, link.attributes);
    json.EndObject();
  }
  json.EndArray();
}

void WriteLog(base::JsonWriter& json, const LogView& log) {
  const LogFixed& fixed = log.fixed;
  json.Field("trace_id", HexOf(fixed.trace_id, 16)).Field("span_id", HexOf(fixed.span_id, 8));
  json.Field("flags", fixed.flags).Field("time_unix", fixed.time_unix).Field("observed", fixed.observed);
  json.Field("severity", int{fixed.severity}).Field("severity_text", log.severity_text);
  json.Field("event_name", log.event_name).Field("dropped_attributes", fixed.dropped_attributes);
  WriteScope(json, log.scope);
  json.Key("body");
  WriteValue(json, log.body);
  WriteAttributes(json, log.attributes);
}

class Dump {
 public:
  explicit Dump(Arena arena) : arena_(std::move(arena)) {}

  bool Run(const std::string& command) {
    if (command == "drain") {
      Drain(true);
    } else if (command == "count") {
      Drain(false);
    } else if (command == "open") {
      OpenSpans();
    } else if (command == "metrics") {
      Metrics();
    } else if (command == "workers") {
      Workers();
    } else if (command == "free") {
      Free();
    } else {
      return false;
    }
    return true;
  }

 private:
  const Shape& shape() const { return arena_.view().shape(); }

  void Begin(const char* type) { json_.BeginObject().Field("type", type); }
  void End() {
    json_.EndObject();
    std::cout << json_.Take() << '\n';
  }

  void Record(const RingSlot& slot, const RecordHeader& header, std::string_view payload) {
    const auto pid = uint64_t{OwnerPid(slot.owner.load())};
    const auto type = static_cast<RecordType>(header.type);
    if (const auto span = DecodeSpan(payload); span && type == RecordType::kSpan) {
      Begin("span");
      WriteSpan(json_, *span);
    } else if (const auto log = DecodeLog(payload); log && type == RecordType::kLog) {
      Begin("log");
      WriteLog(json_, *log);
    } else if (const auto note = DecodeNote(payload); note && type == RecordType::kNote) {
      Begin("note");
      json_.Field("text", note->text);
    } else {
      Begin("undecoded");
      json_.Field("record_type", int{header.type}).Field("bytes", header.bytes);
    }
    json_.Field("pid", pid).Field("truncated", (header.flags & kRecordTruncated) != 0);
    End();
  }

  void Drain(bool show) {
    uint64_t broken = 0, dropped = 0, rings = 0, spans = 0, logs = 0;
    for (uint32_t ring = 0; ring < shape().ring_count; ++ring) {
      const RingSlot& slot = arena_.view().ring(ring);
      if (slot.owner.load(std::memory_order_acquire) == 0) continue;
      ++rings;
      RingReader reader(arena_.view(), ring);
      const auto poll = reader.Drain([&](const RecordHeader& header, std::string_view payload) {
        spans += header.type == static_cast<uint16_t>(RecordType::kSpan);
        logs += header.type == static_cast<uint16_t>(RecordType::kLog);
        if (show) Record(slot, header, payload);
      });
      broken += poll.broken;
      dropped += slot.dropped_records.load();
    }
    Begin("end");
    json_.Field("broken", broken).Field("dropped", dropped).Field("rings", rings);
    json_.Field("spans", spans).Field("logs", logs);
    json_.Field("without_ring", arena_.view().header().records_without_ring.load());
    End();
  }

  void OpenSpans() {
    for (uint32_t ring = 0; ring < shape().ring_count; ++ring) {
      if (arena_.view().ring(ring).owner.load(std::memory_order_acquire) == 0) continue;
      for (uint32_t i = 0; i < shape().span_slots; ++i) {
        const OpenSpanSlot& slot = arena_.view().open_spans(ring)[i];
        if (slot.state.load(std::memory_order_acquire) != kSpanOpen) continue;
        const auto span = DecodeSpan(
            {reinterpret_cast<const char*>(slot.payload), std::min<size_t>(slot.payload_bytes, sizeof slot.payload)});
        Begin(span ? "open_span" : "undecoded");
        if (span) WriteSpan(json_, *span);
        End();
      }
    }
    Begin("end");
    End();
  }

  void Metrics() {
    for (uint32_t worker = 0; worker < shape().worker_count; ++worker) {
      const uint64_t owner = arena_.view().worker(worker).owner.load(std::memory_order_acquire);
      if (owner == 0) continue;
      for (uint32_t i = 0; i < SeriesCount(arena_.view(), worker); ++i) {
        const auto series = ReadSeries(arena_.view(), worker, i);
        Begin(series ? "series" : "undecoded");
        if (series) WriteSeries(*series);
        json_.Field("worker", worker).Field("pid", OwnerPid(owner));
        End();
      }
    }
    Begin("end");
    End();
  }

  void WriteSeries(const SeriesView& series) {
    const DefinitionView& definition = series.definition;
    json_.Field("name", definition.name)
        .Field("unit", definition.unit)
        .Field("kind", static_cast<int>(definition.kind));
    json_.Field("description", definition.description);
    WriteScope(json_, definition.scope);
    WriteAttributes(json_, definition.attributes);
    if (definition.kind != MetricKind::kHistogram) {
      json_.Field("value", series.number());
      return;
    }
    json_.Field("sum", series.sum).Key("bounds").BeginArray();
    for (uint32_t i = 0; i < definition.bound_count; ++i) json_.Double(definition.bound(i));
    json_.EndArray().Key("buckets").BeginArray();
    uint64_t count = 0;
    for (uint32_t i = 0; i <= definition.bound_count; ++i) {
      const uint64_t bucket = series.buckets[i].load(std::memory_order_relaxed);
      count += bucket;
      json_.Uint(bucket);
    }
    json_.EndArray().Field("count", count).Key("exemplars").BeginArray();
    for (uint32_t i = 0; i < series.exemplar_count; ++i) {
      if (const auto exemplar = ReadExemplar(series.exemplars[i])) {
        json_.BeginObject().Field("value", exemplar->value).Field("trace_id", HexOf(exemplar->trace_id, 16));
        json_.Field("span_id", HexOf(exemplar->span_id, 8)).EndObject();
      }
    }
    json_.EndArray();
  }

  void Workers() {
    for (uint32_t worker = 0; worker < shape().worker_count; ++worker) {
      const WorkerSlot& slot = arena_.view().worker(worker);
      const uint64_t owner = slot.owner.load(std::memory_order_acquire);
      if (owner == 0) continue;
      Begin("worker");
      json_.Field("worker", worker).Field("pid", OwnerPid(owner)).Field("notes", slot.notes.load());
      json_.Field("state", slot.state.load()).Field("series_refused", slot.series_refused.load());
      const uint32_t bytes = slot.identity_bytes.load(std::memory_order_acquire);
      const auto identity = WorkerBytes(arena_.view(), worker, slot.identity_offset.load(), bytes);
      const auto list = identity ? DecodeAttributes(*identity) : std::nullopt;
      if (list) WriteAttributes(json_, *list);
      End();
    }
    Begin("end");
    json_.Field("attached", arena_.view().header().attached.load());
    End();
  }

  static bool IsGone(uint64_t owner) {
    return owner != 0 && kill(static_cast<pid_t>(OwnerPid(owner)), 0) != 0 && errno == ESRCH;
  }

  void Free() {
    uint64_t rings = 0, workers = 0;
    for (uint32_t ring = 0; ring < shape().ring_count; ++ring) {
      if (!IsGone(arena_.view().ring(ring).owner.load(std::memory_order_acquire))) continue;
      arena_.FreeRing(ring);
      ++rings;
    }
    for (uint32_t worker = 0; worker < shape().worker_count; ++worker) {
      if (!IsGone(arena_.view().worker(worker).owner.load(std::memory_order_acquire))) continue;
      arena_.FreeWorker(worker);
      ++workers;
    }
    Begin("end");
    json_.Field("rings", rings).Field("workers", workers);
    End();
  }

  Arena arena_;
  base::JsonWriter json_;
};

// The options by name, as numbers; exits on what is not known.
void Apply(const std::string& argument, Shape& shape, Config& config) {
  const size_t equals = argument.find('=');
  uint64_t number = 0;
  const bool parsed =
      equals != std::string::npos &&
      std::from_chars(argument.data() + equals + 1, argument.data() + argument.size(), number).ec == std::errc();
  const std::map<std::string, uint32_t*> numbers = {
      {"rings", &shape.ring_count},         {"ring_bytes", &shape.ring_bytes},
      {"span_slots", &shape.span_slots},    {"max_series", &shape.max_series},
      {"signals", &config.signals},         {"conventions", &config.conventions},
      {"span_events", &config.span_events}, {"attribute_value_bytes", &config.attribute_value_bytes},
      {"span_links", &config.span_links},   {"span_attributes", &config.span_attributes},
  };
  const std::string key = argument.substr(0, equals);
  if (const auto found = numbers.find(key); parsed && found != numbers.end()) {
    *found->second = static_cast<uint32_t>(number);
  } else if (parsed && key == "sampler") {
    config.sampler = static_cast<Sampler>(number);
  } else if (parsed && key == "threshold") {
    config.threshold = number;
  } else {
    std::cerr << "clew_record_dump: expected KEY=NUMBER with a known key, got " << argument << '\n';
    std::exit(2);
  }
}

int Main(int argc, char** argv) {
  Shape shape;
  Config config;
  for (int i = 1; i < argc; ++i) Apply(argv[i], shape, config);
  Arena arena = Arena::Create(shape, config);
  HandoverServer server = HandoverServer::Listen(arena, "");
  if (!arena || !server) {
    std::cerr << "clew_record_dump: no arena or no socket could be had\n";
    return 1;
  }
  std::cout << base::JsonWriter().BeginObject().Field("attach", server.AttachValue(-1)).EndObject().Take() << std::endl;
  std::jthread serving([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      server.Serve();
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  });
  Dump dump(std::move(arena));
  std::string command;
  while (std::getline(std::cin, command)) {
    if (!dump.Run(command)) {
      std::cerr << "clew_record_dump: unknown command\n";
      return 2;
    }
    std::cout << std::flush;
  }
  return 0;
}

}  // namespace
}  // namespace clew::agent::record

int main(int argc, char** argv) { return clew::agent::record::Main(argc, argv); }
