// SPDX-License-Identifier: Apache-2.0
#include "clew/store/write_path.h"

#include <algorithm>
#include <atomic>
#include <thread>
#include <unordered_set>

#include "clew/base/log.h"
#include "clew/store/pending_index.h"
#include "clew/store/store_state.h"
#include "clew/store/table_writer.h"

namespace clew::store {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::milliseconds kPoll{10};
constexpr std::chrono::milliseconds kOverloadRetry{1000};
// A stop without any patience still lets an INSERT that only just waits for room go on.
constexpr std::chrono::seconds kLeastStop{1};

wal::Table TableOf(Signal signal) {
  switch (signal) {
    case Signal::kSpans: return wal::Table::kSpans;
    case Signal::kLogs: return wal::Table::kLogs;
    case Signal::kMetrics: return wal::Table::kSeries;
  }
  return wal::Table::kSpans;
}

Signal SignalOf(wal::Table table) {
  switch (table) {
    case wal::Table::kSpans: return Signal::kSpans;
    case wal::Table::kLogs: return Signal::kLogs;
    case wal::Table::kSeries: break;
  }
  return Signal::kMetrics;
}

// What Store offers, behind the seam.
class StoreSink : public CutSink {
 public:
  explicit StoreSink(Store& store) : store_(store) {}
  base::Status Insert(const Cut<model::SpanBatch>& cut) override { return store_.Insert(cut); }
  base::Status Insert(const Cut<model::LogBatch>& cut) override { return store_.Insert(cut); }
  base::Status Insert(const Cut<model::SeriesBatch>& cut) override { return store_.Insert(cut); }
  void GiveBackMemory(wal::Table table) override { store_.state().encoders().GiveBackMemory(SignalOf(table)); }
  base::Status Writable() const override { return store_.Writable(); }
  void EndWaitingWritesAt(steady_clock::time_point when) override { store_.EndWaitingWritesAt(when); }

 private:
  Store& store_;
};

struct HashOfHash {
  size_t operator()(const base::Hash128& hash) const { return hash.low; }
};

// The rows of a record table by table, as they wait. Sequence and arrival follow from the log.
std::vector<std::pair<wal::Table, PendingRows>> SplitByTable(const model::TenantId& tenant, const wal::Rows& rows) {
  std::vector<std::pair<wal::Table, PendingRows>> parts;
  const auto add = [&](wal::Table table, wal::Rows own, size_t row_count, PendingIndex index) {
    PendingRows part;
    part.tenant = tenant;
    part.row_count = row_count;
    part.reserved_bytes = wal::ByteSize(own) + index.size_bytes();
    part.rows = std::move(own);
    part.index = std::move(index);
    parts.emplace_back(table, std::move(part));
  };
  if (rows.spans) {
    add(wal::Table::kSpans, {rows.spans, nullptr, nullptr}, wal::RowCount(*rows.spans), MakePendingIndex(*rows.spans));
  }
  if (rows.logs) {
    add(wal::Table::kLogs, {nullptr, rows.logs, nullptr}, wal::RowCount(*rows.logs), MakePendingIndex(*rows.logs));
  }
  if (rows.series) {
    add(wal::Table::kSeries, {nullptr, nullptr, rows.series}, wal::RowCount(*rows.series),
        MakePendingIndex(*rows.series));
  }
  return parts;
}

}  // namespace

class WritePath::Impl {
 public:
  static base::Result<std::unique_ptr<Impl>> Open(WritePathOptions options, CutSink& sink);
  ~Impl() { Close(steady_clock::now()); }

  void Write(WriteEntry entry, Done done);
  base::Status FlushFor(const Question& question, const model::RequestContext& context);
  WritePathStats stats() const;
  base::UnixNanos StoredUpTo() const;
  base::Status EmptyLog(const model::RequestContext& context);
  base::Status CheckReady() const;
  void Close(steady_clock::time_point deadline);

  std::unique_ptr<StoreSink> store_sink;
  Store* store = nullptr;

 private:
  using Parts = std::vector<std::pair<wal::Table, PendingRows>>;

  Impl(WritePathOptions options, std::unique_ptr<wal::Log> log, CutSink& sink)
      : options_(std::move(options)),
        log_(std::move(log)),
        sink_(sink),
        hashes_(options_.hashes),
        budget_(options_.pending_bytes, options_.table_pending_bytes) {}

