// SPDX-License-Identifier: Apache-2.0
#include "clew/agent/record/attach.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "clew/agent/record/clocks.h"
#include "clew/agent/record/handover.h"

namespace clew::agent::record {
namespace {

int MillisLeft(int64_t deadline) noexcept {
  const int64_t left = (deadline - MonotonicNanos()) / 1'000'000;
  return left > 0 ? static_cast<int>(left) : 0;
}

bool Connect(int fd, const sockaddr_un& address, socklen_t size, int64_t deadline) noexcept {
  while (connect(fd, reinterpret_cast<const sockaddr*>(&address), size) != 0) {
    // A Unix socket whose queue is full says EAGAIN and cannot be waited for.
    if ((errno != EAGAIN && errno != EINTR) || MillisLeft(deadline) == 0) return false;
    poll(nullptr, 0, 2);
  }
  return true;
}

// The descriptor that the server at `address` hands out, or -1.
int Receive(const sockaddr_un& address, socklen_t size, std::string_view token, int64_t deadline) noexcept {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -1;
  int received = -1;
  if (Connect(fd, address, size, deadline) &&
      send(fd, token.data(), token.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(token.size())) {
    pollfd ready{fd, POLLIN, 0};
    if (poll(&ready, 1, MillisLeft(deadline)) == 1) {
      char reply[kHandoverReply.size()];
      iovec data{reply, sizeof reply};
      alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
      msghdr message{};
      message.msg_iov = &data;
      message.msg_iovlen = 1;
      message.msg_control = control;
      message.msg_controllen = sizeof control;
      const ssize_t count = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
      const cmsghdr* rights = count > 0 ? CMSG_FIRSTHDR(&message) : nullptr;
      if (rights != nullptr && rights->cmsg_level == SOL_SOCKET && rights->cmsg_type == SCM_RIGHTS &&
          rights->cmsg_len == CMSG_LEN(sizeof(int))) {
        std::memcpy(&received, CMSG_DATA(rights), sizeof received);
      }
    }
  }
  close(fd);
  return received;
}

ArenaView MapBySocket(std::string_view name, bool abstract, std::string_view token, int64_t deadline) noexcept {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const size_t skip = abstract ? 1 : 0;
  if (name.empty() || name.size() + skip >= sizeof address.sun_path) return {};
  std::memcpy(address.sun_path + skip, name.data(), name.size());
  const size_t size = offsetof(sockaddr_un, sun_path) + skip + name.size() + (abstract ? 0 : 1);
  const int fd = Receive(address, static_cast<socklen_t>(size), token, deadline);
  if (fd < 0) return {};
  const ArenaView arena = MapDescriptor(fd);
  close(fd);
  return arena;
}

// The next `key=value` of the list, taken off its front.
std::string_view NextItem(std::string_view& list) noexcept {
  const size_t end = list.find(';');
  const std::string_view item = list.substr(0, end);
  list.remove_prefix(end == std::string_view::npos ? list.size() : end + 1);
  return item;
}

bool TakePrefix(std::string_view& text, std::string_view prefix) noexcept {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

}  // namespace

ArenaView MapDescriptor(int fd) noexcept {
  const int seals = fcntl(fd, F_GET_SEALS);
  if (seals < 0 || (seals & (F_SEAL_SHRINK | F_SEAL_GROW)) != (F_SEAL_SHRINK | F_SEAL_GROW)) return {};
  struct stat status;
  alignas(ArenaHeader) uint8_t raw[sizeof(ArenaHeader)];
  if (fstat(fd, &status) != 0 || pread(fd, raw, sizeof raw, 0) != static_cast<ssize_t>(sizeof raw)) return {};
  const auto& header = *reinterpret_cast<const ArenaHeader*>(raw);
  if (header.magic != kArenaMagic || header.version != kLayoutVersion || header.header_bytes != sizeof(ArenaHeader) ||
      !IsValid(header.shape)) {
    return {};
  }
  const Offsets at = OffsetsOf(header.shape);
  const Offsets said{header.rings_offset, header.spans_offset, header.workers_offset, header.bytes_offset,
                     header.total_bytes};
  if (at != said || static_cast<uint64_t>(status.st_size) != at.total) return {};
  void* memory = mmap(nullptr, at.total, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
  if (memory == MAP_FAILED) return {};
  madvise(memory, at.total, MADV_DONTDUMP);
  return {static_cast<uint8_t*>(memory), header.shape};
}

ArenaView MapFromEnvironment() noexcept {
  const char* variable = getenv(kAttachVariable);
  if (variable == nullptr) return {};
  std::string_view token;
  for (std::string_view list = variable; !list.empty();) {
    std::string_view item = NextItem(list);
    if (TakePrefix(item, "token=")) token = item;
  }
  if (token.size() != kTokenDigits) return {};
  const int saved_errno = errno;
  const int64_t deadline = MonotonicNanos() + int64_t{kHandoverTimeoutMillis} * 1'000'000;
  ArenaView arena;
  for (std::string_view list = variable; !list.empty() && !arena;) {
    std::string_view item = NextItem(list);
    if (TakePrefix(item, "abstract=")) {
      arena = MapBySocket(item, true, token, deadline);
    } else if (TakePrefix(item, "path=")) {
      arena = MapBySocket(item, false, token, deadline);
    } else if (TakePrefix(item, "fd=") && !item.empty() && item.size() < 10) {
      int fd = 0;
      for (const char digit : item) fd = digit >= '0' && digit <= '9' && fd >= 0 ? fd * 10 + (digit - '0') : -1;
      if (fd >= 0) arena = MapDescriptor(fd);
    }
  }
  errno = saved_errno;
  return arena;
}

}  // namespace clew::agent::record
