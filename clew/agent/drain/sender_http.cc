// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <utility>

#include "clew/agent/drain/resource.h"
#include "clew/agent/drain/sender.h"
#include "clew/base/bytes.h"
#include "clew/base/file.h"
#include "clew/net/http_client.h"
#include "clew/wire/compression.h"

namespace clew::agent::drain {
namespace {

constexpr std::chrono::milliseconds kLongestRetryAfter{300'000};

net::HttpClientOptions ClientOptions(const SignalConfig& config) {
  net::HttpClientOptions options;
  options.user_agent = fmt::format("clew-agent/{}", kVersion);
  options.response_limit_bytes = 1u << 20;
  options.idle_connections = 1;
  options.ca_file = config.certificate_file;
  options.client_certificate_file = config.client_certificate_file;
  options.client_key_file = config.client_key_file;
  return options;
}

class HttpSender final : public Sender {
 public:
  HttpSender(Signal signal, const SignalConfig& config)
      : signal_(signal), config_(config), client_(ClientOptions(config)) {
    format_ = config.protocol == Protocol::kHttpJson ? wire::Format::kJson : wire::Format::kProtobuf;
  }

  Attempt Send(std::string_view body, std::chrono::steady_clock::time_point deadline) override {
    Attempt attempt;
    std::string packed;
    net::ClientRequest request;
    request.method = "POST";
    request.url = config_.endpoint;
    request.headers = config_.headers;
    request.content_type = format_ == wire::Format::kJson ? "application/json" : "application/x-protobuf";
    // OTLP receivers live with repeated batches, so a connection that they closed costs nothing.
    request.repeatable = true;
    request.body = body;
    if (config_.gzip) {
      auto compressed = wire::Compress(wire::Compression::kGzip, body);
      if (compressed) {
        packed = std::move(*compressed);
        request.body = packed;
        request.headers.emplace_back("content-encoding", "gzip");
      }
    }
    auto response = client_.Send(request, deadline);
    if (!response) {
      attempt.error = response.error().message;
      attempt.retryable =
          response.error().code == base::Code::kUnavailable || response.error().code == base::Code::kDeadlineExceeded;
      return attempt;
    }
    Read(*response, attempt);
    return attempt;
  }

 private:
  void Read(const net::HttpResponse& response, Attempt& attempt) const {
    const std::string& type = response.content_type;
    const bool json = type.starts_with("application/json");
    const wire::Format format = json ? wire::Format::kJson : wire::Format::kProtobuf;
    if (response.status >= 200 && response.status <= 299) {
      attempt.delivered = true;
      if (response.body.empty()) return;
      auto partial = wire::DecodePartialSuccess(signal_, response.body, format);
      if (partial) {
        attempt.rejected = partial->rejected;
        attempt.warning = Printable(partial->message);
      } else {
        attempt.warning = fmt::format("status {} with a body that is no OTLP response", response.status);
      }
      return;
    }
    attempt.retryable = IsRetryableStatus(response.status);
    attempt.retry_after = ParseRetryAfter(response.Header("retry-after"), std::chrono::system_clock::now());
    attempt.error = fmt::format("status {} {}", response.status, net::ReasonPhrase(response.status));
    if (json || type.starts_with("application/x-protobuf")) {
      auto status = wire::DecodeStatus(response.body, format);
      if (status && !status->message.empty()) attempt.error += ": " + Printable(status->message);
    }
  }

  Signal signal_;
  SignalConfig config_;
  wire::Format format_ = wire::Format::kProtobuf;
  net::HttpClient client_;
};

}  // namespace

base::Result<std::unique_ptr<Sender>> MakeSender(Signal signal, const SignalConfig& config) {
  for (const std::string& file : {config.certificate_file, config.client_certificate_file, config.client_key_file}) {
    if (file.empty() || access(file.c_str(), R_OK) == 0) continue;
    return base::Fail(base::Code::kFailedPrecondition, "cannot read the certificate file " + Printable(file));
  }
  if (config.protocol == Protocol::kGrpc) return internal::MakeGrpcSender(signal, config);
  return std::make_unique<HttpSender>(signal, config);
}

void WriteToConsole(std::string_view json) {
  std::string line(json);
  line += '\n';
  (void)base::WriteAll(STDERR_FILENO, line);
}

std::string Printable(std::string_view text, size_t limit) {
  std::string result(text.substr(0, limit));
  std::ranges::replace_if(result, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
  if (text.size() > limit) result += "…";
  return base::ToUtf8(result);
}

// OTLP specification, "Retryable Response Codes", and 507: the server's disk is full, which passes too.
bool IsRetryableStatus(int status) {
  return status == 429 || status == 502 || status == 503 || status == 504 || status == 507;
}

std::chrono::milliseconds ParseRetryAfter(std::string_view text, std::chrono::system_clock::time_point now) {
  if (text.empty()) return {};
  std::chrono::milliseconds wait{0};
  uint64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error == std::errc::result_out_of_range) return kLongestRetryAfter;
  if (error == std::errc() && end == text.data() + text.size()) {
    if (seconds > 300) return kLongestRetryAfter;
    wait = std::chrono::seconds(seconds);
  } else {
    tm parts{};
    const std::string date(text);
    const char* rest = strptime(date.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
    if (rest == nullptr || *rest != '\0') return {};
    const auto when = std::chrono::system_clock::from_time_t(timegm(&parts));
    wait = std::chrono::duration_cast<std::chrono::milliseconds>(when - now);
  }
  return std::clamp(wait, std::chrono::milliseconds{0}, kLongestRetryAfter);
}

}  // namespace clew::agent::drain
