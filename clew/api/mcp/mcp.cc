// SPDX-License-Identifier: Apache-2.0
#include "clew/api/mcp/mcp.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "clew/base/json_writer.h"

namespace clew::api::mcp {
namespace {

using base::JsonValue;
using base::JsonWriter;

// JSON-RPC 2.0, section 5.1.
constexpr int kParseError = -32700;
constexpr int kInvalidRequest = -32600;
constexpr int kMethodNotFound = -32601;
constexpr int kInvalidParameters = -32602;

// Revisions of the protocol that are spoken, newest first.
constexpr std::array<std::string_view, 3> kProtocols = {"2025-06-18", "2025-03-26", "2024-11-05"};

struct Argument {
  std::string_view name;
  std::string_view type;  // of JSON Schema
  std::string_view text;
  bool required = false;
};

struct Tool {
  std::string_view name;
  std::string_view path;  // a last "{id}" is filled in from the argument `id`
  std::string_view text;
  std::span<const Argument> arguments;
};

#define CLEW_MCP_RANGE                                                                                   \
  {"from", "string", "start of the time looked at: RFC 3339, a Unix time, or relative (-15m)", false}, { \
    "to", "string", "its end; default now", false                                                        \
  }

constexpr Argument kWhy[] = {CLEW_MCP_RANGE,
                             {"baseline_from", "string", "start of a time when all was well", false},
                             {"baseline_to", "string", "its end", false},
                             {"service", "string", "only causes that affect this service", false}};
constexpr Argument kIncidents[] = {CLEW_MCP_RANGE, {"limit", "integer", "how many at most", false}};
constexpr Argument kServices[] = {CLEW_MCP_RANGE};
constexpr Argument kCompare[] = {CLEW_MCP_RANGE,
                                 {"signal", "string", "spans (default) or logs", false},
                                 {"service", "string", "only of this service", false},
                                 {"operation", "string", "only spans of this name", false},
                                 {"errors", "boolean", "the group: what failed", false},
                                 {"min_duration", "string", "the group: spans at least this long (250ms)", false},
                                 {"attribute", "string", "the group: KEY=VALUE", false},
                                 {"since", "string", "the group: what came from this time on", false}};
constexpr Argument kTraces[] = {CLEW_MCP_RANGE,
                                {"service", "string", "traces with a span of this service", false},
                                {"operation", "string", "and of this name", false},
                                {"errors", "boolean", "and that failed", false},
                                {"min_duration", "string", "and at least this long (250ms)", false},
                                {"order", "string", "newest (default) or slowest", false},
                                {"limit", "integer", "how many at most", false}};
constexpr Argument kTrace[] = {{"id", "string", "trace id, 32 hexadecimal digits", true}};
constexpr Argument kLogs[] = {CLEW_MCP_RANGE,
                              {"service", "string", "of this service", false},
                              {"text", "string", "that hold this text", false},
                              {"severity", "string", "trace, debug, info, warn, error or fatal and above", false},
                              {"trace_id", "string", "of this trace", false},
                              {"limit", "integer", "how many at most", false}};

constexpr Tool kTools[] = {
    {"why", "/api/clew/why",
     "Names what is wrong: ranked causes with evidence before and during, where each acts and how it came to its rank. "
     "Without times it looks for an incident in the last half hour. incident=false means that nothing stands out.",
     kWhy},
    {"incidents", "/api/clew/incidents", "Incidents that were noticed, each with its causes.", kIncidents},
    {"services", "/api/clew/services", "Services with their rate, errors and durations.", kServices},
    {"compare", "/api/clew/compare",
     "What sets a group of spans or log lines apart from the rest: attribute values with counts and significance. "
     "Give exactly one of errors, min_duration, attribute, since.",
     kCompare},
    {"traces", "/api/clew/traces", "Finds traces.", kTraces},
    {"trace", "/api/clew/traces/{id}", "One trace with its spans and log lines.", kTrace},
    {"logs", "/api/clew/logs", "Finds log lines.", kLogs},
};

void WriteTool(const Tool& tool, JsonWriter& json) {
  json.BeginObject().Field("name", tool.name).Field("description", tool.text);
  json.Key("inputSchema").BeginObject().Field("type", "object").Key("properties").BeginObject();
  for (const Argument& argument : tool.arguments) {
    json.Key(argument.name).BeginObject().Field("type", argument.type).Field("description", argument.text).EndObject();
  }
  json.EndObject().Key("required").BeginArray();
  for (const Argument& argument : tool.arguments) {
    if (argument.required) json.String(argument.name);
  }
  json.EndArray().EndObject();
  json.Key("annotations").BeginObject().Field("readOnlyHint", true).EndObject().EndObject();
}

std::string ToolsJson() {
  JsonWriter json;
  json.BeginObject().Key("tools").BeginArray();
  for (const Tool& tool : kTools) WriteTool(tool, json);
  json.EndArray().EndObject();
  return json.Take();
}

std::string InitializeJson(const JsonValue& parameters, std::string_view version) {
  const std::string_view asked = parameters["protocolVersion"].AsString();
  const bool spoken = std::ranges::find(kProtocols, asked) != kProtocols.end();
  JsonWriter json;
  json.BeginObject().Field("protocolVersion", spoken ? asked : kProtocols.front());
  json.Key("capabilities").BeginObject().Key("tools").BeginObject().EndObject().EndObject();
  json.Key("serverInfo").BeginObject().Field("name", "clew").Field("version", version).EndObject();
  json.Field("instructions",
             "Start with `why`. Personal data was redacted before it was stored. Name trace ids and links when you "
             "report what you found, so that a person can check it.");
  json.EndObject();
  return json.Take();
}

std::string ToolResult(std::string_view text, bool is_error) {
  JsonWriter json;
  json.BeginObject().Key("content").BeginArray().BeginObject().Field("type", "text").Field("text", text);
  json.EndObject().EndArray().Field("isError", is_error).EndObject();
  return json.Take();
}

void WriteId(const JsonValue& id, JsonWriter& json) {
  json.Key("id");
  if (id.is_string()) {
    json.String(id.AsString());
  } else if (id.is_int()) {
    json.Int(id.AsInt());
  } else {
    json.Null();
  }
}

std::string Response(const JsonValue& id, std::string_view result) {
  JsonWriter json;
  json.BeginObject().Field("jsonrpc", "2.0");
  WriteId(id, json);
  json.Key("result").Raw(result).EndObject();
  return json.Take();
}

std::string ErrorResponse(const JsonValue& id, int code, std::string_view message) {
  JsonWriter json;
  json.BeginObject().Field("jsonrpc", "2.0");
  WriteId(id, json);
  json.Key("error").BeginObject().Field("code", code).Field("message", message).EndObject().EndObject();
  return json.Take();
}

std::string ArgumentText(const JsonValue& value) {
  if (value.is_bool()) return value.AsBool() ? "true" : "false";
  if (value.is_int()) return std::to_string(value.AsInt());
  if (value.is_number()) return fmt::format("{}", value.AsDouble());
  return std::string(value.AsString());
}

const Tool* FindTool(std::string_view name) {
  const auto* found = std::ranges::find(kTools, name, &Tool::name);
  return found == std::end(kTools) ? nullptr : found;
}

}  // namespace

std::string McpServer::Call(const JsonValue& parameters) {
  const Tool& tool = *FindTool(parameters["name"].AsString());
  std::string path(tool.path);
  net::Parameters query;
  for (const auto& [name, value] : parameters["arguments"].AsObject()) {
    const auto known = std::ranges::find(tool.arguments, name, &Argument::name);
    if (known == tool.arguments.end()) {
      return ToolResult(fmt::format("{} takes no argument '{}'", tool.name, name), true);
    }
    if (value.is_null()) continue;
    if (const size_t slot = path.find("{id}"); slot != std::string::npos && name == "id") {
      path.replace(slot, 4, net::PercentEncode(ArgumentText(value)));
    } else {
      query.Add(name, ArgumentText(value));
    }
  }
  if (path.contains('{')) return ToolResult("the argument 'id' is missing", true);
  const auto answer = ask_(path, query);
  return answer ? ToolResult(*answer, false) : ToolResult(answer.error().message, true);
}

std::optional<std::string> McpServer::Handle(std::string_view message) {
  const auto request = base::ParseJson(message);
  if (!request) return ErrorResponse({}, kParseError, request.error().message);
  const JsonValue& id = (*request)["id"];
  const std::string_view method = (*request)["method"].AsString();
  if (!request->is_object() || method.empty()) {
    return ErrorResponse(id, kInvalidRequest, "expected a JSON-RPC 2.0 request with a method");
  }
  // A notification gets no answer.
  if (id.is_null()) return std::nullopt;
  const JsonValue& parameters = (*request)["params"];
  if (method == "initialize") return Response(id, InitializeJson(parameters, version_));
  if (method == "ping") return Response(id, "{}");
  if (method == "tools/list") return Response(id, ToolsJson());
  if (method != "tools/call") return ErrorResponse(id, kMethodNotFound, fmt::format("no method '{}'", method));
  const std::string_view name = parameters["name"].AsString();
  if (FindTool(name) == nullptr) return ErrorResponse(id, kInvalidParameters, fmt::format("no tool '{}'", name));
  return Response(id, Call(parameters));
}

}  // namespace clew::api::mcp
