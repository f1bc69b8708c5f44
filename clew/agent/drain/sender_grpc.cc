// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <grpc/support/log.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/async_stream.h>

#include <utility>
#include <vector>

#include "clew/agent/drain/resource.h"
#include "clew/agent/drain/sender.h"
#include "clew/base/file.h"
#include "clew/net/address.h"
#include "clew/net/url.h"

namespace clew::agent::drain {
namespace {

std::string_view MethodOf(Signal signal) {
  switch (signal) {
    case Signal::kTraces: return "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
    case Signal::kLogs: return "/opentelemetry.proto.collector.logs.v1.LogsService/Export";
    case Signal::kMetrics: return "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";
  }
  return {};
}

// OTLP specification, "OTLP/gRPC Response", the table of retryable codes. RESOURCE_EXHAUSTED counts only where the
// receiver says when to come again.
bool IsRetryable(grpc::StatusCode code, bool has_retry_info) {
  switch (code) {
    case grpc::StatusCode::CANCELLED:
    case grpc::StatusCode::DEADLINE_EXCEEDED:
    case grpc::StatusCode::ABORTED:
    case grpc::StatusCode::OUT_OF_RANGE:
    case grpc::StatusCode::UNAVAILABLE:
    case grpc::StatusCode::DATA_LOSS: return true;
    case grpc::StatusCode::RESOURCE_EXHAUSTED: return has_retry_info;
    default: return false;
  }
}

std::string BytesOf(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  std::string bytes;
  if (!buffer.Dump(&slices).ok()) return bytes;
  for (const grpc::Slice& slice : slices) bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  return bytes;
}

class GrpcSender final : public Sender {
 public:
  GrpcSender(Signal signal, SignalConfig config, net::Url url, grpc::SslCredentialsOptions tls)
      : signal_(signal), config_(std::move(config)), url_(std::move(url)), tls_(std::move(tls)) {}

  Attempt Send(std::string_view body, std::chrono::steady_clock::time_point deadline) override {
    // Not before the first batch, so that a run that sends nothing starts none of gRPC's threads.
    if (!stub_) Connect();
    grpc::ClientContext context;
    const auto left = deadline - std::chrono::steady_clock::now();
    context.set_deadline(std::chrono::system_clock::now() +
                         std::chrono::duration_cast<std::chrono::system_clock::duration>(left));
    for (const auto& [name, value] : config_.headers) context.AddMetadata(name, value);
    if (config_.gzip) context.set_compression_algorithm(GRPC_COMPRESS_GZIP);
    grpc::Slice slice(body.data(), body.size());
    const grpc::ByteBuffer request(&slice, 1);
    grpc::ByteBuffer response;
    grpc::Status status;
    grpc::CompletionQueue queue;
    auto call = stub_->PrepareUnaryCall(&context, std::string(MethodOf(signal_)), request, &queue);
    call->StartCall();
    call->Finish(&response, &status, this);
    void* tag = nullptr;
    bool ok = false;
    // Ends by the call's deadline at the latest.
    queue.Next(&tag, &ok);
    queue.Shutdown();
    while (queue.Next(&tag, &ok)) {
    }
    return Read(status, response);
  }

 private:
  void Connect() {
    grpc::ChannelArguments arguments;
    arguments.SetUserAgentPrefix(fmt::format("clew-agent/{}", kVersion));
    arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
    arguments.SetInt(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, 1 << 20);
    // Asked again by our own schedule; gRPC's goes up to two minutes.
    arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 200);
    arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1'000);
    // By its name a pause, in truth the time that connecting may take.
    arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 5'000);
    const std::shared_ptr<grpc::ChannelCredentials> credentials =
        url_.tls ? grpc::SslCredentials(tls_) : grpc::InsecureChannelCredentials();
    const std::string target = net::Address{url_.host, url_.port}.ToString();
    stub_ = std::make_unique<grpc::GenericStub>(grpc::CreateCustomChannel(target, credentials, arguments));
  }

  Attempt Read(const grpc::Status& status, const grpc::ByteBuffer& response) const {
    Attempt attempt;
    if (status.ok()) {
      attempt.delivered = true;
      auto partial = wire::DecodePartialSuccess(signal_, BytesOf(response));
      if (partial) {
        attempt.rejected = partial->rejected;
        attempt.warning = Printable(partial->message);
      } else {
        attempt.warning = "an answer that is no OTLP response";
      }
      return attempt;
    }
    const auto details = wire::DecodeStatus(status.error_details());
    if (details) attempt.retry_after = std::min(details->retry_after, std::chrono::milliseconds(300'000));
    attempt.retryable = IsRetryable(status.error_code(), attempt.retry_after.count() > 0);
    attempt.error =
        fmt::format("gRPC status {}: {}", static_cast<int>(status.error_code()), Printable(status.error_message()));
    return attempt;
  }

  const Signal signal_;
  const SignalConfig config_;
  const net::Url url_;
  const grpc::SslCredentialsOptions tls_;
  std::unique_ptr<grpc::GenericStub> stub_;
};

}  // namespace

namespace internal {

base::Result<std::unique_ptr<Sender>> MakeGrpcSender(Signal signal, const SignalConfig& config) {
  CLEW_ASSIGN_OR_RETURN(net::Url url, net::Url::Parse(config.endpoint));
  grpc::SslCredentialsOptions tls;
  for (const auto& [file, pem] : {std::pair(&config.certificate_file, &tls.pem_root_certs),
                                  std::pair(&config.client_certificate_file, &tls.pem_cert_chain),
                                  std::pair(&config.client_key_file, &tls.pem_private_key)}) {
    if (file->empty()) continue;
    CLEW_ASSIGN_OR_RETURN(*pem, base::ReadFile(*file, 1u << 20));
  }
  // Its own log lines would stand among the service's.
  gpr_set_log_function([](gpr_log_func_args*) {});
  return std::make_unique<GrpcSender>(signal, config, std::move(url), std::move(tls));
}

}  // namespace internal
}  // namespace clew::agent::drain
