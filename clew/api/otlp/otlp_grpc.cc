// SPDX-License-Identifier: Apache-2.0
#include "clew/api/otlp/otlp_grpc.h"

#include <fmt/format.h>
#include <grpc/support/log.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/resource_quota.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>
#include <string_view>
#include <utility>

#include "clew/api/otlp/export_request.h"
#include "clew/base/log.h"
#include "clew/net/listen.h"
#include "clew/net/tls_files.h"

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define CLEW_OTLP_TSAN
#endif
#endif
#if defined(CLEW_OTLP_TSAN)
extern "C" void __tsan_acquire(void* address);
extern "C" void __tsan_release(void* address);
#endif

namespace clew::api::otlp {
namespace {

// gRPC calls a reactor's functions one after another, but by locks that the thread sanitizer cannot see, since the
// library is not built with it.
class ReactorTurn {
 public:
#if defined(CLEW_OTLP_TSAN)
  explicit ReactorTurn(void* reactor) : reactor_(reactor) { __tsan_acquire(reactor_); }
  ~ReactorTurn() { __tsan_release(reactor_); }

 private:
  void* reactor_;
#else
  explicit ReactorTurn(void*) {}
#endif
};

constexpr std::chrono::seconds kLongestCall{30};
constexpr std::chrono::seconds kRetryAfter{1};
// Streams of one connection at a time.
constexpr int kConcurrentStreams = 128;

std::optional<wire::Signal> SignalOf(std::string_view method) {
  if (method == "/opentelemetry.proto.collector.trace.v1.TraceService/Export") return wire::Signal::kTraces;
  if (method == "/opentelemetry.proto.collector.logs.v1.LogsService/Export") return wire::Signal::kLogs;
  if (method == "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export") return wire::Signal::kMetrics;
  return std::nullopt;
}

grpc::Status StatusOf(base::Error error) {
  // OUT_OF_RANGE is about this message's size; gRPC's own code for that is RESOURCE_EXHAUSTED, which without a
  // RetryInfo tells OTLP senders not to try again.
  if (error.code == base::Code::kOutOfRange) error.code = base::Code::kResourceExhausted;
  std::string details;
  if (error.retry_after.count() > 0) details = wire::EncodeStatus(error, wire::Format::kProtobuf);
  return {static_cast<grpc::StatusCode>(error.code), error.message, details};
}

grpc::ByteBuffer BufferOf(std::string_view bytes) {
  const grpc::Slice slice(bytes.data(), bytes.size());
  return {&slice, 1};
}

// What the calls of one server share.
struct Shared {
  OtlpGrpcOptions options;
  std::shared_ptr<BatchSink> sink;
  std::atomic<size_t> bytes_in_work = 0;
};

// One call: reads one message, exports it, answers. Deletes itself when gRPC is done with it.
class ExportCall final : public grpc::ServerGenericBidiReactor {
 public:
  ExportCall(Shared& shared, grpc::GenericCallbackServerContext& context, wire::Signal signal)
      : shared_(shared), context_(context), signal_(signal) {
    const ReactorTurn turn(this);
    StartRead(&message_);
  }

  void OnReadDone(bool ok) override {
    const ReactorTurn turn(this);
    if (!ok) return Refuse({grpc::StatusCode::INVALID_ARGUMENT, "expected one message, got none"});
    size_ = message_.Length();
    const size_t in_work = shared_.bytes_in_work.fetch_add(size_, std::memory_order_relaxed) + size_;
    if (in_work > shared_.options.memory_bytes) {
      return Refuse(
          StatusOf({base::Code::kResourceExhausted, "too many requests are in work; try again later", kRetryAfter}));
    }
    auto context = MakeContext();
    if (!context) return Refuse(StatusOf(std::move(context).error()));
    grpc::Slice slice;
    if (!message_.TrySingleSlice(&slice).ok() && !message_.DumpToSingleSlice(&slice).ok()) {
      return Refuse({grpc::StatusCode::INTERNAL, "the message cannot be read"});
    }
    message_.Clear();
    const std::string_view body(reinterpret_cast<const char*>(slice.begin()), slice.size());
    // gRPC unpacks nothing here, since it would do so without a bound, and its own word for the encoding is lost.
    const ExportRequest request{signal_, wire::Format::kProtobuf, wire::DetectCompression(body), body,
                                shared_.options.message_limit_bytes};
    Export(*shared_.sink, *shared_.options.memory, *context, request,
           [this](base::Result<wire::PartialSuccess> left_out) { Answer(std::move(left_out)); });
  }

