// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "clew/model/span_batch.h"
#include "clew/store/span_reader.h"

namespace clew::store {

// What a client or producer span called, by its own attributes (OpenTelemetry semantic conventions, stable names and
// their predecessors): columns peer_kind and peer_name.
struct Peer {
  NodeKind kind = NodeKind::kService;  // kService: nothing is said of it
  std::string_view name;               // until the next one is found
};

// Finds the peers of a batch's spans; one a batch.
class PeerFinder {
 public:
  explicit PeerFinder(const model::SpanBatch& batch) : batch_(batch), keys_(batch.strings.size(), kUnknown) {}

  // A database is "SYSTEM ADDRESS:PORT", or with its namespace where it has no address; a queue "SYSTEM DESTINATION";
  // anything else "ADDRESS:PORT". Empty for spans of other kinds.
  Peer Find(size_t row);

 private:
  static constexpr uint8_t kUnknown = UINT8_MAX;

  const model::SpanBatch& batch_;
  std::vector<uint8_t> keys_;  // by string: which of the keys that count it is
  std::string name_;
};

}  // namespace clew::store
