// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace clew::store {

// SQL of the calls that spans tell of, a row a call: tenant, minute, client, client_name, server, server_name,
// server_kind (NodeKind), address (that the client named), failed, took, hop (nanoseconds on the network; negative:
// none was seen). Used where calls are counted ahead (rollup.h) and where they are counted when somebody asks.
struct CallsScope {
  std::string own;   // condition of the spans whose calls are meant
  std::string near;  // condition of the spans that may be the other end of one of these
  // Names of the operations of table `p`, the client's, and `c`, the server's.
  std::string client_name = "p.name";
  std::string server_name = "c.name";
};

// Calls that another service answered: by the span that answered, whose parent is of another service; as Edges of
// span_reader.h has them.
std::string AnsweredCallsSql(const CallsScope& scope);
// Calls of databases and queues, and calls to any other address that nobody answered: by the span that called.
std::string UnansweredCallsSql(const CallsScope& scope);

// The minute in which a span of `table` began.
std::string MinuteSql(std::string_view table);
// The smallest b for which 2^(b/4) nanoseconds are no less than `took`; -1 for none at all (DurationCounts).
inline constexpr std::string_view kDurationBucketSql = "toInt16(if(took = 0, -1, ceil(log2(took) * 4)))";
inline constexpr std::string_view kHasParentSql = "parent_span_id != toFixedString('', 8)";

}  // namespace clew::store
