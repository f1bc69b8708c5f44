// SPDX-License-Identifier: Apache-2.0
#include "clew/cli/supervisor_notify.h"

#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <optional>

#include "clew/base/bytes.h"

namespace clew::cli {
namespace {

struct UnixAddress {
  sockaddr_un address{};
  socklen_t size = 0;
};

std::optional<UnixAddress> MakeAddress(const std::string& name) {
  UnixAddress result;
  result.address.sun_family = AF_UNIX;
  if (name.empty() || name.size() >= sizeof(result.address.sun_path)) return std::nullopt;
  if (name[0] != '/' && name[0] != '@') return std::nullopt;
  std::memcpy(result.address.sun_path, name.data(), name.size());
  result.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size() + (name[0] == '/' ? 1 : 0));
  if (name[0] == '@') result.address.sun_path[0] = '\0';
  return result;
}

}  // namespace

base::Result<std::unique_ptr<NotifyRelay>> NotifyRelay::Create(const std::string& address) {
  if (!MakeAddress(address)) return base::InvalidArgument("NOTIFY_SOCKET is neither a path nor an abstract name");
  std::unique_ptr<NotifyRelay> relay(new NotifyRelay());
  relay->manager_ = address;
  relay->receive_ = base::Fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  relay->send_ = base::Fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!relay->receive_ || !relay->send_) return base::ErrnoError("a socket for sd_notify", errno);
  std::array<uint8_t, 8> random{};
  if (getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size())) {
    return base::ErrnoError("getrandom", errno);
  }
  // Abstract, since a service that changes its user could not reach a file of ours.
  relay->address_ = "@clew/notify/" + base::ToHex(random);
  auto own = MakeAddress(relay->address_);
  if (bind(relay->receive_.get(), reinterpret_cast<const sockaddr*>(&own->address), own->size) != 0) {
    return base::ErrnoError("binding a socket for sd_notify", errno);
  }
  return relay;
}

void NotifyRelay::Forward() {
  // Bounded, so that a service that floods its socket does not keep signals waiting.
  for (int i = 0; i < 64 && ForwardOne(); ++i) {
  }
}

bool NotifyRelay::ForwardOne() {
  std::array<char, 16384> bytes;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(253 * sizeof(int)) + 256> control;
  iovec part{bytes.data(), bytes.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t received = recvmsg(receive_.get(), &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  if (received < 0) return errno == EINTR;

  std::array<int, 253> descriptors;
  size_t count = 0;
  for (cmsghdr* item = CMSG_FIRSTHDR(&message); item != nullptr; item = CMSG_NXTHDR(&message, item)) {
    if (item->cmsg_level != SOL_SOCKET || item->cmsg_type != SCM_RIGHTS) continue;
    const size_t here = (item->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    std::memcpy(descriptors.data() + count, CMSG_DATA(item), here * sizeof(int));
    count += here;
  }

  std::string text = WithoutMainPid({bytes.data(), static_cast<size_t>(received)});
  if (!text.empty() && (message.msg_flags & MSG_TRUNC) == 0) {
    auto manager = MakeAddress(manager_);
    iovec out_part{text.data(), text.size()};
    msghdr out{};
    out.msg_name = &manager->address;
    out.msg_namelen = manager->size;
    out.msg_iov = &out_part;
    out.msg_iovlen = 1;
    if (count > 0) {
      out.msg_control = control.data();
      out.msg_controllen = CMSG_SPACE(count * sizeof(int));
      control.fill(0);
      cmsghdr* item = CMSG_FIRSTHDR(&out);
      item->cmsg_level = SOL_SOCKET;
      item->cmsg_type = SCM_RIGHTS;
      item->cmsg_len = CMSG_LEN(count * sizeof(int));
      std::memcpy(CMSG_DATA(item), descriptors.data(), count * sizeof(int));
    }
    sendmsg(send_.get(), &out, MSG_NOSIGNAL | MSG_DONTWAIT);
  }
  for (size_t i = 0; i < count; ++i) close(descriptors[i]);
  return true;
}

std::string WithoutMainPid(std::string_view message) {
  std::string kept;
  while (!message.empty()) {
    const size_t end = message.find('\n');
    const std::string_view line = message.substr(0, end);
    message.remove_prefix(end == std::string_view::npos ? message.size() : end + 1);
    if (line.empty() || line.starts_with("MAINPID=") || line.starts_with("MAINPIDFDID=")) continue;
    if (!kept.empty()) kept += '\n';
    kept += line;
  }
  return kept;
}

}  // namespace clew::cli
