// SPDX-License-Identifier: Apache-2.0
#include "clew/store/peer.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace clew::store {
namespace {

// Of two keys for one thing the first one counts.
enum Key : uint8_t {
  kDbSystemName,
  kDbSystem,
  kMessagingSystem,
  kServerAddress,
  kNetPeerName,
  kPeerService,
  kUrlFull,
  kHttpUrl,
  kServerPort,
  kNetPeerPort,
  kDbNamespace,
  kDbName,
  kDestinationName,
  kDestination,
  kKeyCount
};
constexpr std::array<std::string_view, kKeyCount> kKeys = {
    "db.system.name",
    "db.system",
    "messaging.system",
    "server.address",
    "net.peer.name",
    "peer.service",
    "url.full",
    "http.url",
    "server.port",
    "net.peer.port",
    "db.namespace",
    "db.name",
    "messaging.destination.name",
    "messaging.destination",
};

// HOST:PORT of a URL (RFC 3986 section 3.2), without user information.
std::string_view AuthorityOf(std::string_view url) {
  const size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return {};
  url.remove_prefix(scheme + 3);
  url = url.substr(0, url.find_first_of("/?#"));
  const size_t user = url.rfind('@');
  return user == std::string_view::npos ? url : url.substr(user + 1);
}

using Texts = std::array<std::string_view, kKeyCount>;

std::string_view FirstOf(const Texts& texts, std::initializer_list<Key> keys) {
  for (const Key key : keys) {
    if (!texts[key].empty()) return texts[key];
  }
  return {};
}

void AppendPlace(const Texts& texts, std::string& out) {
  if (const std::string_view host = FirstOf(texts, {kServerAddress, kNetPeerName}); !host.empty()) {
    out += host;
    const std::string_view port = FirstOf(texts, {kServerPort, kNetPeerPort});
    if (!port.empty()) out.append(":").append(port);
  } else if (!texts[kPeerService].empty()) {
    out += texts[kPeerService];
  } else {
    out += AuthorityOf(FirstOf(texts, {kUrlFull, kHttpUrl}));
  }
}

// What the texts name, written to `out`.
NodeKind WriteName(const Texts& texts, std::string& out) {
  if (const std::string_view system = FirstOf(texts, {kDbSystemName, kDbSystem}); !system.empty()) {
    out.append(system).append(" ");
    const size_t before = out.size();
    AppendPlace(texts, out);
    if (out.size() == before) out += FirstOf(texts, {kDbNamespace, kDbName});
    if (out.size() == before) out.pop_back();
    return NodeKind::kDatabase;
  }
  if (const std::string_view system = texts[kMessagingSystem]; !system.empty()) {
    out.append(system).append(" ");
    const size_t before = out.size();
    out += FirstOf(texts, {kDestinationName, kDestination});
    if (out.size() == before) AppendPlace(texts, out);
    if (out.size() == before) out.pop_back();
    return NodeKind::kMessaging;
  }
  AppendPlace(texts, out);
  return out.empty() ? NodeKind::kService : NodeKind::kExternal;
}

}  // namespace

Peer PeerFinder::Find(size_t row) {
  if (batch_.kind[row] != model::SpanKind::kClient && batch_.kind[row] != model::SpanKind::kProducer) return {};
  Texts texts;
  // Views of them must hold.
  std::array<std::string, kKeyCount> numbers;
  const model::Range range = batch_.attribute_range[row];
  for (uint32_t i = 0; i < range.count; ++i) {
    const model::KeyValue& attribute = batch_.attributes.key_values[range.first + i];
    uint8_t& key = keys_[attribute.key];
    if (key == kUnknown) {
      key = static_cast<uint8_t>(std::ranges::find(kKeys, batch_.Text(attribute.key)) - kKeys.begin());
    }
    if (key == kKeyCount) continue;
    if (attribute.value.kind == model::ValueKind::kString) {
      texts[key] = batch_.Text(attribute.value.string_id());
    } else {
      texts[key] = numbers[key] = model::ValueToText(batch_.attributes, batch_.strings, attribute.value);
    }
  }
  name_.clear();
  const NodeKind kind = WriteName(texts, name_);
  return {kind, name_};
}

}  // namespace clew::store