  void OnCancel() override {
    const ReactorTurn turn(this);
    cancellation_.Cancel();
  }
  void OnDone() override {
    {
      const ReactorTurn turn(this);
      Release();
    }
    delete this;
  }

 private:
  // The one value of that name.
  base::Result<std::optional<std::string_view>> Metadata(const char* name) const {
    const auto [first, last] = context_.client_metadata().equal_range(name);
    if (first == last) return std::nullopt;
    if (std::next(first) != last) return base::InvalidArgument(fmt::format("expected at most one {}", name));
    return std::string_view(first->second.data(), first->second.size());
  }

  base::Result<model::RequestContext> MakeContext() const {
    model::RequestContext context;
    CLEW_ASSIGN_OR_RETURN(const auto name, Metadata("x-scope-orgid"));
    std::optional<model::TenantId> asked;
    if (name) {
      CLEW_ASSIGN_OR_RETURN(asked, model::TenantId::Parse(*name));
    }
    if (shared_.options.tokens) {
      CLEW_ASSIGN_OR_RETURN(const auto authorization, Metadata("authorization"));
      CLEW_ASSIGN_OR_RETURN(const auto grant, shared_.options.tokens->Authenticate(authorization.value_or("")));
      CLEW_RETURN_IF_ERROR(grant->Check(model::Role::kWrite));
      CLEW_ASSIGN_OR_RETURN(context.tenant, grant->TenantFor(asked));
    } else {
      context.tenant = asked.value_or(model::TenantId());
    }
    context.role = model::Role::kWrite;
    const auto left = context_.deadline() - std::chrono::system_clock::now();
    context.deadline =
        std::chrono::steady_clock::now() + std::min<std::chrono::system_clock::duration>(left, kLongestCall);
    context.cancellation = cancellation_;
    return context;
  }

  // Gives back this message's share of the memory; before the answer, so that who has it finds room for the next.
  void Release() { shared_.bytes_in_work.fetch_sub(std::exchange(size_, 0), std::memory_order_relaxed); }

  void Refuse(grpc::Status status) {
    Release();
    Finish(std::move(status));
  }

  // From any thread. The reactor lives until Finish, whatever became of the client.
  void Answer(base::Result<wire::PartialSuccess> left_out) {
    {
      const ReactorTurn turn(this);
      Release();
      if (left_out) {
        answer_ = BufferOf(
            wire::EncodePartialSuccess(signal_, left_out->rejected, left_out->message, wire::Format::kProtobuf));
      }
    }
    if (!left_out) return Finish(StatusOf(std::move(left_out).error()));
    StartWriteAndFinish(&answer_, grpc::WriteOptions(), grpc::Status::OK);
  }

  Shared& shared_;
  grpc::GenericCallbackServerContext& context_;
  const wire::Signal signal_;
  const model::CancellationToken cancellation_;
  grpc::ByteBuffer message_;
  grpc::ByteBuffer answer_;
  size_t size_ = 0;
};

class UnknownMethod final : public grpc::ServerGenericBidiReactor {
 public:
  UnknownMethod() {
    const ReactorTurn turn(this);
    Finish({grpc::StatusCode::UNIMPLEMENTED, "expected Export of OTLP's TraceService, LogsService or MetricsService"});
  }
  void OnDone() override {
    {
      const ReactorTurn turn(this);
    }
    delete this;
  }
};

class Service final : public grpc::CallbackGenericService {
 public:
  explicit Service(Shared& shared) : shared_(shared) {}

  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* context) override {
    if (const auto signal = SignalOf(context->method())) return new ExportCall(shared_, *context, *signal);
    return new UnknownMethod();
  }

