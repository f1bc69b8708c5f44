// SPDX-License-Identifier: Apache-2.0
#include "clew/engine/chdb_library.h"

#include <dlfcn.h>
#include <fmt/format.h>
#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <system_error>

#include "clew/base/thread_annotations.h"
#include "clew/engine/chdb_engine.h"
#include "clew/engine/write_guard.h"

#if defined(CLEW_ENGINE_SANITIZER_SHIM)
extern "C" void clew_engine_sanitizer_shim();
#endif

namespace clew::engine {
namespace {

template <typename Function>
bool Bind(void* library, const char* name, Function*& function) {
  function = reinterpret_cast<Function*>(dlsym(library, name));
  return function != nullptr;
}

bool BindAll(void* library, ChdbLibrary& chdb) {
  return Bind(library, "chdb_connect", chdb.connect) && Bind(library, "chdb_close_conn", chdb.close_connection) &&
         Bind(library, "chdb_query_with_params_n", chdb.query) &&
         Bind(library, "chdb_stream_query_with_params_n", chdb.stream_query) &&
         Bind(library, "chdb_stream_fetch_result", chdb.stream_fetch) &&
         Bind(library, "chdb_stream_cancel_query", chdb.stream_cancel) &&
         Bind(library, "chdb_destroy_query_result", chdb.destroy_result) &&
         Bind(library, "chdb_result_buffer", chdb.result_buffer) &&
         Bind(library, "chdb_result_length", chdb.result_length) &&
         Bind(library, "chdb_result_error", chdb.result_error) &&
         Bind(library, "chdb_set_signal_handlers_enabled", chdb.set_signal_handlers_enabled);
}

std::string_view Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string_view() : std::string_view(value);
}

base::Result<std::unique_ptr<ChdbLibrary>> Load(const std::string& path) {
#if defined(CLEW_ENGINE_SANITIZER_SHIM)
  clew_engine_sanitizer_shim();
#endif
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  const char* reason = library == nullptr ? dlerror() : nullptr;
  if (library == nullptr) {
    return base::Fail(
        base::Code::kFailedPrecondition,
        fmt::format("the storage engine could not be loaded ({}): run `make build`, which fetches libchdb "
                    "{}, or name the file in CLEW_LIBCHDB",
                    reason == nullptr ? "unknown reason" : reason, kChdbVersion));
  }
  auto chdb = std::make_unique<ChdbLibrary>();
  if (!BindAll(library, *chdb)) {
    return base::Fail(base::Code::kFailedPrecondition,
                      fmt::format("{} is not libchdb {}: run `make build`, which fetches it", path, kChdbVersion));
  }
  CLEW_RETURN_IF_ERROR(GuardWrites(reinterpret_cast<const void*>(chdb->connect)));
  chdb->set_signal_handlers_enabled(0);
  return chdb;
}

// For dl_iterate_phdr: `data` is the address of a function inside the library that is looked for.
int UnmapReadOnlySegments(struct dl_phdr_info* info, size_t /*size*/, void* data) {
  const auto wanted = reinterpret_cast<uintptr_t>(data);
  const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  const auto begin_of = [&](const ElfW(Phdr) & segment) { return info->dlpi_addr + segment.p_vaddr; };
  bool found = false;
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const ElfW(Phdr)& segment = info->dlpi_phdr[i];
    found |= segment.p_type == PT_LOAD && wanted >= begin_of(segment) && wanted - begin_of(segment) < segment.p_memsz;
  }
  if (!found) return 0;
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const ElfW(Phdr)& segment = info->dlpi_phdr[i];
    // A writable segment holds relocations, which are in no file.
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_W) != 0) continue;
    const uintptr_t begin = (begin_of(segment) + page - 1) / page * page;
    const uintptr_t end = (begin_of(segment) + segment.p_filesz) / page * page;
    // A kernel that refuses leaves everything as it was.
    if (end > begin) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
  }
  return 1;
}

}  // namespace

void UnmapUntouchedPages(const ChdbLibrary& library) {
  dl_iterate_phdr(UnmapReadOnlySegments, reinterpret_cast<void*>(library.connect));
}

std::string FindChdb(const std::string& path) {
  if (!path.empty()) return path;
  if (const std::string_view named = Environment("CLEW_LIBCHDB"); !named.empty()) return std::string(named);
  std::error_code error;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", error);
  if (!error) {
    const std::filesystem::path beside = program.parent_path().parent_path() / "lib/clew/libchdb.so";
    if (std::filesystem::exists(beside, error)) return beside.string();
  }
  std::filesystem::path cache(Environment("XDG_CACHE_HOME"));
  if (cache.empty()) cache = std::filesystem::path(Environment("HOME")) / ".cache";
  return (cache / "clew" / (std::string("chdb-") + kChdbVersion) / "libchdb.so").string();
}

base::Result<const ChdbLibrary*> LoadChdb(const std::string& path) {
  static base::Mutex mutex;
  static std::unique_ptr<ChdbLibrary> loaded;
  const base::MutexLock lock(mutex);
  if (loaded == nullptr) {
    CLEW_ASSIGN_OR_RETURN(loaded, Load(FindChdb(path)));
  }
  return loaded.get();
}

}  // namespace clew::engine
