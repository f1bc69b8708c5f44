// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>

#include "clew/base/file.h"
#include "clew/base/result.h"

namespace clew::cli {

// Passes sd_notify messages (sd_notify(3)) of the service on to the service manager. Under NotifyAccess=main systemd
// takes them only from the process it started, which is us; so the service gets a socket of ours, and what arrives is
// sent on with our own credentials, less its MAINPID. Descriptors (FDSTORE, BARRIER) are passed on too.
// Not thread-safe.
class NotifyRelay {
 public:
  // To the manager's socket `address` (NOTIFY_SOCKET: a path, or @name for an abstract one).
  static base::Result<std::unique_ptr<NotifyRelay>> Create(const std::string& address);

  // What the service finds in NOTIFY_SOCKET.
  const std::string& address() const { return address_; }
  // Readable when Forward has something to do.
  int fd() const { return receive_.get(); }
  // Passes on everything that has arrived. A message that the manager does not take is dropped.
  void Forward();

 private:
  NotifyRelay() = default;
  bool ForwardOne();

  std::string address_;
  std::string manager_;
  base::Fd receive_;
  base::Fd send_;
};

// The message without its MAINPID and MAINPIDFDID lines.
std::string WithoutMainPid(std::string_view message);

}  // namespace clew::cli
