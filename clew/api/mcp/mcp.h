// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "clew/base/json_reader.h"
#include "clew/base/result.h"
#include "clew/net/url.h"

namespace clew::api::mcp {

// The Model Context Protocol (specification 2025-06-18, server side: tools only): what Clew's HTTP API answers, as
// tools for assistants. Everything passes through that API, so an assistant sees what its token lets it see, and only
// what was redacted before it was stored. Not thread-safe.
class McpServer {
 public:
  // GET of a path of Clew's API: the body of the answer.
  using Ask = std::function<base::Result<std::string>(std::string_view path, const net::Parameters& parameters)>;

  McpServer(Ask ask, std::string version) : ask_(std::move(ask)), version_(std::move(version)) {}

  // One JSON-RPC 2.0 message; the response, or none to a notification. Whatever comes, the answer is a message of the
  // protocol; a failed question is a tool's result with isError, which an assistant can read.
  std::optional<std::string> Handle(std::string_view message);

 private:
  std::string Call(const base::JsonValue& parameters);

  const Ask ask_;
  const std::string version_;
};

}  // namespace clew::api::mcp
