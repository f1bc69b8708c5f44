// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "clew/base/result.h"
#include "clew/base/thread_annotations.h"
#include "clew/net/asio.h"

namespace clew::net {

// A server's certificate and key from PEM files, read again once they have changed (looked for at most once a second):
// connections that are open keep what they began with. Files that have become wrong are reported in the log, and those
// read before stay in use. Any thread.
class TlsFiles {
 public:
  // INVALID_ARGUMENT naming the file.
  static base::Result<std::unique_ptr<TlsFiles>> Open(std::string certificate_file, std::string key_file);

  // For new connections; TLS 1.2 and up.
  std::shared_ptr<asio::ssl::context> Current();

 private:
  // Inode, time of change and size of both files.
  using Stamp = std::array<int64_t, 6>;

  TlsFiles(std::string certificate_file, std::string key_file);
  Stamp Look() const;
  base::Result<std::shared_ptr<asio::ssl::context>> Read() const;

  const std::string certificate_file_;
  const std::string key_file_;
  base::Mutex mutex_;
  Stamp stamp_ GUARDED_BY(mutex_){};
  Stamp failed_ GUARDED_BY(mutex_){};  // could not be read
  std::chrono::steady_clock::time_point look_again_ GUARDED_BY(mutex_);
  std::shared_ptr<asio::ssl::context> context_ GUARDED_BY(mutex_);
};

}  // namespace clew::net