  base::Status TryFlush(const Question& question, const model::RequestContext& context);
  base::Status TakeWrite();
  void EndWrite();
  bool Reserve(const Parts& parts);
  void Release(const Parts& parts);
  void Append(WriteEntry entry, Done done);
  void ReplayLog();
  bool AddReplayed(wal::Replay::Record record);
  bool WaitForRoom(wal::Table table, uint64_t sequence, uint64_t bytes);
  void RememberHashes(const std::vector<wal::RecordHeader>& damaged);
  TableWriter& writer(wal::Table table) const { return *tables_[wal::IndexOf(table)]; }

  const WritePathOptions options_;
  std::unique_ptr<wal::Log> log_;
  CutSink& sink_;
  wal::BodyHashes hashes_;
  PendingBudget budget_;
  std::array<std::unique_ptr<TableWriter>, wal::kTableCount> tables_;
  std::atomic<bool> replaying_ = true;
  std::atomic<bool> stop_replay_ = false;
  std::atomic<uint64_t> refused_full_ = 0;
  std::atomic<uint64_t> repetitions_ = 0;
  std::atomic<uint64_t> stale_reads_ = 0;

  base::Mutex mutex_;
  base::CondVar idle_;
  bool closing_ GUARDED_BY(mutex_) = false;
  bool closed_ GUARDED_BY(mutex_) = false;
  uint64_t writes_ GUARDED_BY(mutex_) = 0;  // that are not answered yet

  std::thread replay_thread_;
};

base::Result<std::unique_ptr<WritePath::Impl>> WritePath::Impl::Open(WritePathOptions options, CutSink& sink) {
  CLEW_ASSIGN_OR_RETURN(auto log, wal::Log::Open(options.log));
  std::unique_ptr<Impl> impl(new Impl(std::move(options), std::move(log), sink));
  for (const wal::Table table : wal::kTables) {
    impl->tables_[wal::IndexOf(table)] =
        std::make_unique<TableWriter>(table, impl->options_, *impl->log_, sink, impl->budget_,
                                      impl->log_->recovered().tables[wal::IndexOf(table)].open_cut);
  }
  impl->replay_thread_ = std::thread([raw = impl.get()] { raw->ReplayLog(); });
  const auto any_failing = [&] {
    return !sink.Writable() ||
           std::ranges::any_of(impl->tables_, [](const auto& table) { return table->is_failing(); });
  };
  while (impl->replaying_ && !any_failing()) std::this_thread::sleep_for(kPoll);
  if (impl->replaying_) {
    base::LogWarning("the write-ahead log cannot be replayed to its end now; new data is refused until it can");
  }
  return impl;
}

base::Status WritePath::Impl::TakeWrite() {
  const base::MutexLock lock(mutex_);
  if (closing_) return std::unexpected(base::Error{base::Code::kUnavailable, "the server is stopping", kOverloadRetry});
  if (replaying_) {
    return std::unexpected(base::Error{
        base::Code::kUnavailable, "data from before the last stop is still being put into its tables", kOverloadRetry});
  }
  ++writes_;
  return {};
}

void WritePath::Impl::EndWrite() {
  const base::MutexLock lock(mutex_);
  if (--writes_ == 0) idle_.notify_all();
}

bool WritePath::Impl::Reserve(const Parts& parts) {
  for (size_t i = 0; i < parts.size(); ++i) {
    if (budget_.TryReserve(parts[i].first, parts[i].second.reserved_bytes)) continue;
    for (size_t j = 0; j < i; ++j) budget_.Release(parts[j].first, parts[j].second.reserved_bytes);
    return false;
  }
  return true;
}

void WritePath::Impl::Release(const Parts& parts) {
  for (const auto& [table, part] : parts) budget_.Release(table, part.reserved_bytes);
}

void WritePath::Impl::Write(WriteEntry entry, Done done) {
  if (auto taken = TakeWrite(); !taken) {
    done(std::unexpected(std::move(taken).error()));
    return;
  }
  auto answer = [this, done = std::move(done)](base::Result<Written> result) mutable {
    done(std::move(result));
    EndWrite();
  };
  if (entry.body_hash == base::Hash128()) {
    Append(std::move(entry), std::move(answer));
    return;
  }
  const auto shared = std::make_shared<Done>(std::move(answer));
  const auto repeated = [this, shared](base::Result<uint64_t> rejected) {
    if (!rejected) {
      (*shared)(std::unexpected(std::move(rejected).error()));
      return;
    }
    ++repetitions_;
    (*shared)(Written{*rejected, true});
  };
  wal::BodyHashes::Waiter waiter = repeated;
  uint64_t rejected = 0;
  switch (hashes_.Take(entry.body_hash, waiter, rejected)) {
    case wal::BodyHashes::Claim::kWaiting: return;
    case wal::BodyHashes::Claim::kKnown: repeated(rejected); return;
    case wal::BodyHashes::Claim::kNew: break;
  }
  // Those who wait for the same body hear after the first, and only once readers see the rows.
  auto settle = [this, shared, hash = entry.body_hash](base::Result<Written> result) {
    base::Result<uint64_t> outcome = 0;
    if (result) {
      outcome = result->rejected;
    } else {
      outcome = std::unexpected(result.error());
    }
    hashes_.Settle(hash, std::move(outcome));
    (*shared)(std::move(result));
  };
  Append(std::move(entry), std::move(settle));
}

