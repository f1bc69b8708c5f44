// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <string>
#include <variant>

#include "clew/api/prometheus/response.h"
#include "clew/base/json_writer.h"
#include "clew/query/promql/functions.h"
#include "clew/query/promql/text.h"

namespace clew::api::prometheus {
namespace {

namespace promql = query::promql;

// Prometheus' own form of the tree (web/api/v1/translate_ast.go), which its page draws.
class TreeWriter {
 public:
  void Write(const promql::Expr& expr) {
    json_.BeginObject();
    std::visit([this](const auto& node) { Node(node); }, expr.node);
    json_.EndObject();
  }
  std::string Take() { return json_.Take(); }

 private:
  void Child(std::string_view key, const promql::ExprPtr& expr) {
    json_.Key(key);
    if (expr == nullptr) {
      json_.Null();
    } else {
      Write(*expr);
    }
  }

  void Texts(std::string_view key, const std::vector<std::string>& texts) {
    json_.Key(key).BeginArray();
    for (const std::string& text : texts) json_.String(text);
    json_.EndArray();
  }

  void Modifiers(const promql::TimeModifiers& modifiers) {
    using At = promql::TimeModifiers::At;
    json_.Field("offset", modifiers.offset_ms).Key("timestamp");
    if (modifiers.at == At::kTime) {
      json_.Int(modifiers.at_ms);
    } else {
      json_.Null();
    }
    json_.Key("startOrEnd");
    if (modifiers.at == At::kStart || modifiers.at == At::kEnd) {
      json_.String(modifiers.at == At::kStart ? "start" : "end");
    } else {
      json_.Null();
    }
  }

  void Selector(std::string_view type, const promql::VectorSelector& selector) {
    static constexpr std::array<std::string_view, 4> kTypes{"=", "!=", "=~", "!~"};
    json_.Field("type", type).Field("name", selector.name);
    Modifiers(selector.modifiers);
    json_.Key("matchers").BeginArray();
    for (const model::LabelMatcher& matcher : selector.matchers) {
      json_.BeginObject()
          .Field("name", matcher.name)
          .Field("value", matcher.value)
          .Field("type", kTypes[static_cast<size_t>(matcher.type)])
          .EndObject();
    }
    json_.EndArray().Field("anchored", false).Field("smoothed", false);
  }

  void Node(const promql::NumberLiteral& number) {
    json_.Field("type", "numberLiteral").Field("val", promql::FormatFixed(number.value));
  }
  void Node(const promql::StringLiteral& literal) { json_.Field("type", "stringLiteral").Field("val", literal.value); }
  void Node(const promql::VectorSelector& selector) { Selector("vectorSelector", selector); }
  void Node(const promql::MatrixSelector& matrix) {
    Selector("matrixSelector", matrix.selector);
    json_.Field("range", matrix.range_ms);
  }
  void Node(const promql::SubqueryExpr& subquery) {
    json_.Field("type", "subquery");
    Child("expr", subquery.expr);
    json_.Field("range", subquery.range_ms).Field("step", subquery.step_ms);
    Modifiers(subquery.modifiers);
  }
  void Node(const promql::UnaryExpr& unary) {
    json_.Field("type", "unaryExpr").Field("op", promql::OperatorText(unary.op));
    Child("expr", unary.expr);
  }
  void Node(const promql::ParenExpr& paren) {
    json_.Field("type", "parenExpr");
    Child("expr", paren.expr);
  }
  void Node(const promql::BinaryExpr& binary) {
    static constexpr std::array<std::string_view, 4> kCardinalities{"one-to-one", "many-to-one", "one-to-many",
                                                                    "many-to-many"};
    json_.Field("type", "binaryExpr").Field("op", promql::OperatorText(binary.op));
    Child("lhs", binary.left);
    Child("rhs", binary.right);
    json_.Key("matching");
    if (binary.matching) {
      json_.BeginObject().Field("card", kCardinalities[static_cast<size_t>(binary.matching->cardinality)]);
      Texts("labels", binary.matching->labels);
      json_.Field("on", binary.matching->on);
      Texts("include", binary.matching->include);
      json_.EndObject();
    } else {
      json_.Null();
    }
    json_.Field("bool", binary.return_bool);
  }
  void Node(const promql::AggregateExpr& aggregate) {
    json_.Field("type", "aggregation").Field("op", promql::OperatorText(aggregate.op));
    Child("expr", aggregate.expr);
    Child("param", aggregate.param);
    Texts("grouping", aggregate.grouping);
    json_.Field("without", aggregate.without);
  }
  void Node(const promql::Call& call) {
    json_.Field("type", "call").Key("func").BeginObject().Field("name", call.function->name);
    json_.Key("argTypes").BeginArray();
    for (const promql::ValueType type : call.function->arguments) json_.String(promql::ValueTypeName(type));
    json_.EndArray()
        .Field("variadic", call.function->variadic)
        .Field("returnType", promql::ValueTypeName(call.function->result))
        .EndObject();
    json_.Key("args").BeginArray();
    for (const promql::ExprPtr& arg : call.args) Write(*arg);
    json_.EndArray();
  }

  base::JsonWriter json_;
};

}  // namespace

std::string TreeJson(const promql::Expr& expr) {
  TreeWriter writer;
  writer.Write(expr);
  return writer.Take();
}

}  // namespace clew::api::prometheus
