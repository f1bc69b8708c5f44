// SPDX-License-Identifier: Apache-2.0
#include "clew/api/otlp/otlp_api.h"

#include <fmt/format.h>

#include <optional>
#include <string>
#include <utility>

#include "clew/api/http/context.h"
#include "clew/api/http/error.h"
#include "clew/api/otlp/export_request.h"
#include "clew/ingest/ingest.h"
#include "clew/net/http_message.h"

namespace clew::api::otlp {
namespace {

constexpr std::string_view kProtobufType = "application/x-protobuf";
constexpr std::string_view kJsonType = "application/json";

std::string_view TypeOf(wire::Format format) { return format == wire::Format::kJson ? kJsonType : kProtobufType; }

std::optional<wire::Format> FormatOf(const net::HttpRequest& request) {
  const std::string type = request.MediaType();
  if (type == kProtobufType) return wire::Format::kProtobuf;
  if (type == kJsonType) return wire::Format::kJson;
  return std::nullopt;
}

// google.rpc.Status in `format`. Too large a body is the same code by either door and at either limit.
net::HttpResponse StatusResponse(int status, wire::Format format, base::Error error) {
  if (status == 413) error.code = base::Code::kResourceExhausted;
  std::string body = wire::EncodeStatus(error, format);
  return http::ErrorResponse(status, std::string(TypeOf(format)), std::move(body), error);
}

net::HttpResponse ErrorOf(wire::Format format, const base::Error& error) {
  int status = error.code == base::Code::kOutOfRange ? 413 : http::HttpStatusOf(error.code);
  if (ingest::IsDiskFull(error)) status = 507;
  return StatusResponse(status, format, error);
}

// What the server turns down before the handler sees it. JSON where the sender did not say what it reads.
net::HttpResponse RenderError(const net::HttpRequest& request, int status, const base::Error& error) {
  const bool is_overload = status == 503 && error.code == base::Code::kResourceExhausted;
  return StatusResponse(is_overload ? 429 : status, FormatOf(request).value_or(wire::Format::kJson), error);
}

net::HttpResponse UnsupportedType() {
  return StatusResponse(
      415, wire::Format::kJson,
      {base::Code::kInvalidArgument,
       fmt::format("Content-Type: expected {} or {}; OTLP/HTTP has no other", kProtobufType, kJsonType),
       {}});
}

net::HttpResponse UnsupportedEncoding(wire::Format format) {
  net::HttpResponse response = StatusResponse(
      415, format,
      {base::Code::kInvalidArgument, "Content-Encoding: expected one of gzip, zstd, deflate, identity", {}});
  // RFC 9110 section 12.5.3
  response.headers.emplace_back("Accept-Encoding", "gzip, zstd, deflate");
  return response;
}

struct Handler {
  std::shared_ptr<BatchSink> sink;
  std::shared_ptr<ingest::MemoryBudget> memory;
  wire::Signal signal;
  size_t limit_bytes;

  void operator()(const net::HttpRequest& request, net::HttpReply reply) const {
    const auto format = FormatOf(request);
    if (!format) return reply(UnsupportedType());
    const auto compression = wire::CompressionOf(request.headers.Get("Content-Encoding"));
    if (!compression || request.headers.Count("Content-Encoding") > 1) return reply(UnsupportedEncoding(*format));
    const auto context = http::ContextOf(request, model::Role::kWrite);
    if (!context) return reply(ErrorOf(*format, context.error()));
    const ExportRequest export_request{signal, *format, *compression, request.body, limit_bytes};
    Export(*sink, *memory, *context, export_request,
           [reply = std::move(reply), signal = signal,
            format = *format](base::Result<wire::PartialSuccess> left_out) mutable {
             if (!left_out) return reply(ErrorOf(format, left_out.error()));
             reply({200,
                    std::string(TypeOf(format)),
                    {},
                    wire::EncodePartialSuccess(signal, left_out->rejected, left_out->message, format)});
           });
  }
};

wire::Signal SignalOf(OtlpApi::Door door) {
  switch (door) {
    case OtlpApi::Door::kTraces: return wire::Signal::kTraces;
    case OtlpApi::Door::kLogs: return wire::Signal::kLogs;
    case OtlpApi::Door::kMetrics: break;
  }
  return wire::Signal::kMetrics;
}

}  // namespace

void OtlpApi::Register(net::HttpRouter& router) const {
  RegisterAt(router, "/v1/traces", Door::kTraces);
  RegisterAt(router, "/v1/logs", Door::kLogs);
  RegisterAt(router, "/v1/metrics", Door::kMetrics);
}

void OtlpApi::RegisterAt(net::HttpRouter& router, std::string_view path, Door door) const {
  router.Add("POST", path, Handler{sink_, options_.memory, SignalOf(door), options_.body_limit_bytes},
             {.run = net::Run::kOnShortPool, .body_limit = options_.body_limit_bytes});
  router.SetErrors(path, RenderError);
}

}  // namespace clew::api::otlp
