// SPDX-License-Identifier: Apache-2.0
#include "clew/cli/server.h"

#include <fmt/format.h>
#include <malloc.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <utility>

#include "clew/api/clew/charts_api.h"
#include "clew/api/clew/clew_api.h"
#include "clew/api/clew/compare_api.h"
#include "clew/api/clew/incidents_api.h"
#include "clew/api/clew/page.h"
#include "clew/api/clew/privacy_api.h"
#include "clew/api/clew/self_api.h"
#include "clew/api/clew/why_api.h"
#include "clew/api/http/authentication.h"
#include "clew/api/http/safety.h"
#include "clew/api/jaeger/jaeger_api.h"
#include "clew/api/loki/loki_api.h"
#include "clew/api/otlp/otlp_api.h"
#include "clew/api/otlp/otlp_grpc.h"
#include "clew/api/prometheus/prometheus_api.h"
#include "clew/auth/token_file.h"
#include "clew/base/log.h"
#include "clew/cli/config_file.h"
#include "clew/cli/privacy_watch.h"
#include "clew/cli/self_metrics.h"
#include "clew/govern/eraser.h"
#include "clew/ingest/ingest.h"
#include "clew/ingest/memory_budget.h"
#include "clew/net/http_router.h"
#include "clew/net/http_server.h"
#include "clew/privacy/shared_redactor.h"
#include "clew/store/retention.h"
#include "clew/store/rollup.h"
#include "clew/store/store.h"
#include "clew/store/write_path.h"
#include "clew/watch/noticer.h"
#include "clew/watch/webhook.h"

namespace clew::cli {
namespace {

base::Status RefuseOpenAddress(const ServerConfig& config) {
  if (config.insecure || !config.token_file.empty()) return {};
  for (const auto& [option, address] :
       {std::pair{"--listen", config.listen}, {"--otlp-http", config.otlp_http}, {"--otlp-grpc", config.otlp_grpc}}) {
    if (!address.IsLoopback()) {
      return base::InvalidArgument(
          fmt::format("{} {} is open to the network and nobody has to show a token there; add the line `tokens: FILE` "
                      "to the file of --config (`clew token` makes tokens), or --insecure",
                      option, address.ToString()));
    }
  }
  return {};
}

// Bodies that one listener holds as they were sent.
constexpr size_t kBodyMemoryBytes = 160u << 20;

// Bodies, batches and columns are megabytes that come and go many times a second: the system would clear each page of
// them anew. What is free goes back once nothing was stored for some seconds (engine::Engine, TableWriter).
void KeepFreedMemory() {
#ifdef __GLIBC__
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
  mallopt(M_TRIM_THRESHOLD, 512 << 20);
  // Also what a heap of another thread than the first must have free before it is given up.
  mallopt(M_TOP_PAD, 64 << 20);
  // What one thread frees, another takes.
  mallopt(M_ARENA_MAX, 1);
#endif
}

class ServerImpl final : public Server {
 public:
  ~ServerImpl() override { Stop(std::chrono::seconds(0)); }

  base::Status Open(const ServerConfig& config) {
    CLEW_RETURN_IF_ERROR(RefuseOpenAddress(config));
    if (!config.token_file.empty()) {
      CLEW_ASSIGN_OR_RETURN(tokens_, auth::TokenFile::Open(config.token_file));
    }
    store::StoreOptions store_options;
    store_options.data_dir = config.data_dir;
    CLEW_ASSIGN_OR_RETURN(store_, store::Store::Open(store_options));
    store::WritePathOptions write_options;
    write_options.log.folder = config.data_dir + "/wal";
    CLEW_ASSIGN_OR_RETURN(write_path_, store::WritePath::Open(std::move(write_options), *store_));
    std::string warning;
    CLEW_ASSIGN_OR_RETURN(redactor_, privacy::MakeSharedRedactor(config.privacy, warning));
    if (!warning.empty()) base::LogWarning("{}", warning);
    privacy_watch_.emplace(config.config_file, redactor_, [](bool is_error, const std::string& text) {
      if (is_error) {
        base::LogError("{}", text);
      } else {
        base::LogInfo("{}", text);
      }
    });
    privacy_watch_->Start();
    ingest::Options ingest_options;
    ingest_options.redactor = redactor_;
    ingest_options.tenant = config.tenant_limits;
    ingest_ = std::make_unique<ingest::Ingest>(*write_path_, std::move(ingest_options));
    store::RetentionOptions retention;
    retention.age = config.retention;
    retention.disk_share = config.disk_share;
    retention_.emplace(*store_, std::move(retention));
    store::RollupOptions rollup;
    rollup.stored_up_to = [this] { return write_path_->StoredUpTo(); };
    rollup_.emplace(*store_, std::move(rollup));
    eraser_.emplace(*store_, *write_path_, *redactor_);
    MakeApis();
    CLEW_RETURN_IF_ERROR(Listen(config));
    StartNoticing(config);
    return {};
  }

