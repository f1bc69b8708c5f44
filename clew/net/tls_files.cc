// SPDX-License-Identifier: Apache-2.0
#include "clew/net/tls_files.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <utility>

#include "clew/base/log.h"

namespace clew::net {

TlsFiles::TlsFiles(std::string certificate_file, std::string key_file)
    : certificate_file_(std::move(certificate_file)), key_file_(std::move(key_file)) {}

base::Result<std::unique_ptr<TlsFiles>> TlsFiles::Open(std::string certificate_file, std::string key_file) {
  if (certificate_file.empty() || key_file.empty()) {
    return base::InvalidArgument("TLS needs both a certificate file and a key file");
  }
  std::unique_ptr<TlsFiles> files(new TlsFiles(std::move(certificate_file), std::move(key_file)));
  const base::MutexLock lock(files->mutex_);
  files->stamp_ = files->Look();
  CLEW_ASSIGN_OR_RETURN(files->context_, files->Read());
  return files;
}

std::shared_ptr<asio::ssl::context> TlsFiles::Current() {
  const base::MutexLock lock(mutex_);
  const auto now = std::chrono::steady_clock::now();
  if (now < look_again_) return context_;
  look_again_ = now + std::chrono::seconds(1);
  const Stamp stamp = Look();
  if (stamp == stamp_) return context_;
  auto context = Read();
  if (context) {
    stamp_ = stamp;
    context_ = *std::move(context);
    base::LogInfo("TLS certificate read again from {}", certificate_file_);
  } else {
    // The two files are rarely replaced at once, so it is tried again; said once a change.
    if (stamp != failed_) base::LogWarning("the certificate read before stays in use: {}", context.error().message);
    failed_ = stamp;
  }
  return context_;
}

TlsFiles::Stamp TlsFiles::Look() const {
  Stamp stamp{};
  size_t at = 0;
  for (const std::string& file : {certificate_file_, key_file_}) {
    struct stat about{};
    (void)stat(file.c_str(), &about);
    stamp[at++] = static_cast<int64_t>(about.st_ino);
    stamp[at++] = about.st_mtim.tv_sec * 1'000'000'000 + about.st_mtim.tv_nsec;
    stamp[at++] = about.st_size;
  }
  return stamp;
}

base::Result<std::shared_ptr<asio::ssl::context>> TlsFiles::Read() const {
  auto context = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_server);
  ::SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
  ErrorCode error;
  context->use_certificate_chain_file(certificate_file_, error);
  if (error) {
    return base::InvalidArgument(fmt::format("TLS certificate {}: {}; expected PEM, the server's own certificate first",
                                             certificate_file_, error.message()));
  }
  context->use_private_key_file(key_file_, asio::ssl::context::pem, error);
  if (error) {
    return base::InvalidArgument(fmt::format("TLS key {}: {}; expected the PEM key of the certificate, not encrypted",
                                             key_file_, error.message()));
  }
  return context;
}

}  // namespace clew::net