void WritePath::Impl::Append(WriteEntry entry, Done done) {
  Parts parts = SplitByTable(entry.tenant, entry.rows);
  if (!Reserve(parts)) {
    ++refused_full_;
    done(base::ResourceExhausted("more data arrives than can be stored now; come again", kOverloadRetry));
    return;
  }
  wal::Log::RowsRecord record;
  record.tables = entry.rows.tables();
  record.body_hash = entry.body_hash;
  record.rejected = static_cast<uint32_t>(std::min<uint64_t>(entry.rejected, UINT32_MAX));
  record.payload = wal::EncodeRows(entry.tenant, entry.rows);
  record.keep_alive = std::make_shared<wal::Rows>(std::move(entry.rows));
  const uint64_t rejected = entry.rejected;
  log_->Append(std::move(record), [this, parts = std::move(parts), rejected,
                                   done = std::move(done)](base::Result<wal::Position> position) mutable {
    if (!position) {
      Release(parts);
      done(std::unexpected(std::move(position).error()));
      return;
    }
    for (auto& [table, part] : parts) {
      part.sequence = position->sequence;
      part.arrival = position->time;
      writer(table).Add(std::move(part));
    }
    done(Written{rejected, false});
  });
}

base::Status WritePath::Impl::FlushFor(const Question& question, const model::RequestContext& context) {
  base::Status status = TryFlush(question, context);
  if (!status && !context.cancellation.cancelled() && steady_clock::now() < context.deadline) ++stale_reads_;
  return status;
}

base::Status WritePath::Impl::TryFlush(const Question& question, const model::RequestContext& context) {
  TableWriter& table = writer(TableOf(question.signal));
  const auto patience = steady_clock::now() + options_.flush_patience;
  while (replaying_ && steady_clock::now() < patience) {
    CLEW_RETURN_IF_ERROR(context.Check());
    std::this_thread::sleep_for(kPoll);
  }
  if (replaying_) {
    base::Error error = table.WhyStuck().value_or(base::Error{base::Code::kUnavailable, "they are being read", {}});
    error.message = "rows from before the last stop are not in their table yet: " + error.message;
    return std::unexpected(std::move(error));
  }
  return table.FlushFor(PendingQuestion(question), context);
}

void WritePath::Impl::ReplayLog() {
  const wal::Recovered& recovered = log_->recovered();
  wal::Replay replay(recovered.segments, [&](wal::Table table, uint64_t sequence) {
    return sequence > recovered.tables[wal::IndexOf(table)].durable;
  });
  uint64_t records = 0;
  while (auto record = replay.Next()) {
    if (!AddReplayed(*std::move(record))) return;
    ++records;
  }
  for (const wal::RecordHeader& header : replay.foreign()) {
    for (const wal::Table table : wal::kTables) {
      if ((header.tables & wal::BitOf(table)) == 0) continue;
      log_->SetAside({log_->epoch(), header.sequence, header.sequence, 0, table, {}});
    }
  }
  if (records > 0) base::LogInfo("write-ahead log: {} records were read back after the last stop", records);
  RememberHashes(replay.damaged());
  for (const auto& table : tables_) table->FinishReplay(recovered.last_sequence);
  replaying_ = false;
}

bool WritePath::Impl::AddReplayed(wal::Replay::Record record) {
  for (auto& [table, part] : SplitByTable(record.rows.tenant, record.rows.rows)) {
    const auto& state = log_->recovered().tables[wal::IndexOf(table)];
    if (record.header.sequence <= state.durable) continue;
    // What belongs to the cut under way must come in before that can be inserted and make room.
    const bool must_fit = state.open_cut && record.header.sequence <= state.open_cut->last_sequence;
    while (!must_fit && !budget_.TryReserve(table, part.reserved_bytes)) {
      if (stop_replay_) return false;
      std::this_thread::sleep_for(kPoll);
    }
    if (must_fit) budget_.Reserve(table, part.reserved_bytes);
    part.sequence = record.header.sequence;
    part.arrival = record.header.time;
    writer(table).Add(std::move(part));
  }
  return !stop_replay_;
}