  std::vector<std::pair<std::string, std::string>> addresses() const override {
    std::vector<std::pair<std::string, std::string>> addresses;
    if (http_) addresses.emplace_back("http", http_->address().ToString());
    if (otlp_http_) addresses.emplace_back("otlp-http", otlp_http_->address().ToString());
    if (otlp_grpc_) addresses.emplace_back("otlp-grpc", otlp_grpc_->address().ToString());
    return addresses;
  }

  std::string admin_token() const override { return admin_token_; }

  void Stop(std::chrono::milliseconds patience) override {
    if (stopped_) return;
    stopped_ = true;
    const auto deadline = std::chrono::steady_clock::now() + patience;
    noticer_.reset();
    webhook_.reset();
    if (otlp_grpc_) otlp_grpc_->Stop(deadline);
    if (otlp_http_) otlp_http_->Stop(deadline);
    if (http_) http_->Stop(deadline);
    eraser_.reset();
    if (ingest_) ingest_->Close();
    privacy_watch_.reset();
    rollup_.reset();
    retention_.reset();
    if (write_path_) write_path_->Close(std::max(deadline, std::chrono::steady_clock::now() + patience / 2));
    ingest_.reset();
    write_path_.reset();
    if (store_) store_->Close();
  }

 private:
  void MakeApis() {
    otlp_api_ = std::make_unique<api::otlp::OtlpApi>(*ingest_, api::otlp::OtlpOptions{.memory = decode_memory_});
    prometheus_api_ = std::make_unique<api::prometheus::PrometheusApi>(*store_);
    jaeger_api_ = std::make_unique<api::jaeger::JaegerApi>(*store_);
    loki_api_ = std::make_unique<api::loki::LokiApi>(*store_);
    clew_api_ = std::make_unique<api::clew_api::ClewApi>(*store_);
    charts_api_ = std::make_unique<api::clew_api::ChartsApi>(*store_);
    compare_api_ = std::make_unique<api::clew_api::CompareApi>(*store_);
    incidents_api_ = std::make_unique<api::clew_api::IncidentsApi>(*store_);
    why_api_ = std::make_unique<api::clew_api::WhyApi>(*store_);
    privacy_api_ = std::make_unique<api::clew_api::PrivacyApi>(*store_, *redactor_, *eraser_, ReadPrivacyText);
    self_api_ = std::make_unique<api::clew_api::SelfApi>(api::clew_api::SelfDescription{
        [this] { return addresses(); },
        [this] {
          std::vector<std::pair<std::string, net::HttpServer::Counters>> http;
          if (http_) http.emplace_back("http", http_->counters());
          if (otlp_http_) http.emplace_back("otlp-http", otlp_http_->counters());
          return SelfMetrics(ingest_->counters(), write_path_->stats(), retention_->stats(), store_->parts_aside(),
                             redactor_->counts(), http);
        },
        [this] { return write_path_->CheckReady(); }});
  }

  void StartNoticing(const ServerConfig& config) {
    if (!config.incident_webhook.empty()) {
      webhook_ = std::make_unique<watch::Webhook>(watch::WebhookOptions{.url = config.incident_webhook});
    }
    noticer_ = std::make_unique<watch::Noticer>(
        *store_, watch::NoticerOptions(),
        [this](watch::Happening happening, const store::Incident& incident, const model::TenantId& tenant) {
          if (webhook_) webhook_->Post(watch::WebhookBody(happening, incident, tenant));
        });
    noticer_->Start();
  }

