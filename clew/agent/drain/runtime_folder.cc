// SPDX-License-Identifier: Apache-2.0
#include "clew/agent/drain/runtime_folder.h"

#include <dirent.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string_view>

namespace clew::agent::drain {
namespace {

constexpr std::string_view kStatusSuffix = ".status";
constexpr int kAnswerMillis = 1'000;

std::optional<sockaddr_un> AddressOf(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return std::nullopt;
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

bool WaitReady(int fd, short events) {
  pollfd wait{fd, events, 0};
  return poll(&wait, 1, kAnswerMillis) == 1;
}

}  // namespace

base::Result<std::string> OpenRuntimeFolder() {
  const char* runtime = std::getenv("XDG_RUNTIME_DIR");
  struct stat status{};
  std::string folder;
  if (runtime != nullptr && runtime[0] == '/' && stat(runtime, &status) == 0 && S_ISDIR(status.st_mode) &&
      status.st_uid == geteuid()) {
    folder = std::string(runtime) + "/clew";
  } else {
    folder = fmt::format("/tmp/clew-{}", geteuid());
  }
  // Others may pass through to the attach sockets, whose token is the key, but not look around.
  if (mkdir(folder.c_str(), 0711) == 0) chmod(folder.c_str(), 0711);
  if (lstat(folder.c_str(), &status) != 0) return base::ErrnoError("cannot make " + folder, errno);
  if (!S_ISDIR(status.st_mode) || status.st_uid != geteuid() || (status.st_mode & 022) != 0) {
    return base::Fail(base::Code::kPermissionDenied,
                      folder + " is not a folder of this user alone; remove it or set XDG_RUNTIME_DIR");
  }
  return folder;
}

std::string StatusSocketPath(const std::string& folder, pid_t pid) {
  return fmt::format("{}/{}{}", folder, pid, kStatusSuffix);
}
std::string AttachSocketPath(const std::string& folder, pid_t pid) { return fmt::format("{}/{}.attach", folder, pid); }

base::Result<base::Fd> ListenForStatus(const std::string& path) {
  const auto address = AddressOf(path);
  if (!address) return base::InvalidArgument(path + " is too long for a socket");
  base::Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return base::ErrnoError("a status socket", errno);
  unlink(path.c_str());
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) != 0 ||
      chmod(path.c_str(), 0600) != 0 || listen(fd.get(), 16) != 0) {
    return base::ErrnoError("cannot listen on " + path, errno);
  }
  return fd;
}

bool AnswerStatus(int listener, const std::string& json) {
  // Blocking with a bound: a client that does not read must not hold up others for long.
  base::Fd client(accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
  if (!client) return false;
  const timeval bound{0, 200'000};
  setsockopt(client.get(), SOL_SOCKET, SO_SNDTIMEO, &bound, sizeof bound);
  size_t sent = 0;
  while (sent < json.size()) {
    const ssize_t count = send(client.get(), json.data() + sent, json.size() - sent, MSG_NOSIGNAL);
    if (count <= 0) break;
    sent += static_cast<size_t>(count);
  }
  return true;
}

std::vector<pid_t> ListRuns(const std::string& folder) {
  std::vector<pid_t> result;
  DIR* entries = opendir(folder.c_str());
  if (entries == nullptr) return result;
  while (const dirent* entry = readdir(entries)) {
    const std::string_view name = entry->d_name;
    if (!name.ends_with(kStatusSuffix)) continue;
    pid_t pid = 0;
    const std::string_view digits = name.substr(0, name.size() - kStatusSuffix.size());
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), pid);
    if (error == std::errc() && end == digits.data() + digits.size()) result.push_back(pid);
  }
  closedir(entries);
  std::ranges::sort(result);
  return result;
}

base::Result<std::string> AskStatus(const std::string& folder, pid_t pid) {
  const std::string path = StatusSocketPath(folder, pid);
  const auto address = AddressOf(path);
  if (!address) return base::InvalidArgument(path + " is too long for a socket");
  base::Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return base::ErrnoError("a socket", errno);
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) != 0) {
    if (errno == ECONNREFUSED) {
      unlink(path.c_str());
      unlink(AttachSocketPath(folder, pid).c_str());
    }
    if (errno == ECONNREFUSED || errno == ENOENT) {
      return base::NotFound(fmt::format("no clew run with pid {} of this user", pid));
    }
    return base::ErrnoError("cannot ask " + path, errno);
  }
  std::string json;
  std::array<char, 8192> bytes;
  while (true) {
    if (!WaitReady(fd.get(), POLLIN)) return base::Unavailable(fmt::format("the run with pid {} does not answer", pid));
    const ssize_t count = recv(fd.get(), bytes.data(), bytes.size(), 0);
    if (count < 0) return base::ErrnoError("cannot read " + path, errno);
    if (count == 0) return json;
    json.append(bytes.data(), static_cast<size_t>(count));
    if (json.size() > (16u << 20)) return base::Internal("the answer is longer than any status");
  }
}

}  // namespace clew::agent::drain
