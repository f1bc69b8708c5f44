// SPDX-License-Identifier: Apache-2.0
#include "clew/engine/chdb_engine.h"

#include <fmt/format.h>
#include <malloc.h>
#include <sys/mman.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <iterator>
#include <optional>
#include <utility>

#include "clew/base/file.h"
#include "clew/base/log.h"
#include "clew/engine/block_files.h"
#include "clew/engine/chdb_library.h"
#include "clew/engine/chdb_statement.h"
#include "clew/engine/connection_pool.h"
#include "clew/engine/lock_file.h"
#include "clew/engine/signal_keeper.h"
#include "clew/engine/watchdog.h"
#include "clew/engine/write_guard.h"

namespace clew::engine {
namespace {

using Clock = std::chrono::steady_clock;

// Inserts have connections of their own, so that slow readers never hold up what was acknowledged.
constexpr uint32_t kWriteConnections = 2;
// A merge that waits for room may go on until then before Close ends the process.
constexpr std::chrono::seconds kClosePatience{1};
// libchdb serves one folder a process.
std::atomic<bool> engine_open{false};

uint64_t KeepFreeBytes(const ChdbOptions& options) {
  constexpr uint64_t kUsual = uint64_t{256} << 20;
  if (options.keep_free_bytes != 0) return options.keep_free_bytes;
  struct statvfs status;
  if (::statvfs(options.data_dir.c_str(), &status) != 0) return kUsual;
  return std::min(kUsual, uint64_t{status.f_blocks} * status.f_frsize / 16);
}

// Caches and pools for a server that is one process among others: the defaults take nearly all memory of the machine.
std::string ConfigurationOf(const ChdbOptions& options) {
  constexpr uint64_t kMiB = 1 << 20;
  const std::pair<std::string_view, uint64_t> values[] = {
      {"max_server_memory_usage", options.memory_bytes},
      {"merges_mutations_memory_usage_soft_limit", options.memory_bytes / 2},
      {"mark_cache_size", 16 * kMiB},
      {"index_mark_cache_size", 8 * kMiB},
      {"primary_index_cache_size", 16 * kMiB},
      {"uncompressed_cache_size", 0},
      {"index_uncompressed_cache_size", 0},
      {"mmap_cache_size", 64},
      {"compiled_expression_cache_size", 4 * kMiB},
      {"compiled_expression_cache_elements_size", 256},
      {"query_condition_cache_size", 4 * kMiB},
      {"text_index_dictionary_block_cache_size", 8 * kMiB},
      {"text_index_header_cache_size", 4 * kMiB},
      {"text_index_postings_cache_size", 8 * kMiB},
      {"vector_similarity_index_cache_size", 0},
      {"background_pool_size", 1},
      {"background_merges_mutations_concurrency_ratio", 2},
      {"background_move_pool_size", 1},
      {"background_fetches_pool_size", 1},
      {"background_common_pool_size", 2},
      {"background_schedule_pool_size", 2},
      {"background_buffer_flush_schedule_pool_size", 1},
      {"background_distributed_schedule_pool_size", 1},
      {"background_message_broker_schedule_pool_size", 1},
      // A bound that is reached makes the engine wait for itself for ever, and an engine that is closed leaves some
      // threads behind; how many really run follows from the pools above and from each query's threads.
      {"max_thread_pool_size", 1000},
      {"max_thread_pool_free_size", 4},
      {"thread_pool_queue_size", 1000},
      {"max_io_thread_pool_size", 8},
      {"max_io_thread_pool_free_size", 0},
      {"max_active_parts_loading_thread_pool_size", 2},
      {"max_outdated_parts_loading_thread_pool_size", 1},
      {"max_parts_cleaning_thread_pool_size", 1},
      {"memory_worker_period_ms", 1000},
      {"asynchronous_metrics_update_period_s", 60},
  };
  std::string xml = "<clickhouse>\n<logger><level>none</level></logger>\n";
  for (const auto& [name, value] : values) {
    fmt::format_to(std::back_inserter(xml), "<{0}>{1}</{0}>\n", name, value);
  }
  // With a small pool the engine would otherwise keep it free for mutations and merge small parts only.
  xml +=
      "<merge_tree>\n"
      "<number_of_free_entries_in_pool_to_execute_mutation>1</number_of_free_entries_in_pool_to_execute_mutation>\n"
      "<number_of_free_entries_in_pool_to_lower_max_size_of_merge>1</"
      "number_of_free_entries_in_pool_to_lower_max_size_of_merge>\n"
      "<number_of_free_entries_in_pool_to_execute_optimize_entire_partition>1"
      "</number_of_free_entries_in_pool_to_execute_optimize_entire_partition>\n"
      // Parts that were replaced go from disk within seconds, also where hardly anything happens.
      "<cleanup_delay_period>1</cleanup_delay_period>\n"
      "<cleanup_delay_period_random_add>0</cleanup_delay_period_random_add>\n"
      "<max_cleanup_delay_period>5</max_cleanup_delay_period>\n"
      // However many parts are damaged: they are set aside, and the others are read.
      "<max_suspicious_broken_parts>1000000000</max_suspicious_broken_parts>\n"
      "<max_suspicious_broken_parts_bytes>1000000000000000</max_suspicious_broken_parts_bytes>\n"
      "</merge_tree>\n";
  fmt::format_to(std::back_inserter(xml),
                 "<storage_configuration><disks><default><keep_free_space_bytes>{}</keep_free_space_bytes></default>"
                 "</disks></storage_configuration>\n",
                 KeepFreeBytes(options));
  return xml + "</clickhouse>\n";
}

// Not where it says the same already: a server must come up on a full disk too.
base::Status WriteConfiguration(const std::string& path, const std::string& text) {
  if (const auto present = base::ReadFile(path); present && *present == text) return {};
  return base::WriteFileAtomically(path, text);
}

double SecondsUntil(Clock::time_point deadline) {
  // A limit of zero is none at all.
  return std::max(0.001, std::chrono::duration<double>(deadline - Clock::now()).count());
}

std::string SettingsOf(const QueryOptions& options, uint64_t query, uint32_t default_threads) {
  std::string text = fmt::format(
      "\nSETTINGS max_execution_time = {:.3f}, timeout_overflow_mode = 'throw', max_memory_usage = {}, "
      "max_block_size = {}, max_threads = {}, log_comment = 'clew-{}', async_insert = 0",
      std::min(SecondsUntil(options.deadline), 86'400.0), options.memory_bytes, options.max_block_rows,
      options.max_threads == 0 ? default_threads : options.max_threads, query);
  if (!options.settings.empty()) {
    text += ", ";
    text += options.settings;
  }
  return text;
}

class ChdbEngine final : public Engine {
 public:
  ChdbEngine(const ChdbLibrary& library, const ChdbOptions& options, base::Fd lock,
             const std::vector<std::string>& arguments)
      : library_(library),
        options_(options),
        lock_(std::move(lock)),
        control_(library, arguments, "CREATE DATABASE IF NOT EXISTS clew ENGINE = Atomic", 1),
        readers_(library, arguments, "USE clew", options.connections),
        writers_(library, arguments, "USE clew", kWriteConnections),
        watchdog_(std::in_place, [this](uint64_t query) { KillQuery(query); }, [this] { GiveBackMemory(); }) {}

  ~ChdbEngine() override { Close(); }

  // Opens the folder itself, so that a damaged one is found here.
  base::Status Start() {
    auto lease = control_.Take(Clock::now() + std::chrono::seconds(60), {});
    if (!lease) return std::unexpected(std::move(lease).error());
    return {};
  }

  base::Status Query(std::string_view sql, const Parameters& parameters, const QueryOptions& options,
                     const OnBlock& on_block) override {
    CLEW_ASSIGN_OR_RETURN(const ConnectionPool::Lease lease, readers_.Take(options.deadline, options.cancelled));
    const uint64_t query = watchdog_->Begin(options.deadline, &options.cancelled);
    std::string text(sql);
    text += SettingsOf(options, query, options_.query_threads);
    base::Status status = Stream(lease, text, parameters, options, on_block);
    // What the watchdog says is why the engine gave an error; the engine's own words are about its inside.
    base::Status verdict = watchdog_->End(query);
    if (!status && !verdict) return verdict;
    return status;
  }

  base::Status Execute(std::string_view sql, const Parameters& parameters, const QueryOptions& options) override {
    CLEW_ASSIGN_OR_RETURN(const ConnectionPool::Lease lease, writers_.Take(options.deadline, options.cancelled));
    if (!sql.starts_with("INSERT")) return RunStatement(library_, lease.get(), sql, parameters);
    const uint64_t query = watchdog_->Begin(options.deadline, &options.cancelled);
    base::Status status =
        RunStatement(library_, lease.get(), std::string(sql) + SettingsOf(options, query, 1), parameters);
    base::Status verdict = watchdog_->End(query);
    if (!status && !verdict) return verdict;
    return status;
  }

  base::Status Insert(std::string_view table, const EncodedBlock& block, std::string_view token,
                      const QueryOptions& options) override {
    CLEW_RETURN_IF_ERROR(CheckToken(token));
    CLEW_ASSIGN_OR_RETURN(base::Fd memory, files_.With(block));

    std::string names;
    std::string structure;
    for (const EncodedBlock::ColumnName& column : block.columns) {
      if (!names.empty()) names += ", ";
      names += "`" + column.name + "`";
      if (!structure.empty()) structure += ", ";
      structure += "`" + column.name + "` " + column.type;
    }
    CLEW_ASSIGN_OR_RETURN(const ConnectionPool::Lease lease, writers_.Take(options.deadline, options.cancelled));
    const uint64_t query = watchdog_->Begin(options.deadline, &options.cancelled);
    // One block stays one block: nothing is squashed, split or shared among threads.
    const std::string settings =
        SettingsOf(options, query, 1) +
        fmt::format(
            ", max_insert_threads = 1, min_insert_block_size_rows = 0, min_insert_block_size_bytes = 0, "
            "insert_deduplicate = {}, insert_deduplication_token = '{}'",
            token.empty() ? 0 : 1, token);
    const std::string sql =
        fmt::format("INSERT INTO {} ({}){}\nSELECT {} FROM file('/proc/self/fd/{}', 'Native', '{}')", table, names,
                    settings, names, memory.get(), structure);
    base::Status status = RunStatement(library_, lease.get(), sql, Parameters());
    base::Status verdict = watchdog_->End(query);
    files_.Keep(std::move(memory));
    if (!status && !verdict) return verdict;
    return status;
  }

  base::Status Writable() const override { return WritesGoOn(); }

  void EndWaitingWritesAt(Clock::time_point when) override { engine::EndWaitingWritesAt(when); }

  void Close() override {
    if (closed_.exchange(true)) return;
    engine::EndWaitingWritesAt(Clock::now() + kClosePatience);
    watchdog_->KillAll();
    readers_.CloseAll();
    writers_.CloseAll();
    watchdog_.reset();
    const SignalKeeper signals;
    control_.CloseAll();
    lock_.Reset();
    engine_open = false;
  }

 private:
  // Tokens stand inside the statement, since settings cannot be bound.
  static base::Status CheckToken(std::string_view token) {
    const bool well_formed = std::ranges::all_of(token, [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             std::string_view("-_.:/").contains(c);
    });
    if (!well_formed)
      return base::InvalidArgument("engine: a deduplication token of other characters than a-zA-Z0-9-_.:/");
    return {};
  }

  base::Status Stream(const ConnectionPool::Lease& lease, std::string_view sql, const Parameters& parameters,
                      const QueryOptions& options, const OnBlock& on_block) {
    constexpr std::string_view kFormat = "Native";
    const BoundParameters bound(parameters);
    const ChdbResult stream(library_,
                            library_.stream_query(lease.get(), sql.data(), sql.size(), kFormat.data(), kFormat.size(),
                                                  bound.names.data(), bound.name_sizes.data(), bound.values.data(),
                                                  bound.value_sizes.data(), bound.names.size()));
    CLEW_RETURN_IF_ERROR(stream.Check());
    bool ended = false;
    base::Status status = FetchAll(lease, stream, options, on_block, ended);
    // A stream that is left half read keeps its query and its memory.
    if (!ended) library_.stream_cancel(lease.get(), stream.get());
    return status;
  }

  base::Status FetchAll(const ConnectionPool::Lease& lease, const ChdbResult& stream, const QueryOptions& options,
                        const OnBlock& on_block, bool& ended) {
    while (true) {
      if (options.cancelled && options.cancelled()) return base::Fail(base::Code::kCancelled, "the client went away");
      if (Clock::now() >= options.deadline) {
        return base::Fail(base::Code::kDeadlineExceeded, "the time limit of the request has passed");
      }
      const ChdbResult chunk(library_, library_.stream_fetch(lease.get(), stream.get()));
      if (base::Status status = chunk.Check(); !status) {
        ended = true;
        return status;
      }
      std::string_view bytes = chunk.bytes();
      if (bytes.empty()) {
        ended = true;
        return {};
      }
      while (!bytes.empty()) {
        CLEW_ASSIGN_OR_RETURN(const Block block, DecodeBlock(bytes));
        if (block.rows > 0) CLEW_RETURN_IF_ERROR(on_block(block));
      }
    }
  }

  void KillQuery(uint64_t query) {
    auto lease = control_.Take(Clock::now() + std::chrono::seconds(1), {});
    if (!lease) return;
    // One that has just ended is no longer there, which is no error.
    const base::Status status =
        RunStatement(library_, lease->get(),
                     fmt::format("KILL QUERY WHERE Settings['log_comment'] = 'clew-{}' ASYNC", query), Parameters());
    if (!status) base::LogWarning("a query could not be cancelled: {}", status.error().message);
  }

  // Both allocators keep what they have freed; once nobody asks, the machine may have it back.
  void GiveBackMemory() {
    auto lease = control_.Take(Clock::now() + std::chrono::seconds(1), {});
    if (!lease) return;
    const base::Status status = RunStatement(library_, lease->get(), "SYSTEM JEMALLOC PURGE", Parameters());
    if (!status) base::LogDebug("the engine's memory could not be given back: {}", status.error().message);
    files_.Clear();
    malloc_trim(0);
    UnmapUntouchedPages(library_);
  }

  const ChdbLibrary& library_;
  const ChdbOptions options_;
  base::Fd lock_;
  std::atomic<bool> closed_{false};
  // Keeps the engine open while the pools are empty, and cancels queries. All tables are in a database of our own,
  // since libchdb's default one also takes the names of files in the working folder for tables.
  ConnectionPool control_;
  ConnectionPool readers_;
  ConnectionPool writers_;
  BlockFiles files_;
  std::optional<Watchdog> watchdog_;
};

}  // namespace

base::Result<std::unique_ptr<Engine>> OpenChdb(const ChdbOptions& options) {
  if (engine_open.exchange(true)) {
    return base::Fail(base::Code::kFailedPrecondition, "a storage engine is open in this process already");
  }
  EndWaitingWritesAt(Clock::time_point::max());
  const SignalKeeper signals;
  const auto open = [&]() -> base::Result<std::unique_ptr<Engine>> {
    CLEW_ASSIGN_OR_RETURN(base::Fd lock, LockFolder(options.data_dir));
    const std::string configuration = options.data_dir + "/engine.xml";
    CLEW_RETURN_IF_ERROR(WriteConfiguration(configuration, ConfigurationOf(options)));
    CLEW_ASSIGN_OR_RETURN(const ChdbLibrary* library, LoadChdb(options.library_path));
    auto engine = std::make_unique<ChdbEngine>(
        *library, options, std::move(lock),
        std::vector<std::string>{"clew", "--path=" + options.data_dir, "--config-file=" + configuration});
    CLEW_RETURN_IF_ERROR(engine->Start());
    UnmapUntouchedPages(*library);
    return engine;
  };
  auto engine = open();
  // An engine that came to life has cleared it itself, in Close.
  if (!engine) engine_open = false;
  return engine;
}

}  // namespace clew::engine
