// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "clew/agent/record/metrics.h"
#include "python/native/span.h"

// The metrics of native hooks, by the semantic conventions' names, units and buckets.
namespace clew::python {

// Known methods as the conventions list them; anything else is _OTHER.
std::string_view KnownMethod(std::string_view method);

struct ServerRequest {
  std::string_view method;  // known or _OTHER
  std::string_view route;   // empty: none
  std::string_view scheme;
  std::string_view protocol;  // "1.1"; empty: not known
  std::string_view error_type;
  int status = 0;  // 0: none was sent
};

void CountActive(std::string_view method, std::string_view scheme, int64_t by);
void ObserveServer(const Span* span, const ServerRequest& request, int64_t nanos);

struct ClientRequest {
  std::string_view method;
  std::string_view address;
  int64_t port = 0;
  std::string_view error_type;
  int status = 0;
};
void ObserveClient(const Span* span, const ClientRequest& request, int64_t nanos);

struct DatabaseCall {
  std::string_view system;
  std::string_view database;
  std::string_view operation;
  std::string_view collection;
  std::string_view error_type;
};
void ObserveDatabase(const Span* span, const DatabaseCall& call, int64_t nanos);

// Registers the instruments; once.
void InitHttpMetrics();

}  // namespace clew::python
