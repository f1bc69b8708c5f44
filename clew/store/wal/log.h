// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "clew/base/file.h"
#include "clew/base/result.h"
#include "clew/base/thread_annotations.h"
#include "clew/base/time.h"
#include "clew/store/wal/batch_codec.h"
#include "clew/store/wal/files.h"
#include "clew/store/wal/record.h"
#include "clew/store/wal/segment_reader.h"

namespace clew::store::wal {

// What a refusal for lack of room says; a full disk is answered in another way than overload (HTTP 507).
inline constexpr std::string_view kNoRoomMessage = "there is no room on disk to keep data";

struct LogOptions {
  std::string folder;
  uint64_t segment_bytes = 64u << 20;
  // Of all segments; over it rows are refused with RESOURCE_EXHAUSTED until segments were deleted.
  uint64_t limit_bytes = uint64_t{8} << 30;
  // Room on the disk that the log leaves to the tables, at most a quarter of the disk: what is in the log can only
  // leave it through them.
  uint64_t reserve_bytes = uint64_t{1} << 30;
  // A segment whose rows are all durable is given up early once nothing was written for so long.
  std::chrono::milliseconds idle{2000};
  // How long body hashes outlive the segment with their rows.
  std::chrono::seconds hash_lifetime{300};
  const base::Clock* clock = &base::Clock::System();
  Files* files = &Files::System();
};

// One segment on disk that has not been deleted.
struct Segment {
  SegmentId id;
  std::string path;
  uint64_t bytes = 0;
  uint64_t last_sequence = 0;                     // 0: no record
  std::array<uint64_t, kTableCount> last_rows{};  // last record with rows for each table, 0: none
  bool aside = false;
  std::chrono::steady_clock::time_point last_append{};
  std::vector<HashEntry> hashes;
};

// What the log held when it was opened.
struct Recovered {
  struct State {
    // All rows up to here are in their table.
    uint64_t durable = 0;
    // The cut that may have been on its way into the table.
    std::optional<CutPayload> open_cut;
  };
  std::array<State, kTableCount> tables;
  std::vector<HashEntry> hashes;
  std::vector<Segment> segments;
  std::vector<CutPayload> aside;
  uint64_t last_sequence = 0;
  // Records whose number is missing or whose header says that they are damaged. Rows among them may be lost.
  uint64_t missing_records = 0;
  uint64_t damaged_bytes = 0;
};

struct Position {
  uint64_t sequence = 0;
  base::UnixNanos time = 0;  // arrival
};

struct LogStats {
  uint64_t appended_records = 0;
  uint64_t appended_bytes = 0;
  uint64_t syncs = 0;
  uint64_t refused_records = 0;  // no room
  uint64_t bytes = 0;            // of all segments
  uint64_t segments = 0;
  uint64_t oldest_sequence = 0;  // first record of the oldest segment, 0: there is none
  uint64_t queued_records = 0;
  bool failed = false;
  std::string last_error;  // empty: all that was asked for last is written
};

// The write-ahead log of one data folder: segments of records, written and synced by one thread for all callers.
// Nothing is acknowledged before the fdatasync that covers it has returned. A failed fdatasync ends acknowledging for
// good (the kernel may have dropped what it could not write): everything after it is UNAVAILABLE until a new start.
// A full disk refuses rows with RESOURCE_EXHAUSTED, leaves no torn record, and passes by itself.
//
// Callbacks run on the log's thread, in the order of sequence numbers, and must not wait for the log (one that is
// refused at once runs on the caller's). What is queued is bounded by the callers (WritePath's budget). All functions
// may be called from any thread.
class Log {
 public:
  using Done = std::move_only_function<void(base::Result<Position>)>;

  // One record of rows.
  struct RowsRecord {
    EncodedPayload payload;
    std::shared_ptr<const void> keep_alive;  // what the payload's pieces lie in
    uint8_t tables = 0;
    base::Hash128 body_hash;
    uint32_t rejected = 0;
  };

  // Makes the folder, takes its lock and reads what is there; damage is reported in Clew's own log and never refused.
  // FAILED_PRECONDITION: another process has the folder, or a newer Clew wrote it.
  static base::Result<std::unique_ptr<Log>> Open(LogOptions options);
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  const Recovered& recovered() const { return recovered_; }
  // Random for each opening; part of the cuts made from now on.
  uint64_t epoch() const { return epoch_; }

  void Append(RowsRecord record, Done done);
  // Returns once the cut is synced; only then may its INSERT begin.
  base::Status AppendCut(const CutPayload& cut);
  // Notes that the cut's INSERT is durable. Not waited for: without it the cut is inserted again, under its token.
  void AppendDone(const CutPayload& cut);
  // All rows of `table` up to `sequence` are durable in their table; segments that hold nothing else are deleted.
  void MarkDurable(Table table, uint64_t sequence);
  // The rows of `cut` can never go into their table (or not with this version of Clew): the segments that hold them are
  // renamed to *.aside instead of deleted, and nothing reads them again. Called before MarkDurable gives them up.
  void SetAside(const CutPayload& cut);

  // Ends the segment that is being written, and returns once no segment is left that held a record when it was called:
  // what had been in the log is in its table and nowhere else. UNAVAILABLE: closing, or the log has failed;
  // DEADLINE_EXCEEDED: rows are not durable in their table by then.
  base::Status Empty(std::chrono::steady_clock::time_point deadline);

