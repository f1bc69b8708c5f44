// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "clew/agent/record/layout.h"

// The drainer's side of an arena: making it, handing it over, freeing slots. Never linked into a service.
namespace clew::agent::record {

// Owns the memfd and its mapping. Move-only.
class Arena {
 public:
  Arena() = default;
  Arena(Arena&& other) noexcept;
  Arena& operator=(Arena&& other) noexcept;
  ~Arena();

  // A new arena: memfd with close-on-exec, sized, headed and sealed (SHRINK, GROW, SEAL), mapped here with
  // MADV_DONTDUMP. Empty where that fails; errno says why.
  static Arena Create(const Shape& shape, const Config& config);

  explicit operator bool() const { return static_cast<bool>(view_); }
  const ArenaView& view() const { return view_; }
  int fd() const { return fd_; }

  // Gives a drained slot of a dead or gone owner back: zeroes what its owner wrote, gives the memory back to the
  // kernel, stores owner = 0 last. The caller has read all it wants.
  void FreeRing(uint32_t ring) const;
  void FreeWorker(uint32_t worker) const;

 private:
  ArenaView view_;
  int fd_ = -1;
};

// Hands one arena's descriptor to whoever connects and knows the token (handover.h). One thread at a time; wait for
// readability of abstract_fd() and path_fd(), then call Serve(). Move-only.
class HandoverServer {
 public:
  HandoverServer() = default;
  HandoverServer(HandoverServer&& other) noexcept;
  HandoverServer& operator=(HandoverServer&& other) noexcept;
  ~HandoverServer();

  // Listens on an abstract socket of a random name and, unless `path` is empty, on a socket file there (mode 0666: the
  // token is the key). A socket that cannot be had is left out; both failing gives an empty server.
  static HandoverServer Listen(const Arena& arena, const std::string& path);

  explicit operator bool() const { return abstract_fd_ >= 0 || path_fd_ >= 0; }
  int abstract_fd() const { return abstract_fd_; }  // -1: none
  int path_fd() const { return path_fd_; }
  // The value of CLEW_ATTACH; names `inherited_fd` too where it is not negative.
  std::string AttachValue(int inherited_fd) const;
  // Answers those who wait; a client that does not send its token at once gets 300 ms. Returns how many got the arena.
  int Serve() const;

 private:
  bool ServeOne(int client) const;

  int arena_fd_ = -1;
  int abstract_fd_ = -1;
  int path_fd_ = -1;
  std::string name_;
  std::string path_;
  std::string token_;
};

}  // namespace clew::agent::record
