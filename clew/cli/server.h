// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "clew/base/result.h"
#include "clew/ingest/tenant_limits.h"
#include "clew/net/address.h"
#include "clew/privacy/policy.h"

namespace clew::cli {

struct ServerConfig {
  std::string data_dir;
  net::Address listen{"127.0.0.1", 7070};
  net::Address otlp_http{"127.0.0.1", 4318};
  net::Address otlp_grpc{"127.0.0.1", 4317};
  // Since arrival; zero: for ever.
  std::chrono::nanoseconds retention = std::chrono::hours(30 * 24);
  // Of the room that the tables and nobody else take (store::RetentionOptions).
  double disk_share = 0.8;
  ingest::TenantLimits tenant_limits;
  privacy::Policy privacy;
  // Where all this was read from; empty: nowhere. When it changes, `privacy` is read again.
  std::string config_file = {};
  // Takes addresses other than loopback although nobody has to show a token.
  bool insecure = false;
  // auth::TokenFile; empty: nobody is asked.
  std::string token_file = {};
  // PEM files for all three listeners; empty: no TLS.
  std::string tls_certificate_file = {};
  std::string tls_key_file = {};
  // api::http::SafetyOptions.
  std::vector<std::string> allowed_hosts = {};
  std::vector<std::string> allowed_origins = {};
  // Gets a POST when an incident opens, changes its first cause or closes; empty: nobody.
  std::string incident_webhook;
};

// ${XDG_DATA_HOME:-~/.local/share}/clew
std::string DefaultDataDir();

// The whole of `clew serve` in one process: store, write path, ingest, every API, three listeners. Started and stopped
// by one thread.
class Server {
 public:
  // Opens the data folder, replays the log, then listens; an error names what to do. Everything that was started before
  // an error is stopped again.
  static base::Result<std::unique_ptr<Server>> Start(const ServerConfig& config);
  virtual ~Server() = default;

  // {"http", "127.0.0.1:7070"}, {"otlp-http", …}, {"otlp-grpc", …}, with the ports taken.
  virtual std::vector<std::pair<std::string, std::string>> addresses() const = 0;
  // What takes the role admin where nobody has to show a token otherwise, made anew at each start; empty where the
  // configuration has tokens.
  virtual std::string admin_token() const = 0;
  // Lets running requests end, then stores what is pending and closes; all of it within about `patience`. What could
  // not be stored stays in the log for the next start. Repeatable.
  virtual void Stop(std::chrono::milliseconds patience) = 0;
};

}  // namespace clew::cli
