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

using Texts = std::array<std::string, kKeyCount>;

std::string_view FirstOf(const Texts& texts, std::initializer_list<Key> keys) {
  for (const Key key : keys) {
    if (!texts[key].empty()) return texts[key];
  }
  return {};
}

std::string PlaceOf(const Texts& texts) {
  std::string place(FirstOf(texts, {kServerAddress, kNetPeerName}));
  if (!place.empty()) {
    const std::string_view port = FirstOf(texts, {kServerPort, kNetPeerPort});
    if (!port.empty()) place.append(":").append(port);
    return place;
  }
  if (!texts[kPeerService].empty()) return texts[kPeerService];
  return std::string(AuthorityOf(FirstOf(texts, {kUrlFull, kHttpUrl})));
}

std::string Joined(std::string_view system, std::string_view place) {
  std::string name(system);
  if (!place.empty()) name.append(" ").append(place);
  return name;
}

}  // namespace

Peer PeerFinder::Find(size_t row) {
  if (batch_.kind[row] != model::SpanKind::kClient && batch_.kind[row] != model::SpanKind::kProducer) return {};
  Texts texts;
  const model::Range range = batch_.attribute_range[row];
  for (uint32_t i = 0; i < range.count; ++i) {
    const model::KeyValue& attribute = batch_.attributes.key_values[range.first + i];
    uint8_t& key = keys_[attribute.key];
    if (key == kUnknown) {
      key = static_cast<uint8_t>(std::ranges::find(kKeys, batch_.Text(attribute.key)) - kKeys.begin());
    }
    if (key != kKeyCount) texts[key] = model::ValueToText(batch_.attributes, batch_.strings, attribute.value);
  }
  const std::string place = PlaceOf(texts);
  if (const std::string_view system = FirstOf(texts, {kDbSystemName, kDbSystem}); !system.empty()) {
    return {NodeKind::kDatabase, Joined(system, place.empty() ? FirstOf(texts, {kDbNamespace, kDbName}) : place)};
  }
  if (const std::string& system = texts[kMessagingSystem]; !system.empty()) {
    const std::string_view destination = FirstOf(texts, {kDestinationName, kDestination});
    return {NodeKind::kMessaging, Joined(system, destination.empty() ? std::string_view(place) : destination)};
  }
  if (place.empty()) return {};
  return {NodeKind::kExternal, place};
}

}  // namespace clew::store
