// SPDX-License-Identifier: Apache-2.0
#include "clew/cli/api_client.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdlib>
#include <memory>

#include "clew/base/file.h"

namespace clew::cli {
namespace {

constexpr std::chrono::seconds kTimeout{130};  // a little over the longest time that a server takes

// The message of an error body: Clew's {"error":…}, Prometheus' {"error":…}, or plain text.
std::string MessageOf(const net::HttpResponse& response) {
  if (const auto json = base::ParseJson(response.body); json) {
    if (const std::string_view message = (*json)["error"].AsString(); !message.empty()) return std::string(message);
  }
  const std::string_view body = response.body;
  std::string line(body.substr(0, std::min(body.find('\n'), size_t{300})));
  return line.empty() ? std::string(net::ReasonPhrase(response.status)) : line;
}

base::Code CodeOfStatus(int status) {
  switch (status) {
    case 401: return base::Code::kUnauthenticated;
    case 403: return base::Code::kPermissionDenied;
    case 404: return base::Code::kNotFound;
    case 429: return base::Code::kResourceExhausted;
    case 501: return base::Code::kUnimplemented;
    case 503: return base::Code::kUnavailable;
    default: return status >= 400 && status < 500 ? base::Code::kInvalidArgument : base::Code::kInternal;
  }
}

}  // namespace

void ServerOptions::AddTo(CLI::App& command) {
  command.add_option("--server", server, "Address of a running server (CLEW_SERVER; default http://127.0.0.1:7070)");
  command.add_option("--token-file", token_file, "File with the token that the server asks for");
  command.add_option("--tenant", tenant, "Whose data (default anonymous)");
}

void ListOptions::AddTo(CLI::App& command, std::string_view what) {
  command.add_option("--from", from, "Start: 2026-11-24T19:40:00Z, a Unix time, or -15m (default: one hour back)");
  command.add_option("--to", to, "End, likewise (default: now)");
  command.add_option("--service", service, fmt::format("Only {} of this service", what));
  command.add_option("--limit", limit, fmt::format("At most so many {}", what));
}

void ListOptions::Append(net::Parameters& parameters) const {
  if (!from.empty()) parameters.Add("from", from);
  if (!to.empty()) parameters.Add("to", to);
  if (!service.empty()) parameters.Add("service", service);
  if (limit != 0) parameters.Add("limit", std::to_string(limit));
}

void AddFormatOption(CLI::App& command, std::string& format) {
  command.add_option("--format", format, "text or json")->check(CLI::IsMember({"text", "json"}))->default_val("text");
}

base::Result<ApiClient> ApiClient::Make(const ServerOptions& options) {
  ApiClient client;
  client.base_url_ = options.server;
  if (client.base_url_.empty()) {
    const char* from_environment = std::getenv("CLEW_SERVER");
    client.base_url_ =
        from_environment != nullptr && *from_environment != '\0' ? from_environment : "http://127.0.0.1:7070";
  }
  while (client.base_url_.ends_with('/')) client.base_url_.pop_back();
  if (const auto url = net::Url::Parse(client.base_url_); !url) {
    return base::InvalidArgument("--server: " + url.error().message);
  }
  if (!options.token_file.empty()) {
    CLEW_ASSIGN_OR_RETURN(std::string token, base::ReadFile(options.token_file, 64u << 10));
    token.erase(token.find_last_not_of(" \r\n\t") + 1);
    client.authorization_ = "Bearer " + token;
  }
  client.tenant_ = options.tenant;
  client.client_ = std::make_unique<net::HttpClient>();
  return client;
}

base::Result<std::string> ApiClient::Get(std::string_view path, const net::Parameters& parameters) {
  net::ClientRequest request;
  request.url = base_url_ + std::string(path);
  if (!parameters.empty()) request.url += '?' + net::FormatParameters(parameters);
  return Send(std::move(request));
}

base::Result<std::string> ApiClient::Send(net::ClientRequest request) {
  if (!authorization_.empty()) request.headers.emplace_back("Authorization", authorization_);
  if (!tenant_.empty()) request.headers.emplace_back("X-Scope-OrgID", tenant_);
  auto response = client_->Send(request, kTimeout);
  if (!response) {
    if (response.error().code == base::Code::kUnavailable) {
      return base::Unavailable(
          fmt::format("no server answers at {} ({}); start one with `clew serve`, or name one with --server", base_url_,
                      response.error().message));
    }
    return std::unexpected(std::move(response).error());
  }
  if (response->status / 100 != 2) return base::Fail(CodeOfStatus(response->status), MessageOf(*response));
  return std::move(response->body);
}

base::Result<base::JsonValue> ApiClient::GetJson(std::string_view path, const net::Parameters& parameters) {
  return Read(Get(path, parameters));
}

base::Result<base::JsonValue> ApiClient::PostJson(std::string_view path, std::string_view json_body) {
  net::ClientRequest request;
  request.method = "POST";
  request.url = base_url_ + std::string(path);
  request.content_type = "application/json";
  request.body = json_body;
  return Read(Send(std::move(request)));
}

base::Result<base::JsonValue> ApiClient::Read(base::Result<std::string> body) const {
  if (!body) return std::unexpected(std::move(body).error());
  auto json = base::ParseJson(*body);
  if (!json)
    return base::Internal(fmt::format("{} answers something that is no JSON; is it a Clew server?", base_url_));
  return json;
}

}  // namespace clew::cli
