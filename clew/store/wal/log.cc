// SPDX-License-Identifier: Apache-2.0
#include "clew/store/wal/log.h"

#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <future>
#include <random>
#include <thread>

#include "clew/base/bytes.h"
#include "clew/base/log.h"

namespace clew::store::wal {
namespace {

using std::chrono::steady_clock;

constexpr std::string_view kSegmentEnding = ".wal";
constexpr std::string_view kHashesEnding = ".hashes";
// Cuts still go into a segment that has no more room for rows: the way out of a full disk leads through them.
constexpr uint64_t kControlSlackBytes = 256u << 10;
// Written and synced together.
constexpr size_t kGroupRecords = 1024;
constexpr uint64_t kGroupBytes = 64u << 20;
// A smaller segment is not worth a new file each time the load pauses.
constexpr uint64_t kIdleSegmentBytes = 1u << 20;
constexpr std::chrono::seconds kRetryPause{5};
constexpr std::chrono::seconds kFullDiskRetry{5};
// A full disk is not asked for each record whether it has room again.
constexpr std::chrono::milliseconds kStartPause{200};
constexpr std::chrono::milliseconds kEmptyPoll{10};
// An error that lasts is said this often.
constexpr std::chrono::seconds kSayAgain{60};

uint64_t Random64() {
  std::random_device device;
  return uint64_t{device()} << 32 | device();
}

std::string PathOf(const std::string& folder, const SegmentId& id, std::string_view ending) {
  return folder + "/" + id.Name() + std::string(ending);
}

// Of a record as it stands in its segment.
uint64_t StoredBytes(uint64_t payload_bytes) { return kRecordHeaderBytes + PaddedSize(payload_bytes); }

base::Error Closed() { return {base::Code::kUnavailable, "the server is stopping", kRetryPause}; }

// What the sender of rows is told about a failed write; the cause, with its paths, is in Clew's own log.
base::Error Refusal(const base::Error& cause) {
  switch (cause.code) {
    case base::Code::kInvalidArgument: return cause;
    case base::Code::kResourceExhausted:
      return {base::Code::kResourceExhausted, std::string(kNoRoomMessage), kFullDiskRetry};
    default: return {base::Code::kUnavailable, "data cannot be written to disk", kRetryPause};
  }
}

}  // namespace

Log::Log(LogOptions options) : options_(std::move(options)), epoch_(Random64()) {}

base::Result<std::unique_ptr<Log>> Log::Open(LogOptions options) {
  std::unique_ptr<Log> log(new Log(std::move(options)));
  const std::string& folder = log->options_.folder;
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return base::ErrnoError("cannot make the folder " + folder, error.value());
  const std::string lock_path = folder + "/LOCK";
  log->lock_ = base::Fd(::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!log->lock_) return base::ErrnoError("cannot write into " + folder, errno);
  if (::flock(log->lock_.get(), LOCK_EX | LOCK_NB) != 0) {
    return base::Fail(base::Code::kFailedPrecondition,
                      folder + " is held by another server: stop that one, or name another data folder");
  }
  CLEW_RETURN_IF_ERROR(log->Scan());
  CLEW_RETURN_IF_ERROR(log->LoadHashFiles());
  log->TakeOverRecovered();
  log->thread_ = std::thread([raw = log.get()] { raw->Run(); });
  return log;
}

void Log::TakeOverRecovered() {
  segments_.assign(recovered_.segments.begin(), recovered_.segments.end());
  for (Segment& segment : segments_) segment.last_append = steady_clock::now();
  for (const CutPayload& cut : recovered_.aside) MarkAside(cut, segments_);
  next_sequence_ = recovered_.last_sequence + 1;
  const base::MutexLock lock(mutex_);
  for (const Table table : kTables) told_durable_[IndexOf(table)] = recovered_.tables[IndexOf(table)].durable;
  durable_ = told_durable_;
}

Log::~Log() { Close(); }

void Log::Close() {
  {
    const base::MutexLock lock(mutex_);
    closing_ = true;
    wake_.notify_all();
  }
  if (!thread_.joinable()) return;
  thread_.join();
  lock_.Reset();
}

void Log::Append(RowsRecord record, Done done) {
  Request request;
  request.header.kind = RecordKind::kRows;
  request.header.tables = record.tables;
  request.header.body_hash = record.body_hash;
  request.header.rejected = record.rejected;
  request.payload = std::move(record.payload);
  request.keep_alive = std::move(record.keep_alive);
  request.done = std::move(done);
  Enqueue(std::move(request));
}

base::Status Log::AppendCut(const CutPayload& cut) {
  // Twice, so that one damaged place cannot take away where rows were cut.
  auto written = std::make_shared<std::promise<base::Status>>();
  for (const bool is_first : {true, false}) {
    Request request;
    request.header.kind = RecordKind::kCut;
    request.payload = EncodeBytes(base::BytesOf(cut));
    request.done = [written, is_first](base::Result<Position> position) {
      if (!is_first) return;
      written->set_value(position ? base::Status() : std::unexpected(position.error()));
    };
    Enqueue(std::move(request));
  }
  return written->get_future().get();
}

void Log::AppendDone(const CutPayload& cut) { EnqueueControl(RecordKind::kDone, cut); }

void Log::MarkDurable(Table table, uint64_t sequence) {
  const base::MutexLock lock(mutex_);
  told_durable_[IndexOf(table)] = std::max(told_durable_[IndexOf(table)], sequence);
  durable_moved_ = true;
  wake_.notify_all();
}

void Log::SetAside(const CutPayload& cut) {
  {
    const base::MutexLock lock(mutex_);
    aside_.push_back(cut);
  }
  EnqueueControl(RecordKind::kAside, cut);
}

void Log::EnqueueControl(RecordKind kind, const CutPayload& cut) {
  Request request;
  request.header.kind = kind;
  request.payload = EncodeBytes(base::BytesOf(cut));
  request.done = [](const base::Result<Position>&) {};
  Enqueue(std::move(request));
}

base::Status Log::Empty(steady_clock::time_point deadline) {
  uint64_t before = 0;
  {
    const base::MutexLock lock(mutex_);
    before = ends_;
    end_segment_ = true;
    wake_.notify_all();
  }
  while (true) {
    {
      const base::MutexLock lock(mutex_);
      if (failed_) return std::unexpected(*failed_);
      if (closing_) return std::unexpected(Closed());
      if (ends_ > before && (stats_.oldest_sequence == 0 || stats_.oldest_sequence > ended_at_)) return {};
    }
    if (steady_clock::now() >= deadline) {
      return base::Fail(base::Code::kDeadlineExceeded, "the write-ahead log still holds rows that are in no table yet");
    }
    std::this_thread::sleep_for(kEmptyPoll);
  }
}

// On the log's thread, with all that was queued before written.
void Log::EndSegment() {
  {
    const base::MutexLock lock(mutex_);
    if (!end_segment_ || !queue_.empty()) return;
    end_segment_ = false;
  }
  if (file_) CloseSegment();
  NoteSize();
  const base::MutexLock lock(mutex_);
  ended_at_ = next_sequence_ - 1;
  ++ends_;
}

LogStats Log::stats() const {
  const base::MutexLock lock(mutex_);
  LogStats stats = stats_;
  stats.queued_records = queue_.size();
  stats.failed = failed_.has_value();
  return stats;
}

base::Status Log::CheckReady() const {
  std::string last_error;
  uint64_t bytes = 0;
  {
    const base::MutexLock lock(mutex_);
    if (failed_) return std::unexpected(*failed_);
    last_error = stats_.last_error;
    bytes = stats_.bytes;
  }
  if (last_error.empty()) return {};
  CLEW_RETURN_IF_ERROR(CheckRoom());
  if (bytes >= options_.limit_bytes) return base::ResourceExhausted(last_error, kFullDiskRetry);
  return {};
}

void Log::Enqueue(Request request) {
  std::optional<base::Error> refusal;
  {
    const base::MutexLock lock(mutex_);
    if (failed_) {
      refusal = failed_;
    } else if (closing_) {
      refusal = Closed();
    }
    if (!refusal) {
      queue_.push_back(std::move(request));
      if (queue_.size() == 1) wake_.notify_all();
      return;
    }
  }
  request.done(std::unexpected(*std::move(refusal)));
}

std::deque<Log::Request> Log::TakeGroup() {
  std::deque<Request> group;
  uint64_t bytes = 0;
  while (!queue_.empty() && group.size() < kGroupRecords && bytes < kGroupBytes) {
    bytes += StoredBytes(queue_.front().payload.size);
    group.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  return group;
}

void Log::Run() {
  while (true) {
    std::deque<Request> group;
    {
      const base::MutexLock lock(mutex_);
      const auto is_due = [this]() REQUIRES(mutex_) {
        return !queue_.empty() || closing_ || durable_moved_ || end_segment_;
      };
      const auto until = NextHousekeeping();
      while (!is_due() && steady_clock::now() < until) {
        if (until == steady_clock::time_point::max()) {
          wake_.wait(mutex_);
        } else {
          wake_.wait_until(mutex_, until);
        }
      }
      durable_moved_ = false;
      durable_ = told_durable_;
      for (const CutPayload& cut : std::exchange(aside_, {})) MarkAside(cut, segments_);
      group = TakeGroup();
      if (group.empty() && closing_) break;
    }
    if (!group.empty()) WriteGroup(group);
    EndSegment();
    SealIdle();
    DeleteDurable();
    ExpireHashFiles();
  }
  if (file_) CloseSegment();
  DeleteDurable();
}

void Log::WriteGroup(std::deque<Request>& group) {
  // First as if it were earlier than any: who looks between the two sees no later time than the group's.
  in_hand_ = std::numeric_limits<base::UnixNanos>::min();
  const base::UnixNanos now = options_.clock->Now();
  in_hand_ = now;
  std::optional<base::Error> failed;
  {
    const base::MutexLock lock(mutex_);
    failed = failed_;
  }
  uint64_t refused = 0;
  uint64_t bytes = 0;
  for (Request& request : group) {
    request.header.time = now;
    auto status = failed ? base::Status(std::unexpected(*failed)) : WriteRecord(request);
    if (!status) {
      request.result = std::unexpected(std::move(status).error());
      ++refused;
    } else {
      bytes += StoredBytes(request.payload.size);
    }
  }
  if (auto synced = SyncOpen(); !synced) Fail(synced.error());
  NoteSize();
  {
    const base::MutexLock lock(mutex_);
    failed = failed_;
    stats_.appended_records += group.size() - refused;
    stats_.appended_bytes += bytes;
    stats_.refused_records += refused;
    if (refused == 0 && !failed) stats_.last_error.clear();
  }
  last_write_ = steady_clock::now();
  for (Request& request : group) {
    if (failed && request.result) request.result = std::unexpected(*failed);
    request.payload = {};
    request.keep_alive.reset();
    request.done(std::move(request.result));
  }
  in_hand_ = std::numeric_limits<base::UnixNanos>::max();
}

base::Status Log::WriteRecord(Request& request) {
  RecordHeader& header = request.header;
  const uint64_t bytes = StoredBytes(request.payload.size);
  if (request.payload.size > kMaxPayloadBytes) return base::InvalidArgument("one request holds more than a log record");
  if (auto status = EnsureSegment(bytes, header.kind != RecordKind::kRows); !status) {
    NoteError(status.error());
    return std::unexpected(Refusal(status.error()));
  }
  Segment& segment = segments_.back();
  header.salt = segment.id.salt;
  header.sequence = next_sequence_;
  header.payload_size = static_cast<uint32_t>(request.payload.size);
  header.payload_crc = request.payload.crc;
  const std::string header_bytes = EncodeRecordHeader(header);
  const std::string padding(PaddedSize(request.payload.size) - request.payload.size, '\0');
  std::vector<std::string_view> pieces;
  pieces.reserve(request.payload.pieces.size() + 2);
  pieces.push_back(header_bytes);
  pieces.insert(pieces.end(), request.payload.pieces.begin(), request.payload.pieces.end());
  pieces.push_back(padding);
  unsynced_ = true;
  if (auto status = file_->Append(pieces); !status) {
    NoteError(status.error());
    // Nothing torn stays behind. Where that cannot be had, the next record goes into another segment.
    if (!file_->Truncate(segment.bytes)) CloseSegment();
    return std::unexpected(Refusal(status.error()));
  }
  segment.bytes += bytes;
  segment.last_sequence = header.sequence;
  segment.last_append = steady_clock::now();
  for (const Table table : kTables) {
    if ((header.tables & BitOf(table)) != 0) segment.last_rows[IndexOf(table)] = header.sequence;
  }
  if (header.body_hash != base::Hash128()) segment.hashes.push_back({header.body_hash, header.time, header.rejected});
  request.result = Position{header.sequence, header.time};
  ++next_sequence_;
  return {};
}

base::Status Log::EnsureSegment(uint64_t record_bytes, bool is_control) {
  if (!is_control) {
    uint64_t total = record_bytes;
    for (const Segment& segment : segments_) total += segment.bytes;
    if (total > options_.limit_bytes && !segments_.empty()) {
      return base::ResourceExhausted("the write-ahead log has reached its size limit");
    }
  }
  if (file_) {
    const uint64_t used = segments_.back().bytes;
    const uint64_t room = options_.segment_bytes + (is_control ? kControlSlackBytes : 0);
    if (used + record_bytes <= room || used == kSegmentHeaderBytes) return {};
  }
  base::Status started = std::unexpected(start_error_);
  if (const auto now = steady_clock::now(); now >= next_start_) {
    // First: were the new name there after a crash without these records, their numbers would seem lost.
    if (auto synced = SyncOpen(); !synced) Fail(synced.error());
    started = StartSegment();
    if (!started) {
      start_error_ = started.error();
      next_start_ = now + kStartPause;
    }
  }
  if (!started && is_control && file_) return {};
  return started;
}

base::Status Log::CheckRoom() const {
  const Files::Space space = options_.files->SpaceOf(options_.folder);
  if (space.total_bytes == 0) return {};
  const uint64_t reserve = std::min(options_.reserve_bytes, space.total_bytes / 4);
  if (space.free_bytes >= reserve + options_.segment_bytes) return {};
  return base::ResourceExhausted("the disk of " + options_.folder + " is full but for what the tables need");
}

base::Status Log::StartSegment() {
  CLEW_RETURN_IF_ERROR(CheckRoom());
  Segment segment;
  segment.id = {next_sequence_, Random64()};
  segment.path = PathOf(options_.folder, segment.id, kSegmentEnding);
  CLEW_ASSIGN_OR_RETURN(auto file, options_.files->Create(segment.path, options_.segment_bytes + kControlSlackBytes));
  const std::string header = EncodeSegmentHeader(segment.id, options_.clock->Now());
  const std::string_view piece = header;
  auto status = file->Append({&piece, 1});
  if (status) status = options_.files->SyncFolder(options_.folder);
  if (!status) {
    (void)options_.files->Remove(segment.path);
    return status;
  }
  segment.bytes = header.size();
  if (file_) CloseSegment();
  segments_.push_back(std::move(segment));
  file_ = std::move(file);
  unsynced_ = true;
  return {};
}

void Log::CloseSegment() {
  if (auto synced = SyncOpen(); !synced) Fail(synced.error());
  // Gives back what was reserved.
  (void)file_->Truncate(segments_.back().bytes);
  file_.reset();
}

base::Status Log::SyncOpen() {
  if (!unsynced_ || !file_) return {};
  unsynced_ = false;
  {
    const base::MutexLock lock(mutex_);
    ++stats_.syncs;
  }
  return file_->Sync();
}

void Log::Fail(const base::Error& error) {
  base::LogError("write-ahead log: {}; nothing is acknowledged any more until Clew is started anew", error.message);
  const base::MutexLock lock(mutex_);
  stats_.last_error = error.message;
  if (failed_) return;
  failed_ = base::Error{
      base::Code::kUnavailable,
      "data cannot be kept, a write to disk has failed: " + error.message + "; Clew must be restarted", kRetryPause};
}

void Log::NoteError(const base::Error& error) {
  {
    const base::MutexLock lock(mutex_);
    stats_.last_error = error.message;
  }
  const auto now = steady_clock::now();
  if (now < say_again_) return;
  say_again_ = now + kSayAgain;
  base::LogError("write-ahead log: {}", error.message);
}

void Log::NoteSize() {
  uint64_t total = 0;
  for (const Segment& segment : segments_) total += segment.bytes;
  const base::MutexLock lock(mutex_);
  stats_.bytes = total;
  stats_.segments = segments_.size();
  stats_.oldest_sequence = segments_.empty() ? 0 : segments_.front().id.first_sequence;
}

bool Log::IsDurable(const Segment& segment) const {
  return std::ranges::all_of(
      kTables, [&](Table table) { return segment.last_rows[IndexOf(table)] <= durable_[IndexOf(table)]; });
}

void Log::MarkAside(const CutPayload& cut, std::deque<Segment>& segments) {
  for (Segment& segment : segments) {
    if (segment.id.first_sequence <= cut.last_sequence && segment.last_sequence >= cut.first_sequence) {
      segment.aside = true;
    }
  }
}

void Log::SealIdle() {
  if (!file_ || segments_.back().bytes < kIdleSegmentBytes || !IsDurable(segments_.back())) return;
  if (steady_clock::now() - last_write_ >= options_.idle) CloseSegment();
}

steady_clock::time_point Log::NextHousekeeping() const {
  auto next = steady_clock::time_point::max();
  if (retry_at_) next = *retry_at_;
  if (!hash_files_.empty()) next = std::min(next, hash_files_.front().until);
  if (file_ && segments_.back().bytes >= kIdleSegmentBytes && IsDurable(segments_.back())) {
    next = std::min(next, last_write_ + options_.idle);
  }
  return next;
}

void Log::DeleteDurable() {
  const auto now = steady_clock::now();
  if (retry_at_ && now < *retry_at_) return;
  retry_at_.reset();
  bool any = false;
  // From the oldest on only: a cut stays as long as any row that it may name.
  while (!segments_.empty() && !(file_ && segments_.size() == 1) && IsDurable(segments_.front())) {
    const Segment& segment = segments_.front();
    base::Status status;
    if (now - segment.last_append < options_.hash_lifetime) status = KeepHashes(segment);
    if (status) {
      status = segment.aside ? options_.files->Rename(segment.path, segment.path + ".aside")
                             : options_.files->Remove(segment.path);
    }
    // One name after the other: were a later one gone and an earlier one back after a power cut, its rows would stand
    // there without their cut.
    if (status) status = options_.files->SyncFolder(options_.folder);
    if (!status) {
      NoteError(status.error());
      retry_at_ = now + kRetryPause;
      break;
    }
    segments_.pop_front();
    any = true;
  }
  if (any) NoteSize();
}

base::Status Log::KeepHashes(const Segment& segment) {
  if (segment.hashes.empty()) return {};
  const std::string path = PathOf(options_.folder, segment.id, kHashesEnding);
  const std::string temporary = path + ".tmp";
  (void)options_.files->Remove(temporary);
  CLEW_ASSIGN_OR_RETURN(auto file, options_.files->Create(temporary, 0));
  const std::string_view payload(reinterpret_cast<const char*>(segment.hashes.data()),
                                 segment.hashes.size() * sizeof(HashEntry));
  RecordHeader header;
  header.kind = RecordKind::kHashes;
  header.salt = segment.id.salt;
  header.sequence = segment.id.first_sequence;
  header.time = options_.clock->Now();
  header.payload_size = static_cast<uint32_t>(payload.size());
  header.payload_crc = base::Crc32c(payload);
  const std::string segment_header = EncodeSegmentHeader(segment.id, header.time);
  const std::string record_header = EncodeRecordHeader(header);
  const std::array<std::string_view, 3> pieces{segment_header, record_header, payload};
  auto status = file->Append(pieces);
  if (status) status = file->Sync();
  file.reset();
  if (status) status = options_.files->Rename(temporary, path);
  if (status) status = options_.files->SyncFolder(options_.folder);
  if (!status) {
    (void)options_.files->Remove(temporary);
    return status;
  }
  hash_files_.push_back({path, steady_clock::now() + options_.hash_lifetime});
  return {};
}

void Log::ExpireHashFiles() {
  while (!hash_files_.empty() && steady_clock::now() >= hash_files_.front().until) {
    // One that stays is read again at the next start, no more.
    (void)options_.files->Remove(hash_files_.front().path);
    hash_files_.pop_front();
  }
}

}  // namespace clew::store::wal
