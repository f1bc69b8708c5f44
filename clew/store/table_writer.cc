// SPDX-License-Identifier: Apache-2.0
#include "clew/store/table_writer.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "clew/base/log.h"

namespace clew::store {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::milliseconds kLongestPause{5000};
constexpr std::chrono::milliseconds kLongestPauseForRoom{1000};
// The same while a reader waits for the rows.
constexpr std::chrono::milliseconds kReaderPause{300};
// One INSERT holds at most about this much, however wide its rows are.
constexpr uint64_t kCutBytes = 64u << 20;
// Without a cut for so long, the memory for them goes back.
constexpr std::chrono::seconds kRestAfter{3};
// How often a waiting reader looks whether its client still waits.
constexpr std::chrono::milliseconds kCancelCheck{50};

// Says that the rows themselves are refused, not that the table cannot take any now.
bool IsAboutContent(base::Code code) {
  return code == base::Code::kInvalidArgument || code == base::Code::kOutOfRange || code == base::Code::kUnimplemented;
}
bool MayPass(base::Code code) {
  switch (code) {
    case base::Code::kCancelled:
    case base::Code::kDeadlineExceeded:
    case base::Code::kResourceExhausted:
    case base::Code::kAborted:
    case base::Code::kUnavailable:
    case base::Code::kPermissionDenied: return true;
    default: return false;
  }
}

}  // namespace

bool PendingBudget::TryReserve(wal::Table table, uint64_t bytes) {
  const base::MutexLock lock(mutex_);
  uint64_t& own = tables_[wal::IndexOf(table)];
  if ((own > 0 && own + bytes > table_limit_) || (total_ > 0 && total_ + bytes > total_limit_)) return false;
  own += bytes;
  total_ += bytes;
  return true;
}

void PendingBudget::Reserve(wal::Table table, uint64_t bytes) {
  const base::MutexLock lock(mutex_);
  tables_[wal::IndexOf(table)] += bytes;
  total_ += bytes;
}

void PendingBudget::Release(wal::Table table, uint64_t bytes) {
  const base::MutexLock lock(mutex_);
  tables_[wal::IndexOf(table)] -= bytes;
  total_ -= bytes;
}

TableWriter::TableWriter(wal::Table table, const WritePathOptions& options, wal::Log& log, CutSink& sink,
                         PendingBudget& budget, std::optional<wal::CutPayload> open_cut)
    : table_(table), options_(options), log_(log), sink_(sink), budget_(budget), open_cut_(open_cut) {
  thread_ = std::thread([this] { Run(); });
}

TableWriter::~TableWriter() {
  BeginStop(steady_clock::now());
  Join();
}

void TableWriter::Add(PendingRows rows) {
  const base::MutexLock lock(mutex_);
  rows.since = steady_clock::now();
  pending_rows_ += rows.row_count;
  pending_bytes_ += rows.reserved_bytes;
  pending_.push_back(std::move(rows));
  if (pending_.size() == 1 || pending_rows_ >= options_.cut_rows || pending_bytes_ >= kCutBytes || open_cut_) {
    work_.notify_one();
  }
}

void TableWriter::FinishReplay(uint64_t last_sequence) {
  const base::MutexLock lock(mutex_);
  replayed_ = true;
  replayed_to_ = last_sequence;
  // Damaged records at the end must not hold their segment for ever.
  if (pending_.empty() && !open_cut_ && !cut_) log_.MarkDurable(table_, last_sequence);
  work_.notify_one();
}

base::Status TableWriter::FlushFor(const PendingQuestion& question, const model::RequestContext& context) {
  const base::MutexLock lock(mutex_);
  const auto last = std::find_if(pending_.rbegin(), pending_.rend(), [&](const PendingRows& rows) {
    return rows.tenant == context.tenant && question.MayMatch(rows.index);
  });
  if (last == pending_.rend()) return {};
  const uint64_t target = last->sequence;
  flush_target_ = std::max(flush_target_, target);
  work_.notify_one();
  while (inserted_to_ < target) {
    if (stopping_) return base::Unavailable("the server is stopping");
    CLEW_RETURN_IF_ERROR(CheckProgress());
    CLEW_RETURN_IF_ERROR(context.Check());
    progress_.wait_until(mutex_, std::min(context.deadline, steady_clock::now() + kCancelCheck));
  }
  return {};
}

std::optional<base::Error> TableWriter::Obstacle() const {
  std::optional<base::Error> obstacle;
  if (failing_) {
    obstacle = last_failure_;
  } else if (base::Status status = sink_.Writable(); !status) {
    obstacle = std::move(status).error();
  }
  if (obstacle && obstacle->code != base::Code::kResourceExhausted) obstacle->code = base::Code::kUnavailable;
  return obstacle;
}

std::optional<base::Error> TableWriter::WhyStuck() const {
  const base::MutexLock lock(mutex_);
  return Obstacle();
}

