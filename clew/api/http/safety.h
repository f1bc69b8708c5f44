// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "clew/net/http_router.h"

namespace clew::api::http {

struct SafetyOptions {
  // Beside loopback names and IP addresses: names by which this server is called, without port.
  std::vector<std::string> allowed_hosts = {};
  // Beside the server's own: "https://grafana.example.com".
  std::vector<std::string> allowed_origins = {};
  // For a server that is open to the network on purpose: its names are not known, so any Host will do.
  bool any_host = false;
};

// Refuses with 403 what a foreign web page makes a browser send: a Host that is neither an IP address nor a known name
// (DNS rebinding), an Origin other than the server's own, and what Fetch Metadata calls cross-site unless it is a
// navigation by GET. Programs send none of these headers.
net::HttpRouter::Filter SafetyFilter(SafetyOptions options);

}  // namespace clew::api::http
