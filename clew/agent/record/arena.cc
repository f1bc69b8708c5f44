// SPDX-License-Identifier: Apache-2.0
#include "clew/agent/record/arena.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <utility>

#include "clew/agent/record/handover.h"

namespace clew::agent::record {
namespace {

std::string RandomHex(size_t digits) {
  std::string bytes(digits / 2, '\0');
  if (getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) return {};
  std::string hex;
  for (const char byte : bytes) {
    constexpr char kDigits[] = "0123456789abcdef";
    hex += kDigits[static_cast<uint8_t>(byte) >> 4];
    hex += kDigits[byte & 15];
  }
  return hex;
}

uint32_t PidNamespace() {
  struct stat status;
  return stat("/proc/self/ns/pid", &status) == 0 ? static_cast<uint32_t>(status.st_ino) : 0;
}

int ListenOn(const sockaddr_un& address, socklen_t size) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -1;
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), size) == 0 && listen(fd, 128) == 0) return fd;
  close(fd);
  return -1;
}

}  // namespace

Arena::Arena(Arena&& other) noexcept : view_(std::exchange(other.view_, {})), fd_(std::exchange(other.fd_, -1)) {}

Arena& Arena::operator=(Arena&& other) noexcept {
  std::swap(view_, other.view_);
  std::swap(fd_, other.fd_);
  return *this;
}

Arena::~Arena() {
  if (view_) munmap(view_.base(), OffsetsOf(view_.shape()).total);
  if (fd_ >= 0) close(fd_);
}

Arena Arena::Create(const Shape& shape, const Config& config) {
  Arena arena;
  if (!IsValid(shape)) {
    errno = EINVAL;
    return arena;
  }
  const Offsets at = OffsetsOf(shape);
  arena.fd_ = memfd_create("clew-arena", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (arena.fd_ < 0 || ftruncate(arena.fd_, static_cast<off_t>(at.total)) != 0) return arena;
  void* memory = mmap(nullptr, at.total, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, arena.fd_, 0);
  if (memory == MAP_FAILED) return arena;
  madvise(memory, at.total, MADV_DONTDUMP);
  const ArenaView view(static_cast<uint8_t*>(memory), shape);
  ArenaHeader& header = view.header();
  header.magic = kArenaMagic;
  header.version = kLayoutVersion;
  header.header_bytes = sizeof(ArenaHeader);
  header.shape = shape;
  header.creator_pid = static_cast<uint32_t>(getpid());
  header.pid_namespace = PidNamespace();
  header.rings_offset = at.rings;
  header.spans_offset = at.spans;
  header.workers_offset = at.workers;
  header.bytes_offset = at.bytes;
  header.total_bytes = at.total;
  header.config = config;
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  header.created_unix_nanos = now.tv_sec * 1'000'000'000 + now.tv_nsec;
  const bool ready =
      getrandom(header.arena_id, sizeof header.arena_id, 0) == static_cast<ssize_t>(sizeof header.arena_id) &&
      fcntl(arena.fd_, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0;
  if (!ready) {
    munmap(memory, at.total);
    return arena;
  }
  arena.view_ = view;
  return arena;
}

void Arena::FreeRing(uint32_t ring) const {
  RingSlot& slot = view_.ring(ring);
  OpenSpanSlot* spans = view_.open_spans(ring);
  for (uint32_t i = 0; i < view_.shape().span_slots; ++i) {
    if (spans[i].state.load(std::memory_order_relaxed) != kSpanFree) {
      spans[i].state.store(kSpanFree, std::memory_order_relaxed);
    }
  }
  slot.head.store(0, std::memory_order_relaxed);
  slot.base.store(0, std::memory_order_relaxed);
  slot.dropped_records.store(0, std::memory_order_relaxed);
  slot.dropped_bytes.store(0, std::memory_order_relaxed);
  slot.sequence.store(0, std::memory_order_relaxed);
  slot.tail.store(0, std::memory_order_relaxed);
  slot.state.store(kSlotLive, std::memory_order_relaxed);
  slot.tid.store(0, std::memory_order_relaxed);
  slot.worker.store(0, std::memory_order_relaxed);
  fallocate(fd_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(view_.ring_bytes_offset(ring)),
            view_.shape().ring_bytes);
  slot.owner.store(0, std::memory_order_release);
}

void Arena::FreeWorker(uint32_t worker) const {
  WorkerSlot& slot = view_.worker(worker);
  // The owner word lies in the first page; it is the last to go, so only what is behind that page is punched.
  slot.series_count.store(0, std::memory_order_relaxed);
  slot.heap_used.store(0, std::memory_order_relaxed);
  slot.notes.store(0, std::memory_order_relaxed);
  slot.series_refused.store(0, std::memory_order_relaxed);
  slot.logs_recorded.store(0, std::memory_order_relaxed);
  slot.spans_recorded.store(0, std::memory_order_relaxed);
  slot.identity_bytes.store(0, std::memory_order_relaxed);
  slot.identity_offset.store(0, std::memory_order_relaxed);
  slot.state.store(kSlotLive, std::memory_order_relaxed);
  slot.claimed_unix_nanos = 0;
  std::memset(reinterpret_cast<uint8_t*>(&slot) + kSeriesOffset, 0, kPageBytes - kSeriesOffset);
  fallocate(fd_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
            static_cast<off_t>(view_.worker_offset(worker) + kPageBytes), view_.shape().worker_bytes - kPageBytes);
  slot.owner.store(0, std::memory_order_release);
}

HandoverServer::HandoverServer(HandoverServer&& other) noexcept { *this = std::move(other); }

HandoverServer& HandoverServer::operator=(HandoverServer&& other) noexcept {
  std::swap(arena_fd_, other.arena_fd_);
  std::swap(abstract_fd_, other.abstract_fd_);
  std::swap(path_fd_, other.path_fd_);
  name_.swap(other.name_);
  path_.swap(other.path_);
  token_.swap(other.token_);
  return *this;
}

HandoverServer::~HandoverServer() {
  if (abstract_fd_ >= 0) close(abstract_fd_);
  if (path_fd_ >= 0) {
    close(path_fd_);
    unlink(path_.c_str());
  }
}

HandoverServer HandoverServer::Listen(const Arena& arena, const std::string& path) {
  HandoverServer server;
  server.arena_fd_ = arena.fd();
  server.name_ = "clew-" + RandomHex(16);
  server.token_ = RandomHex(kTokenDigits);
  if (server.token_.size() != kTokenDigits) return server;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path + 1, server.name_.data(), server.name_.size());
  server.abstract_fd_ =
      ListenOn(address, static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + server.name_.size()));
  if (!path.empty() && path.size() < sizeof address.sun_path && path.find(';') == std::string::npos) {
    address = {};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    server.path_fd_ = ListenOn(address, sizeof address);
    if (server.path_fd_ >= 0) {
      server.path_ = path;
      chmod(path.c_str(), 0666);
    }
  }
  return server;
}

