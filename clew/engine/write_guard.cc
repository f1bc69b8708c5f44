// SPDX-License-Identifier: Apache-2.0
#include "clew/engine/write_guard.h"

#include <elf.h>
#include <fmt/format.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>

#include "clew/base/log.h"

namespace clew::engine {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::milliseconds kRetryPause{50};
// A disk that stays full is said this often.
constexpr std::chrono::seconds kSayAgain{60};

int64_t Ticks(steady_clock::time_point time) { return time.time_since_epoch().count(); }

// The library calls plain functions, so what they share cannot be a member of anything.
std::atomic<uint32_t> waiting_threads{0};
std::atomic<int64_t> end_at{std::numeric_limits<int64_t>::max()};
std::atomic<int64_t> say_again_at{std::numeric_limits<int64_t>::min()};

std::string NameOf(int fd) {
  std::array<char, 512> name{};
  const std::string link = fmt::format("/proc/self/fd/{}", fd);
  const ssize_t size = ::readlink(link.c_str(), name.data(), name.size());
  return size > 0 ? std::string(name.data(), static_cast<size_t>(size)) : "a file";
}

// Files and folders; what goes to a socket, pipe or terminal is not data that is kept.
bool IsKept(int fd) {
  struct stat status;
  return fd > STDERR_FILENO && ::fstat(fd, &status) == 0 && (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode));
}

[[noreturn]] void EndProcess(std::string_view call, int fd, int error_number) {
  base::LogError(
      "storage engine: {} of {} failed: {}; the process ends, since what could not be written must not be taken for "
      "written. Nothing acknowledged is lost: once the disk works, start it again",
      call, NameOf(fd), std::generic_category().message(error_number));
  _exit(1);
}

// From the first time that there is no room until the write goes on.
class WaitForRoom {
 public:
  WaitForRoom() { ++waiting_threads; }
  ~WaitForRoom() { --waiting_threads; }
  WaitForRoom(const WaitForRoom&) = delete;
  WaitForRoom& operator=(const WaitForRoom&) = delete;

  void Pause(int fd) {
    const auto now = steady_clock::now();
    if (Ticks(now) >= end_at) {
      base::LogWarning(
          "storage engine: there is still no room to write {} and the server is to stop; the process ends, and what "
          "was not finished is done again from the log at the next start",
          NameOf(fd));
      _exit(0);
    }
    if (int64_t due = say_again_at; Ticks(now) >= due) {
      // One of all that wait says it.
      if (say_again_at.compare_exchange_strong(due, Ticks(now + kSayAgain))) {
        base::LogError("storage engine: there is no room on the disk to write {}; writing waits until there is",
                       NameOf(fd));
      }
    }
    std::this_thread::sleep_for(kRetryPause);
  }
};

// What to do after `call` failed with `error_number`: true, and it is to be tried again; false, and the error is for
// the library, since it is about the call and not about the disk.
bool TryAgain(std::string_view call, int fd, int error_number, std::optional<WaitForRoom>& wait) {
  if (error_number == EINTR) return true;
  if (error_number == EBADF || error_number == EINVAL || error_number == EFAULT || !IsKept(fd)) return false;
  if (error_number != ENOSPC && error_number != EDQUOT) EndProcess(call, fd, error_number);
  if (!wait) wait.emplace();
  wait->Pause(fd);
  return true;
}

// Calls `write_rest` with the number of bytes that are written until there are `count`.
template <typename WriteRest>
ssize_t WriteWhole(std::string_view call, int fd, size_t count, const WriteRest& write_rest) {
  std::optional<WaitForRoom> wait;
  size_t done = 0;
  while (true) {
    const ssize_t written = write_rest(done);
    if (written < 0) {
      const int error_number = errno;
      if (TryAgain(call, fd, error_number, wait)) continue;
      errno = error_number;
      return done > 0 ? static_cast<ssize_t>(done) : -1;
    }
    done += static_cast<size_t>(written);
    if (done >= count || written == 0 || !IsKept(fd)) return static_cast<ssize_t>(done);
  }
}

// What the kernel could not write it may have dropped: no second try can bring that back.
template <typename Sync>
int SyncOrEnd(int fd, const Sync& sync) {
  while (sync() != 0) {
    const int error_number = errno;
    if (error_number == EIO || error_number == ENOSPC || error_number == EDQUOT) EndProcess("a sync", fd, error_number);
    if (error_number == EINTR) continue;
    // Not every kind of file can be synced.
    errno = error_number;
    return -1;
  }
  return 0;
}