  base::Status Listen(const ServerConfig& config) {
    auto router = std::make_shared<net::HttpRouter>();
    router->AddFilter(
        api::http::SafetyFilter({.allowed_hosts = config.allowed_hosts,
                                 .allowed_origins = config.allowed_origins,
                                 .any_host = !config.listen.IsLoopback() && config.allowed_hosts.empty()}));
    otlp_api_->Register(*router);
    otlp_api_->RegisterAt(*router, "/api/v1/otlp/v1/metrics", api::otlp::OtlpApi::Door::kMetrics);
    otlp_api_->RegisterAt(*router, "/loki/otlp/v1/logs", api::otlp::OtlpApi::Door::kLogs);
    prometheus_api_->Register(*router);
    jaeger_api_->Register(*router);
    loki_api_->Register(*router);
    clew_api_->Register(*router);
    charts_api_->Register(*router);
    compare_api_->Register(*router);
    incidents_api_->Register(*router);
    why_api_->Register(*router);
    privacy_api_->Register(*router);
    self_api_->Register(*router);
    api::clew_api::RegisterPage(*router);
    auto otlp_router = std::make_shared<net::HttpRouter>();
    otlp_api_->Register(*otlp_router);
    if (tokens_ == nullptr) {
      CLEW_ASSIGN_OR_RETURN(const auth::NewToken token, auth::MakeToken("start", "*", "admin"));
      admin_token_ = token.token;
      router->AddFilter(api::http::AdminTokenFilter(admin_token_));
    } else {
      // Health checks come from what has no token.
      router->AddFilter(
          api::http::TokenFilter(tokens_, {"/healthz", "/readyz", "/-/healthy", "/-/ready", "/loki/ready"}));
      otlp_router->AddFilter(api::http::TokenFilter(tokens_, {}));
    }

    net::HttpServerOptions http;
    http.listen = config.listen;
    http.tls_certificate_file = config.tls_certificate_file;
    http.tls_key_file = config.tls_key_file;
    http.body_memory_bytes = kBodyMemoryBytes;
    net::HttpServerOptions otlp_http = http;
    otlp_http.listen = config.otlp_http;
    otlp_http.listen_option = "--otlp-http";
    CLEW_ASSIGN_OR_RETURN(http_, net::HttpServer::Start(std::move(http), std::move(router)));
    CLEW_ASSIGN_OR_RETURN(otlp_http_, net::HttpServer::Start(std::move(otlp_http), std::move(otlp_router)));
    api::otlp::OtlpGrpcOptions grpc;
    grpc.listen = config.otlp_grpc;
    grpc.tls_certificate_file = config.tls_certificate_file;
    grpc.tls_key_file = config.tls_key_file;
    grpc.tokens = tokens_;
    grpc.memory_bytes = kBodyMemoryBytes;
    grpc.memory = decode_memory_;
    CLEW_ASSIGN_OR_RETURN(otlp_grpc_, api::otlp::OtlpGrpcServer::Start(std::move(grpc), *ingest_));
    return {};
  }

  // In the order in which they are made; each needs those before it.
  std::shared_ptr<auth::TokenFile> tokens_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<store::WritePath> write_path_;
  std::shared_ptr<privacy::Redactor> redactor_;
  std::optional<PrivacyWatch> privacy_watch_;
  std::unique_ptr<ingest::Ingest> ingest_;
  const std::shared_ptr<ingest::MemoryBudget> decode_memory_ =
      std::make_shared<ingest::MemoryBudget>(api::otlp::kDecodeMemoryBytes);
  std::optional<store::Retention> retention_;
  std::optional<store::Rollup> rollup_;
  std::optional<govern::Eraser> eraser_;
  std::unique_ptr<api::otlp::OtlpApi> otlp_api_;
  std::unique_ptr<api::prometheus::PrometheusApi> prometheus_api_;
  std::unique_ptr<api::jaeger::JaegerApi> jaeger_api_;
  std::unique_ptr<api::loki::LokiApi> loki_api_;
  std::unique_ptr<api::clew_api::ClewApi> clew_api_;
  std::unique_ptr<api::clew_api::ChartsApi> charts_api_;
  std::unique_ptr<api::clew_api::CompareApi> compare_api_;
  std::unique_ptr<api::clew_api::IncidentsApi> incidents_api_;
  std::unique_ptr<api::clew_api::WhyApi> why_api_;
  std::unique_ptr<api::clew_api::PrivacyApi> privacy_api_;
  std::unique_ptr<api::clew_api::SelfApi> self_api_;
  std::unique_ptr<watch::Webhook> webhook_;
  std::unique_ptr<watch::Noticer> noticer_;
  std::unique_ptr<net::HttpServer> http_;
  std::unique_ptr<net::HttpServer> otlp_http_;
  std::unique_ptr<api::otlp::OtlpGrpcServer> otlp_grpc_;
  std::string admin_token_;
  bool stopped_ = false;
};

}  // namespace

std::string DefaultDataDir() {
  if (const char* data_home = std::getenv("XDG_DATA_HOME"); data_home != nullptr && *data_home == '/') {
    return std::string(data_home) + "/clew";
  }
  const char* home = std::getenv("HOME");
  return std::string(home != nullptr ? home : ".") + "/.local/share/clew";
}

base::Result<std::unique_ptr<Server>> Server::Start(const ServerConfig& config) {
  KeepFreedMemory();
  auto server = std::make_unique<ServerImpl>();
  CLEW_RETURN_IF_ERROR(server->Open(config));
  return server;
}

}  // namespace clew::cli