base::Status TableWriter::CheckProgress() {
  std::optional<base::Error> obstacle = Obstacle();
  const Time now = steady_clock::now();
  if (!obstacle) {
    stuck_since_.reset();
    return {};
  }
  if (!stuck_since_) stuck_since_ = now;
  if (now < *stuck_since_ + options_.flush_patience) return {};
  obstacle->message = "rows that were taken cannot be put into their table now (they are kept): " + obstacle->message;
  return std::unexpected(*std::move(obstacle));
}

bool TableWriter::is_failing() const {
  const base::MutexLock lock(mutex_);
  return failing_;
}

base::UnixNanos TableWriter::OldestPending() const {
  const base::MutexLock lock(mutex_);
  base::UnixNanos oldest = std::numeric_limits<base::UnixNanos>::max();
  // All of them, since the clock may have been set back.
  for (const PendingRows& rows : pending_) oldest = std::min(oldest, rows.arrival);
  return oldest;
}

WritePathStats::TableStats TableWriter::stats() const {
  const base::MutexLock lock(mutex_);
  WritePathStats::TableStats stats = stats_;
  stats.pending_rows = pending_rows_;
  stats.pending_bytes = pending_bytes_;
  if (!pending_.empty()) {
    stats.oldest_age =
        std::chrono::duration_cast<std::chrono::milliseconds>(steady_clock::now() - pending_.front().since);
  }
  if (failing_) stats.last_error = last_failure_.message;
  return stats;
}

void TableWriter::BeginStop(Time deadline) {
  const base::MutexLock lock(mutex_);
  if (!stopping_) stop_deadline_ = deadline;
  stopping_ = true;
  work_.notify_one();
}

void TableWriter::Join() {
  if (thread_.joinable()) thread_.join();
}

void TableWriter::Run() {
  const base::MutexLock lock(mutex_);
  while (WaitForCut()) {
    if (!cut_) MakeCut();
    mutex_.unlock();
    const base::Status status = StoreCut();
    mutex_.lock();
    if (status) {
      FinishCut(false);
      continue;
    }
    NoteFailure(status.error());
    if (IsHopeless(status.error())) {
      base::LogError("{}: {} rows are refused for good ({}); the log's segment with them is kept as *.aside",
                     wal::TableName(table_), cut_->payload.rows, status.error().message);
      log_.SetAside(cut_->payload);
      FinishCut(true);
    }
  }
  progress_.notify_all();
}

bool TableWriter::WaitForCut() {
  while (true) {
    const Time now = steady_clock::now();
    // What the log was not read for is left to the next start.
    if (stopping_ && (pending_.empty() || failing_ || now >= stop_deadline_ || !replayed_)) return false;
    Time next = Time::max();
    if (IsCutDue(now, next)) return true;
    if (stopping_) next = std::min(next, stop_deadline_);
    if (next == Time::max() && !is_resting_) {
      if (now >= last_cut_ + kRestAfter) {
        is_resting_ = true;
        mutex_.unlock();
        sink_.GiveBackMemory(table_);
        mutex_.lock();
        continue;
      }
      next = last_cut_ + kRestAfter;
    }
    if (next == Time::max()) {
      work_.wait(mutex_);
    } else {
      work_.wait_until(mutex_, next);
    }
  }
}

bool TableWriter::IsCutDue(Time now, Time& next) {
  if (cut_) {
    next = flush_target_ > inserted_to_ ? cut_->reader_retry_at : cut_->retry_at;
    return now >= next;
  }
  if (open_cut_) {
    if (IsOpenCutComplete()) TakeOverOpenCut();
    return cut_.has_value();
  }
  if (pending_.empty()) return false;
  if (stopping_ || pending_rows_ >= options_.cut_rows || pending_bytes_ >= kCutBytes ||
      inserted_to_ < std::min(round_target_, pending_.back().sequence)) {
    return true;
  }
  next = pending_.front().since + options_.cut_interval;
  if (flush_target_ > inserted_to_) {
    if (now >= next_flush_) {
      // Everybody who has asked by now is served by this round.
      round_target_ = flush_target_;
      next_flush_ = now + options_.flush_interval;
      ++stats_.flushes;
      return true;
    }
    next = std::min(next, next_flush_);
  }
  return now >= next;
}

bool TableWriter::IsOpenCutComplete() const {
  return replayed_ || (!pending_.empty() && pending_.back().sequence > open_cut_->last_sequence);
}

void TableWriter::TakeOverOpenCut() {
  const wal::CutPayload payload = *open_cut_;
  open_cut_.reset();
  const auto end =
      std::ranges::find_if(pending_, [&](const PendingRows& rows) { return rows.sequence > payload.last_sequence; });
  cut_ = ActiveCut{.payload = payload,
                   .entries = static_cast<size_t>(end - pending_.begin()),
                   .logged = true,
                   .attempts = 0,
                   .tried_before = true,
                   .retry_at = {},
                   .reader_retry_at = {}};
}