extern "C" {

ssize_t ClewGuardedWrite(int fd, const void* bytes, size_t count) {
  return WriteWhole("a write", fd, count,
                    [&](size_t done) { return ::write(fd, static_cast<const char*>(bytes) + done, count - done); });
}

ssize_t ClewGuardedPwrite(int fd, const void* bytes, size_t count, off_t offset) {
  return WriteWhole("a write", fd, count, [&](size_t done) {
    return ::pwrite(fd, static_cast<const char*>(bytes) + done, count - done, offset + static_cast<off_t>(done));
  });
}

ssize_t ClewGuardedWritev(int fd, const iovec* pieces, int piece_count) {
  size_t count = 0;
  for (int i = 0; i < piece_count; ++i) count += pieces[i].iov_len;
  return WriteWhole("a write", fd, count, [&](size_t done) {
    if (done == 0) return ::writev(fd, pieces, piece_count);
    // The rest of the piece that was begun; the others follow one by one.
    int i = 0;
    while (done >= pieces[i].iov_len) done -= pieces[i++].iov_len;
    return ::write(fd, static_cast<const char*>(pieces[i].iov_base) + done, pieces[i].iov_len - done);
  });
}

int ClewGuardedFsync(int fd) {
  return SyncOrEnd(fd, [fd] { return ::fsync(fd); });
}

int ClewGuardedFdatasync(int fd) {
  return SyncOrEnd(fd, [fd] { return ::fdatasync(fd); });
}

int ClewGuardedFtruncate(int fd, off_t size) {
  std::optional<WaitForRoom> wait;
  while (::ftruncate(fd, size) != 0) {
    const int error_number = errno;
    if (TryAgain("a change of size", fd, error_number, wait)) continue;
    errno = error_number;
    return -1;
  }
  return 0;
}

}  // extern "C"

struct Import {
  std::string_view name;
  void* replacement = nullptr;
  bool is_optional = false;  // another name of one that is there
  size_t slots = 0;
};

std::array<Import, 8> Imports() {
  const auto address = [](auto* function) { return reinterpret_cast<void*>(function); };
  return {{{"write", address(ClewGuardedWrite)},
           {"pwrite", address(ClewGuardedPwrite)},
           {"pwrite64", address(ClewGuardedPwrite), true},
           {"writev", address(ClewGuardedWritev)},
           {"fsync", address(ClewGuardedFsync)},
           {"fdatasync", address(ClewGuardedFdatasync)},
           {"ftruncate", address(ClewGuardedFtruncate)},
           {"ftruncate64", address(ClewGuardedFtruncate), true}}};
}

// Relocations that put the address of a function into a slot (ELF x86-64 and AArch64 psABI).
bool IsAddressOfSymbol(uint64_t type) {
#if defined(__x86_64__)
  return type == R_X86_64_JUMP_SLOT || type == R_X86_64_GLOB_DAT || type == R_X86_64_64;
#elif defined(__aarch64__)
  return type == R_AARCH64_JUMP_SLOT || type == R_AARCH64_GLOB_DAT || type == R_AARCH64_ABS64;
#else
#error "the engine's import table is known for x86-64 and AArch64"
#endif
}

bool Contains(const dl_phdr_info& info, const void* address) {
  const auto wanted = reinterpret_cast<uintptr_t>(address);
  return std::any_of(info.dlpi_phdr, info.dlpi_phdr + info.dlpi_phnum, [&](const ElfW(Phdr) & segment) {
    const uintptr_t begin = info.dlpi_addr + segment.p_vaddr;
    return segment.p_type == PT_LOAD && wanted >= begin && wanted - begin < segment.p_memsz;
  });
}

// A loaded library, as its dynamic section (ELF gABI, chapter 5) describes it.
class LoadedLibrary {
 public:
  explicit LoadedLibrary(const dl_phdr_info& info) : info_(info) {
    for (int i = 0; i < info.dlpi_phnum; ++i) {
      if (info.dlpi_phdr[i].p_type == PT_DYNAMIC) ReadDynamic(info.dlpi_phdr[i]);
    }
  }

  base::Status Replace(std::span<Import> imports) const {
    if (symbols_ == nullptr || names_ == nullptr) {
      return base::Fail(base::Code::kFailedPrecondition, "libchdb has no table of imports");
    }
    for (const std::span<const ElfW(Rela)> table : {relocations_, calls_}) {
      for (const ElfW(Rela) & relocation : table) {
        const uint64_t symbol = ELF64_R_SYM(relocation.r_info);
        if (symbol == 0 || !IsAddressOfSymbol(ELF64_R_TYPE(relocation.r_info))) continue;
        const std::string_view name = names_ + symbols_[symbol].st_name;
        const auto import = std::ranges::find(imports, name, &Import::name);
        if (import == imports.end()) continue;
        CLEW_RETURN_IF_ERROR(Put(info_.dlpi_addr + relocation.r_offset, import->replacement));
        ++import->slots;
      }
    }
    return {};
  }