void WritePath::Impl::RememberHashes(const std::vector<wal::RecordHeader>& damaged) {
  std::unordered_set<base::Hash128, HashOfHash> lost;
  for (const wal::RecordHeader& header : damaged) lost.insert(header.body_hash);
  for (const wal::HashEntry& entry : log_->recovered().hashes) {
    if (!lost.contains(entry.hash)) hashes_.Remember(entry.hash, entry.rejected);
  }
}

WritePathStats WritePath::Impl::stats() const {
  WritePathStats stats;
  for (const wal::Table table : wal::kTables) stats.tables[wal::IndexOf(table)] = writer(table).stats();
  stats.refused_full = refused_full_;
  stats.repetitions = repetitions_;
  stats.stale_reads = stale_reads_;
  stats.body_hashes = hashes_.size();
  stats.replaying = replaying_;
  stats.log = log_->stats();
  return stats;
}

base::UnixNanos WritePath::Impl::StoredUpTo() const {
  if (replaying_) return 0;
  // In this order: what the log is writing is either seen there or has come to the tables' writers by then.
  base::UnixNanos time = options_.log.clock->Now();
  time = std::min(time, log_->OldestInHand());
  for (const auto& table : tables_) time = std::min(time, table->OldestPending());
  return time;
}

base::Status WritePath::Impl::EmptyLog(const model::RequestContext& context) {
  const base::UnixNanos now = options_.log.clock->Now();
  while (StoredUpTo() < now) {
    CLEW_RETURN_IF_ERROR(context.Check());
    CLEW_RETURN_IF_ERROR(log_->CheckReady());
    std::this_thread::sleep_for(kPoll);
  }
  return log_->Empty(context.deadline);
}

base::Status WritePath::Impl::CheckReady() const {
  CLEW_RETURN_IF_ERROR(log_->CheckReady());
  for (const auto& table : tables_) {
    if (const std::string why = table->stats().last_error; !why.empty()) return base::Unavailable(why);
  }
  CLEW_RETURN_IF_ERROR(sink_.Writable());
  if (replaying_) return base::Unavailable("the log of the last run is being stored; try again soon");
  return {};
}

void WritePath::Impl::Close(steady_clock::time_point deadline) {
  {
    const base::MutexLock lock(mutex_);
    if (closed_) return;
    closing_ = true;
    closed_ = true;
    while (writes_ > 0) idle_.wait(mutex_);
  }
  sink_.EndWaitingWritesAt(std::max(deadline, steady_clock::now() + kLeastStop));
  stop_replay_ = true;
  if (replay_thread_.joinable()) replay_thread_.join();
  for (const auto& table : tables_) {
    if (table) table->BeginStop(deadline);
  }
  for (const auto& table : tables_) {
    if (table) table->Join();
  }
  log_->Close();
}

WritePath::WritePath(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

WritePath::~WritePath() { Close(steady_clock::now()); }

base::Result<std::unique_ptr<WritePath>> WritePath::Open(WritePathOptions options, CutSink& sink) {
  CLEW_ASSIGN_OR_RETURN(auto impl, Impl::Open(std::move(options), sink));
  return std::unique_ptr<WritePath>(new WritePath(std::move(impl)));
}

base::Result<std::unique_ptr<WritePath>> WritePath::Open(WritePathOptions options, Store& store) {
  auto sink = std::make_unique<StoreSink>(store);
  CLEW_ASSIGN_OR_RETURN(auto impl, Impl::Open(std::move(options), *sink));
  impl->store_sink = std::move(sink);
  impl->store = &store;
  std::unique_ptr<WritePath> path(new WritePath(std::move(impl)));
  store.AttachPending(path.get());
  return path;
}

void WritePath::Write(WriteEntry entry, Done done) { impl_->Write(std::move(entry), std::move(done)); }

base::Status WritePath::FlushFor(const Question& question, const model::RequestContext& context) {
  return impl_->FlushFor(question, context);
}

WritePathStats WritePath::stats() const { return impl_->stats(); }

base::UnixNanos WritePath::StoredUpTo() const { return impl_->StoredUpTo(); }

base::Status WritePath::EmptyLog(const model::RequestContext& context) { return impl_->EmptyLog(context); }

base::Status WritePath::CheckReady() const { return impl_->CheckReady(); }

void WritePath::Close(steady_clock::time_point deadline) {
  impl_->Close(deadline);
  if (impl_->store != nullptr) impl_->store->AttachPending(nullptr);
  impl_->store = nullptr;
}

}  // namespace clew::store