 private:
  Shared& shared_;
};

// gRPC writes what a peer does wrong to standard error, with the peer's words; that goes no further than debug.
void TameGrpcLog() {
  static std::once_flag once;
  std::call_once(
      once, [] { gpr_set_log_function([](gpr_log_func_args* args) { base::LogDebug("gRPC: {}", args->message); }); });
}

base::Result<std::shared_ptr<grpc::ServerCredentials>> CredentialsOf(const OtlpGrpcOptions& options) {
  if (options.tls_certificate_file.empty() && options.tls_key_file.empty()) return grpc::InsecureServerCredentials();
  // gRPC itself would start with files that it cannot use, and fail every handshake.
  CLEW_RETURN_IF_ERROR(net::TlsFiles::Open(options.tls_certificate_file, options.tls_key_file));
  constexpr unsigned kLookEverySeconds = 1;
  grpc::experimental::TlsServerCredentialsOptions tls(
      std::make_shared<grpc::experimental::FileWatcherCertificateProvider>(
          options.tls_key_file, options.tls_certificate_file, kLookEverySeconds));
  tls.watch_identity_key_cert_pairs();
  tls.set_cert_request_type(GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE);
  return grpc::experimental::TlsServerCredentials(tls);
}

class Server final : public OtlpGrpcServer {
 public:
  Server(OtlpGrpcOptions options, std::shared_ptr<BatchSink> sink)
      : shared_{std::move(options), std::move(sink)}, service_(shared_) {}
  ~Server() override { Stop(std::chrono::steady_clock::now()); }

  base::Status Listen() {
    const OtlpGrpcOptions& options = shared_.options;
    CLEW_RETURN_IF_ERROR(net::CheckListen(options.listen, options.listen_option));
    CLEW_ASSIGN_OR_RETURN(const auto credentials, CredentialsOf(options));
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort(options.listen.ToString(), credentials, &port);
    // With it, a second server on the same port would start and take half of the calls.
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    builder.AddChannelArgument(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0);
    builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kConcurrentStreams);
    builder.SetMaxReceiveMessageSize(static_cast<int>(std::min<size_t>(options.message_limit_bytes, INT32_MAX)));
    // What gRPC itself holds of messages that are still coming in. Well above our own bound, which senders can try
    // again after: gRPC's refusal has no RetryInfo.
    grpc::ResourceQuota quota("clew-otlp");
    quota.Resize(2 * options.memory_bytes + 4 * options.message_limit_bytes);
    builder.SetResourceQuota(quota);
    builder.RegisterCallbackGenericService(&service_);
    server_ = builder.BuildAndStart();
    if (server_ == nullptr || port == 0) {
      server_.reset();
      return base::Unavailable(fmt::format("cannot listen on {}; choose another address with {} HOST:PORT",
                                           options.listen.ToString(), options.listen_option));
    }
    address_ = {options.listen.host, static_cast<uint16_t>(port)};
    return {};
  }

  net::Address address() const override { return address_; }

  using OtlpGrpcServer::Stop;
  void Stop(std::chrono::steady_clock::time_point deadline) override {
    const std::lock_guard lock(stop_mutex_);
    if (server_ == nullptr) return;
    const auto left = std::clamp<std::chrono::steady_clock::duration>(deadline - std::chrono::steady_clock::now(),
                                                                      std::chrono::seconds(0), std::chrono::hours(1));
    server_->Shutdown(std::chrono::system_clock::now() + left);
    server_->Wait();
    server_.reset();
  }

 private:
  Shared shared_;
  Service service_;
  net::Address address_;
  std::mutex stop_mutex_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace

base::Result<std::unique_ptr<OtlpGrpcServer>> OtlpGrpcServer::Start(OtlpGrpcOptions options,
                                                                    std::shared_ptr<BatchSink> sink) {
  TameGrpcLog();
  if (!options.memory) options.memory = std::make_shared<ingest::MemoryBudget>(kDecodeMemoryBytes);
  auto server = std::make_unique<Server>(std::move(options), std::move(sink));
  CLEW_RETURN_IF_ERROR(server->Listen());
  return server;
}

}  // namespace clew::api::otlp
