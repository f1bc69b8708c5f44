// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <random>
#include <string>
#include <string_view>

#include "clew/model/log_batch.h"
#include "clew/model/metric_batch.h"
#include "clew/model/span_batch.h"
#include "clew/wire/otlp.h"
#include "clew/wire/testdata/otlp.pb.h"

// What tests and fuzz targets hold Clew's decoders against: protobuf's own parser over testdata/otlp.proto.
namespace clew::wire::testing {

// protobuf's verdict, also on messages that nest deeper than it usually allows.
bool ParseByProtobuf(std::string_view bytes, google::protobuf::Message& message);

// What is left of a message after the normalisations that otlp.h documents, records that are left out included; their
// number.
uint64_t Normalise(testdata::Traces& message);
uint64_t Normalise(testdata::Logs& message);
uint64_t Normalise(testdata::Metrics& message);

// What is different between what Clew and protobuf make of `bytes` as a request of `signal`; empty where nothing is.
// Checked: both accept or both refuse (but for nesting, which Clew limits); the batch is consistent; what was rejected
// is as many as expected; the batch, encoded and read by protobuf, is the normalised message; it survives OTLP/JSON.
std::string CompareWithProtobuf(Signal signal, std::string_view bytes);

// OTLP/JSON there and back, encoded again as protobuf; the error's text where it cannot be read. NaNs lose their bits
// on that way, so `batch` gets the usual ones first.
std::string ThroughJson(model::SpanBatch& batch);
std::string ThroughJson(model::LogBatch& batch);
std::string ThroughJson(model::MetricBatch& batch);

// Fills every field of a message at random: now and then missing, of a wrong length, out of bounds, ill-formed.
void FillAtRandom(google::protobuf::Message& message, std::mt19937& random, int depth = 0);

// Breaks bytes: flips, cuts, repeats, inserts.
std::string Mutate(std::string bytes, std::mt19937& random);

}  // namespace clew::wire::testing