 private:
  void ReadDynamic(const ElfW(Phdr) & segment) {
    // The C library puts addresses into the section when it loads it, others leave offsets there.
    const auto at = [&](ElfW(Addr) value) { return value < info_.dlpi_addr ? info_.dlpi_addr + value : value; };
    const ElfW(Rela)* relocations = nullptr;
    const ElfW(Rela)* calls = nullptr;
    size_t relocation_bytes = 0;
    size_t call_bytes = 0;
    size_t relative_count = 0;
    for (auto* entry = reinterpret_cast<const ElfW(Dyn)*>(info_.dlpi_addr + segment.p_vaddr); entry->d_tag != DT_NULL;
         ++entry) {
      switch (entry->d_tag) {
        case DT_SYMTAB: symbols_ = reinterpret_cast<const ElfW(Sym)*>(at(entry->d_un.d_ptr)); break;
        case DT_STRTAB: names_ = reinterpret_cast<const char*>(at(entry->d_un.d_ptr)); break;
        case DT_RELA: relocations = reinterpret_cast<const ElfW(Rela)*>(at(entry->d_un.d_ptr)); break;
        case DT_RELASZ: relocation_bytes = entry->d_un.d_val; break;
        // So many at the front name no symbol; there are a million of them.
        case DT_RELACOUNT: relative_count = entry->d_un.d_val; break;
        case DT_JMPREL: calls = reinterpret_cast<const ElfW(Rela)*>(at(entry->d_un.d_ptr)); break;
        case DT_PLTRELSZ: call_bytes = entry->d_un.d_val; break;
        default: break;
      }
    }
    if (relocations != nullptr) {
      relocations_ = {relocations, relocation_bytes / sizeof(ElfW(Rela))};
      relocations_ = relocations_.subspan(std::min(relative_count, relocations_.size()));
    }
    if (calls != nullptr) calls_ = {calls, call_bytes / sizeof(ElfW(Rela))};
  }

  // Some slots lie in pages that were made read-only once the library was loaded.
  bool IsReadOnly(uintptr_t slot) const {
    return std::any_of(info_.dlpi_phdr, info_.dlpi_phdr + info_.dlpi_phnum, [&](const ElfW(Phdr) & segment) {
      const uintptr_t begin = info_.dlpi_addr + segment.p_vaddr;
      return segment.p_type == PT_GNU_RELRO && slot >= begin && slot - begin < segment.p_memsz;
    });
  }

  base::Status Put(uintptr_t slot, void* value) const {
    const auto page_bytes = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
    auto* const page = reinterpret_cast<void*>(slot / page_bytes * page_bytes);
    const bool is_read_only = IsReadOnly(slot);
    if (is_read_only && ::mprotect(page, page_bytes, PROT_READ | PROT_WRITE) != 0) {
      return base::ErrnoError("the import table of libchdb cannot be changed", errno);
    }
    // At once, since a thread of the library may be calling through it.
    std::atomic_ref(*reinterpret_cast<void**>(slot)).store(value);
    if (is_read_only) ::mprotect(page, page_bytes, PROT_READ);
    return {};
  }

  const dl_phdr_info& info_;
  const ElfW(Sym) * symbols_ = nullptr;
  const char* names_ = nullptr;
  std::span<const ElfW(Rela)> relocations_;
  std::span<const ElfW(Rela)> calls_;
};

struct Search {
  const void* symbol = nullptr;
  std::array<Import, 8> imports = Imports();
  base::Status status = base::Fail(base::Code::kFailedPrecondition, "libchdb is not loaded");
};

int ReplaceIn(dl_phdr_info* info, size_t /*size*/, void* data) {
  auto& search = *static_cast<Search*>(data);
  if (!Contains(*info, search.symbol)) return 0;
  search.status = LoadedLibrary(*info).Replace(search.imports);
  return 1;
}

}  // namespace

base::Status GuardWrites(const void* symbol) {
  Search search;
  search.symbol = symbol;
  dl_iterate_phdr(ReplaceIn, &search);
  CLEW_RETURN_IF_ERROR(search.status);
  for (const Import& import : search.imports) {
    if (import.slots > 0 || import.is_optional) continue;
    return base::Fail(base::Code::kFailedPrecondition,
                      fmt::format("this libchdb does not write by way of the C library's {}(), so a full disk could "
                                  "cost data: it is not the version that Clew is built for",
                                  import.name));
  }
  return {};
}

base::Status WritesGoOn() {
  if (waiting_threads == 0) return {};
  return base::ResourceExhausted("there is no room on the disk of the tables; writing waits until there is");
}

void EndWaitingWritesAt(std::chrono::steady_clock::time_point when) { end_at = Ticks(when); }

}  // namespace clew::engine