void TableWriter::MakeCut() {
  ActiveCut cut;
  cut.payload.epoch = log_.epoch();
  cut.payload.table = table_;
  cut.payload.first_sequence = pending_.front().sequence;
  const int64_t day = ArrivalDay(pending_.front().arrival);
  uint64_t bytes = 0;
  for (const PendingRows& rows : pending_) {
    if (cut.entries > 0 && (cut.payload.rows >= options_.cut_rows || bytes + rows.reserved_bytes > kCutBytes ||
                            ArrivalDay(rows.arrival) != day)) {
      break;
    }
    cut.payload.last_sequence = rows.sequence;
    cut.payload.rows += rows.row_count;
    bytes += rows.reserved_bytes;
    ++cut.entries;
  }
  cut_ = cut;
}

base::Status TableWriter::StoreCut() {
  wal::CutPayload payload;
  bool logged = false;
  {
    const base::MutexLock lock(mutex_);
    payload = cut_->payload;
    logged = cut_->logged;
  }
  if (!logged) CLEW_RETURN_IF_ERROR(log_.AppendCut(payload));
  {
    const base::MutexLock lock(mutex_);
    cut_->logged = true;
    if (cut_->entries == 0) return {};
  }
  switch (table_) {
    case wal::Table::kSpans: return InsertRows<model::SpanBatch>(&wal::Rows::spans);
    case wal::Table::kLogs: return InsertRows<model::LogBatch>(&wal::Rows::logs);
    case wal::Table::kSeries: return InsertRows<model::SeriesBatch>(&wal::Rows::series);
  }
  return base::Internal("no such table");
}

template <typename Batch>
base::Status TableWriter::InsertRows(std::shared_ptr<const Batch> wal::Rows::* batch) {
  std::vector<ArrivedBatch<Batch>> batches;
  Cut<Batch> cut;
  {
    const base::MutexLock lock(mutex_);
    batches.reserve(cut_->entries);
    for (size_t i = 0; i < cut_->entries; ++i) {
      const PendingRows& rows = pending_[i];
      batches.push_back({rows.tenant, rows.arrival, (rows.rows.*batch).get()});
    }
    cut.token = cut_->payload.Token();
    cut.again = cut_->tried_before;
    cut_->tried_before = true;
  }
  cut.batches = batches;
  return sink_.Insert(cut);
}

void TableWriter::FinishCut(bool set_aside) {
  const wal::CutPayload payload = cut_->payload;
  log_.AppendDone(payload);
  for (size_t i = 0; i < cut_->entries; ++i) {
    const PendingRows& rows = pending_.front();
    pending_rows_ -= rows.row_count;
    pending_bytes_ -= rows.reserved_bytes;
    (set_aside ? stats_.rows_set_aside : stats_.inserted_rows) += rows.row_count;
    budget_.Release(table_, rows.reserved_bytes);
    pending_.pop_front();
  }
  ++stats_.cuts;
  last_cut_ = steady_clock::now();
  is_resting_ = false;
  cut_.reset();
  failing_ = false;
  stuck_since_.reset();
  inserted_to_ = std::max(inserted_to_, payload.last_sequence);
  uint64_t durable = payload.last_sequence;
  if (replayed_ && pending_.empty()) durable = std::max(durable, replayed_to_);
  log_.MarkDurable(table_, durable);
  progress_.notify_all();
}

void TableWriter::NoteFailure(const base::Error& error) {
  if (!failing_ || error.message != last_failure_.message) {
    base::LogWarning("{}: rows cannot be inserted now, they are kept and tried again: {}", wal::TableName(table_),
                     error.message);
  }
  failing_ = true;
  if (!stuck_since_) stuck_since_ = steady_clock::now();
  ++stats_.insert_errors;
  last_failure_ = error;
  const auto pause = options_.insert_pause * (1 << std::min(cut_->attempts, 10));
  // A disk that was full has room again from one moment to the next.
  const auto longest = error.code == base::Code::kResourceExhausted ? kLongestPauseForRoom : kLongestPause;
  cut_->retry_at = steady_clock::now() + std::min<steady_clock::duration>(pause, longest);
  cut_->reader_retry_at = cut_->retry_at;
  // Attempts of a cut that may be given up are not spent on readers.
  if (MayPass(error.code)) cut_->reader_retry_at = std::min(cut_->retry_at, steady_clock::now() + kReaderPause);
  ++cut_->attempts;
  progress_.notify_all();
}

bool TableWriter::IsHopeless(const base::Error& error) const {
  if (!cut_->logged || MayPass(error.code)) return false;
  // An error that names no cause may still be the engine's and pass.
  return cut_->attempts >= options_.insert_attempts * (IsAboutContent(error.code) ? 1 : 10);
}

}  // namespace clew::store