std::string HandoverServer::AttachValue(int inherited_fd) const {
  std::string value;
  if (abstract_fd_ >= 0) value += "abstract=" + name_ + ";";
  if (path_fd_ >= 0) value += "path=" + path_ + ";";
  if (inherited_fd >= 0) value += "fd=" + std::to_string(inherited_fd) + ";";
  return value + "token=" + token_;
}

int HandoverServer::Serve() const {
  int served = 0;
  for (const int listener : {abstract_fd_, path_fd_}) {
    if (listener < 0) continue;
    while (true) {
      const int client = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
      if (client < 0) break;
      served += ServeOne(client) ? 1 : 0;
      close(client);
    }
  }
  return served;
}

bool HandoverServer::ServeOne(int client) const {
  char token[kTokenDigits];
  pollfd ready{client, POLLIN, 0};
  if (poll(&ready, 1, 300) != 1) return false;
  // Sent in one piece by the client, so a stream socket delivers it in one piece.
  if (recv(client, token, sizeof token, 0) != static_cast<ssize_t>(sizeof token)) return false;
  uint8_t differs = 0;
  for (size_t i = 0; i < sizeof token; ++i) differs |= static_cast<uint8_t>(token[i] ^ token_[i]);
  if (differs != 0) return false;
  iovec data{const_cast<char*>(kHandoverReply.data()), kHandoverReply.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* rights = CMSG_FIRSTHDR(&message);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(rights), &arena_fd_, sizeof(int));
  return sendmsg(client, &message, MSG_NOSIGNAL) == static_cast<ssize_t>(kHandoverReply.size());
}

}  // namespace clew::agent::record
