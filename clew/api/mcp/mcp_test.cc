// SPDX-License-Identifier: Apache-2.0
#include "clew/api/mcp/mcp.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace clew::api::mcp {
namespace {

using base::JsonValue;

class McpTest : public testing::Test {
 protected:
  JsonValue Ask(std::string_view message) {
    const auto answer = server_.Handle(message);
    EXPECT_TRUE(answer.has_value());
    auto json = base::ParseJson(answer.value_or("null"));
    EXPECT_TRUE(json) << json.error().message;
    return *std::move(json);
  }

  std::string asked_;
  McpServer server_{[this](std::string_view path, const net::Parameters& parameters) -> base::Result<std::string> {
                      asked_ = std::string(path) + '?' + net::FormatParameters(parameters);
                      if (parameters.Get("service") == "nowhere") return base::InvalidArgument("no such service");
                      return std::string(R"({"incident":false})");
                    },
                    "1.2.3"};
};

TEST_F(McpTest, Initializes) {
  const JsonValue answer =
      Ask(R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-03-26"}})");
  EXPECT_EQ(answer["id"].AsInt(), 1);
  EXPECT_EQ(answer["result"]["protocolVersion"].AsString(), "2025-03-26");
  EXPECT_EQ(answer["result"]["serverInfo"]["version"].AsString(), "1.2.3");
  // A revision that is not known gets the newest that is.
  EXPECT_EQ(Ask(R"({"jsonrpc":"2.0","id":"a","method":"initialize","params":{"protocolVersion":"1999-01-01"}})")
                ["result"]["protocolVersion"]
                    .AsString(),
            "2025-06-18");
  EXPECT_FALSE(server_.Handle(R"({"jsonrpc":"2.0","method":"notifications/initialized"})").has_value());
}

TEST_F(McpTest, ListsToolsWithTheirArguments) {
  const JsonValue answer = Ask(R"({"jsonrpc":"2.0","id":2,"method":"tools/list"})");
  std::set<std::string> names;
  for (const JsonValue& tool : answer["result"]["tools"].AsArray()) {
    names.emplace(tool["name"].AsString());
    EXPECT_EQ(tool["inputSchema"]["type"].AsString(), "object");
    EXPECT_FALSE(tool["inputSchema"]["properties"].AsObject().empty());
    EXPECT_FALSE(tool["description"].AsString().empty());
  }
  EXPECT_TRUE(names.contains("why") && names.contains("incidents") && names.contains("compare"));
}

TEST_F(McpTest, CallsTheApi) {
  const JsonValue answer = Ask(
      R"({"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"why","arguments":{"from":"-15m","service":"cart"}}})");
  EXPECT_EQ(asked_, "/api/clew/why?from=-15m&service=cart");
  EXPECT_FALSE(answer["result"]["isError"].AsBool(true));
  EXPECT_EQ(answer["result"]["content"].AsArray().at(0)["text"].AsString(), R"({"incident":false})");
  Ask(R"({"jsonrpc":"2.0","id":4,"method":"tools/call","params":{"name":"trace","arguments":{"id":"a/b?c"}}})");
  EXPECT_EQ(asked_, "/api/clew/traces/a%2Fb%3Fc?");
  Ask(R"({"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"traces","arguments":{"errors":true,"limit":3}}})");
  EXPECT_EQ(asked_, "/api/clew/traces?errors=true&limit=3");
}

TEST_F(McpTest, SaysWhatIsWrong) {
  const JsonValue failed = Ask(
      R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"why","arguments":{"service":"nowhere"}}})");
  EXPECT_TRUE(failed["result"]["isError"].AsBool());
  EXPECT_EQ(failed["result"]["content"].AsArray().at(0)["text"].AsString(), "no such service");
  EXPECT_TRUE(Ask(R"({"id":1,"method":"tools/call","params":{"name":"why","arguments":{"x":1}}})")["result"]["isError"]
                  .AsBool());
  EXPECT_TRUE(
      Ask(R"({"id":1,"method":"tools/call","params":{"name":"trace","arguments":{}}})")["result"]["isError"].AsBool());
  EXPECT_EQ(Ask(R"({"id":1,"method":"tools/call","params":{"name":"rm"}})")["error"]["code"].AsInt(), -32602);
  EXPECT_EQ(Ask(R"({"id":1,"method":"resources/list"})")["error"]["code"].AsInt(), -32601);
  EXPECT_EQ(Ask("no json")["error"]["code"].AsInt(), -32700);
  EXPECT_EQ(Ask("[]")["error"]["code"].AsInt(), -32600);
  EXPECT_EQ(Ask(R"({"id":7})")["error"]["code"].AsInt(), -32600);
}

}  // namespace
}  // namespace clew::api::mcp
