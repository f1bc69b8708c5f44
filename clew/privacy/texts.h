// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "clew/model/log_batch.h"
#include "clew/model/metric_batch.h"
#include "clew/model/series_batch.h"
#include "clew/model/span_batch.h"

// Where text stands in the batches, in one place: a column that is missing here would escape redaction. Names are all
// texts but the values of attributes and bodies, which are read together with their keys. A visitor is called with a
// reference to each StringId; the same one may come many times.
namespace clew::privacy {

template <typename Visitor>
void VisitValueTexts(model::Value& value, Visitor& visit) {
  if (value.kind != model::ValueKind::kString && value.kind != model::ValueKind::kBytes) return;
  model::StringId id = value.string_id();
  visit(id);
  value.payload = id;
}

template <typename Visitor>
void VisitBaseNames(model::BatchBase& batch, Visitor& visit) {
  for (model::KeyValue& row : batch.attributes.key_values) visit(row.key);
  for (model::Resource& resource : batch.resources) visit(resource.schema_url);
  for (model::Scope& scope : batch.scopes) {
    visit(scope.name);
    visit(scope.version);
    visit(scope.schema_url);
  }
}

template <typename Visitor>
void VisitBaseValues(model::BatchBase& batch, Visitor& visit) {
  for (model::KeyValue& row : batch.attributes.key_values) VisitValueTexts(row.value, visit);
  for (model::Value& value : batch.attributes.values) VisitValueTexts(value, visit);
}

template <typename Visitor>
void VisitNames(model::SpanBatch& batch, Visitor visit) {
  VisitBaseNames(batch, visit);
  for (model::StringId& id : batch.trace_state) visit(id);
  for (model::StringId& id : batch.name) visit(id);
  for (model::StringId& id : batch.status_message) visit(id);
  for (model::SpanEvent& event : batch.events) visit(event.name);
  for (model::SpanLink& link : batch.links) visit(link.trace_state);
}

template <typename Visitor>
void VisitNames(model::LogBatch& batch, Visitor visit) {
  VisitBaseNames(batch, visit);
  for (model::StringId& id : batch.severity_text) visit(id);
  for (model::StringId& id : batch.event_name) visit(id);
}

template <typename Visitor>
void VisitNames(model::MetricBatch& batch, Visitor visit) {
  VisitBaseNames(batch, visit);
  for (model::Metric& metric : batch.metrics) {
    visit(metric.name);
    visit(metric.description);
    visit(metric.unit);
  }
}

template <typename Visitor>
void VisitNames(model::SeriesBatch& batch, Visitor visit) {
  for (model::LabelPair& label : batch.labels) visit(label.name);
  for (model::SeriesRow& series : batch.series) {
    visit(series.family);
    visit(series.help);
    visit(series.unit);
  }
}

template <typename Visitor>
void VisitValues(model::LogBatch& batch, Visitor visit) {
  VisitBaseValues(batch, visit);
  for (model::Value& body : batch.body) VisitValueTexts(body, visit);
}

template <typename Visitor>
void VisitValues(model::SeriesBatch& batch, Visitor visit) {
  for (model::LabelPair& label : batch.labels) visit(label.value);
}

template <typename Batch, typename Visitor>
void VisitValues(Batch& batch, Visitor visit) {
  VisitBaseValues(batch, visit);
}

template <typename Batch, typename Visitor>
void VisitTexts(Batch& batch, Visitor visit) {
  VisitNames(batch, visit);
  VisitValues(batch, visit);
}

}  // namespace clew::privacy