  LogStats stats() const;
  // The arrival of the records that are being written and whose callbacks have not all run; the largest time there is
  // where there are none.
  base::UnixNanos OldestInHand() const { return in_hand_; }
  // Whether rows can be taken now: UNAVAILABLE once a sync has failed, RESOURCE_EXHAUSTED after a refusal for lack of
  // room until there is some. Looks at the disk, not only at what was tried last.
  base::Status CheckReady() const;
  // Writes and syncs what is queued, ends the thread and gives up the folder; later appends are UNAVAILABLE.
  // Repeatable, by one thread.
  void Close();

 private:
  struct Request {
    RecordHeader header;
    EncodedPayload payload;
    std::shared_ptr<const void> keep_alive;
    Done done;
    base::Result<Position> result = Position{};
  };

  explicit Log(LogOptions options);
  base::Status Scan();
  base::Status ScanSegment(const SegmentId& id, const std::string& path);
  void NoteControlRecord(const RecordHeader& header, const std::string& payload);
  base::Status LoadHashFiles();
  void TakeOverRecovered();

  void Enqueue(Request request);
  void EnqueueControl(RecordKind kind, const CutPayload& cut);
  void Run();
  // The next requests to write together; empty once the log is closing and nothing is left.
  std::deque<Request> TakeGroup() REQUIRES(mutex_);
  void WriteGroup(std::deque<Request>& group);
  base::Status WriteRecord(Request& request);
  base::Status EnsureSegment(uint64_t record_bytes, bool is_control);
  base::Status StartSegment();
  base::Status CheckRoom() const;
  void CloseSegment();
  // Syncs the open segment. An error is for good.
  base::Status SyncOpen();
  void Fail(const base::Error& error);
  void NoteError(const base::Error& error);
  void NoteSize();
  static void MarkAside(const CutPayload& cut, std::deque<Segment>& segments);
  void DeleteDurable();
  base::Status KeepHashes(const Segment& segment);
  void ExpireHashFiles();
  bool IsDurable(const Segment& segment) const;
  void EndSegment();
  void SealIdle();
  std::chrono::steady_clock::time_point NextHousekeeping() const;

  const LogOptions options_;
  const uint64_t epoch_;
  base::Fd lock_;
  Recovered recovered_;

  // Of the log's thread only, once it runs.
  struct HashFile {
    std::string path;
    std::chrono::steady_clock::time_point until;
  };
  std::deque<Segment> segments_;  // oldest first; the last one is open where file_ is
  std::unique_ptr<LogFile> file_;
  uint64_t next_sequence_ = 1;
  bool unsynced_ = false;
  std::deque<HashFile> hash_files_;
  std::chrono::steady_clock::time_point last_write_{};
  std::chrono::steady_clock::time_point next_start_{};  // of a segment, after one could not be made
  base::Error start_error_;
  std::chrono::steady_clock::time_point say_again_{};
  // After a deletion that failed.
  std::optional<std::chrono::steady_clock::time_point> retry_at_;
  std::array<uint64_t, kTableCount> durable_{};

  mutable base::Mutex mutex_;
  base::CondVar wake_;
  std::deque<Request> queue_ GUARDED_BY(mutex_);
  bool closing_ GUARDED_BY(mutex_) = false;
  bool durable_moved_ GUARDED_BY(mutex_) = false;
  bool end_segment_ GUARDED_BY(mutex_) = false;
  // The last record of all segments that were ended for Empty.
  uint64_t ended_at_ GUARDED_BY(mutex_) = 0;
  uint64_t ends_ GUARDED_BY(mutex_) = 0;
  std::array<uint64_t, kTableCount> told_durable_ GUARDED_BY(mutex_){};
  std::vector<CutPayload> aside_ GUARDED_BY(mutex_);
  std::optional<base::Error> failed_ GUARDED_BY(mutex_);
  LogStats stats_ GUARDED_BY(mutex_);

  std::atomic<base::UnixNanos> in_hand_{std::numeric_limits<base::UnixNanos>::max()};

  std::thread thread_;
};

// Reads the rows of segments in order, for replay. One thread.
class Replay {
 public:
  // Whether the rows of a table in a record are still wanted; payloads with none are not read.
  using Wanted = std::function<bool(Table, uint64_t sequence)>;
  struct Record {
    RecordHeader header;
    DecodedRows rows;
  };

  Replay(std::vector<Segment> segments, Wanted wanted);
  // The next record with wanted rows; nullopt: that was all. What cannot be read is reported in Clew's own log.
  std::optional<Record> Next();

  // Records with wanted rows whose payload is damaged.
  const std::vector<RecordHeader>& damaged() const { return damaged_; }
  // Records that another version of Clew laid out.
  const std::vector<RecordHeader>& foreign() const { return foreign_; }

 private:
  bool OpenNext();

  std::vector<Segment> segments_;
  Wanted wanted_;
  size_t next_segment_ = 0;
  std::optional<SegmentReader> reader_;
  std::vector<RecordHeader> damaged_;
  std::vector<RecordHeader> foreign_;
};

}  // namespace clew::store::wal
