// SPDX-License-Identifier: Apache-2.0
#include "clew/net/resolver.h"

#include <fmt/format.h>
#include <netdb.h>

#include <atomic>
#include <cstring>
#include <memory>
#include <optional>
#include <system_error>
#include <thread>

#include "clew/base/thread_annotations.h"
#include "clew/net/address.h"

namespace clew::net {
namespace {

using Endpoints = std::vector<Tcp::endpoint>;

constexpr int kMaxLookups = 16;
std::atomic<int> lookups_under_way = 0;

base::Result<Endpoints> LookUp(const std::string& host, uint16_t port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* list = nullptr;
  const int status = ::getaddrinfo(host.c_str(), nullptr, &hints, &list);
  if (status != 0) {
    return base::Unavailable(fmt::format("cannot find the host {}: {}", host, ::gai_strerror(status)));
  }
  Endpoints endpoints;
  for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
    Tcp::endpoint endpoint;
    if (entry->ai_addrlen > endpoint.capacity()) continue;
    std::memcpy(endpoint.data(), entry->ai_addr, entry->ai_addrlen);
    endpoint.resize(entry->ai_addrlen);
    endpoint.port(port);
    endpoints.push_back(endpoint);
  }
  ::freeaddrinfo(list);
  if (endpoints.empty()) return base::Unavailable(fmt::format("the host {} has no address", host));
  return endpoints;
}

// Shared by the caller and the thread that looks up, whoever stays longer.
struct Lookup {
  base::Mutex mutex;
  base::CondVar done;
  std::optional<base::Result<Endpoints>> result GUARDED_BY(mutex);
};

}  // namespace

base::Result<Endpoints> Resolve(const std::string& host, uint16_t port,
                                std::chrono::steady_clock::time_point deadline) {
  ErrorCode error;
  const auto address = asio::ip::make_address(host, error);
  if (!error) return Endpoints{Tcp::endpoint(address, port)};

  if (lookups_under_way.fetch_add(1) >= kMaxLookups) {
    lookups_under_way.fetch_sub(1);
    return base::Unavailable("too many host names are being looked up; the name server does not answer");
  }
  const auto lookup = std::make_shared<Lookup>();
  try {
    std::thread([lookup, host, port] {
      auto found = LookUp(host, port);
      lookups_under_way.fetch_sub(1);
      const base::MutexLock lock(lookup->mutex);
      lookup->result = std::move(found);
      lookup->done.notify_all();
    }).detach();
  } catch (const std::system_error&) {
    lookups_under_way.fetch_sub(1);
    return base::ResourceExhausted("no thread can be started to look up a host name");
  }
  const base::MutexLock lock(lookup->mutex);
  while (!lookup->result) {
    if (lookup->done.wait_until(lookup->mutex, deadline) == std::cv_status::timeout && !lookup->result) {
      return base::Fail(base::Code::kDeadlineExceeded, fmt::format("looking up the host {} took too long", host));
    }
  }
  return *lookup->result;
}

}  // namespace clew::net
