// SPDX-License-Identifier: Apache-2.0
// What the log does when it is opened: finds out what it holds, and reads rows back.
#include <algorithm>
#include <filesystem>

#include "clew/base/log.h"
#include "clew/store/wal/log.h"

namespace clew::store::wal {
namespace {

constexpr std::string_view kSegmentEnding = ".wal";
constexpr std::string_view kHashesEnding = ".hashes";
constexpr std::string_view kTemporaryEnding = ".tmp";
// Not the lifetime of a hash, since the time of day may have jumped by a day since it was written.
constexpr int64_t kOldestHash = 2 * 86'400 * base::kNanosPerSecond;

struct FoundFile {
  SegmentId id;
  std::string path;
};

// The files of `folder` whose names are a segment's with `ending`, oldest first.
base::Result<std::vector<FoundFile>> ListFiles(const std::string& folder, std::string_view ending) {
  std::vector<FoundFile> found;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (!name.ends_with(ending)) continue;
    const auto id = SegmentId::FromName(std::string_view(name).substr(0, name.size() - ending.size()));
    if (id) found.push_back({*id, entry->path().string()});
  }
  if (error) return base::ErrnoError("cannot list " + folder, error.value());
  std::ranges::sort(found, {}, &FoundFile::id);
  return found;
}

void ReportDamage(const std::string& path, const Damage& damage) {
  if (damage.bad_segment_header && damage.tail_bytes == 0) {
    base::LogError("write-ahead log: {}: its header is damaged; its records are read all the same", path);
  }
  if (damage.skipped_bytes > 0) {
    base::LogError("write-ahead log: {}: {} bytes between good records are damaged and were skipped", path,
                   damage.skipped_bytes);
  }
  if (damage.tail_bytes > 0) {
    base::LogWarning(
        "write-ahead log: {}: the last {} bytes are no whole record (a write that was cut off, or damage);"
        " it is read up to the last good record",
        path, damage.tail_bytes);
  }
}

}  // namespace

base::Status Log::Scan() {
  CLEW_ASSIGN_OR_RETURN(const auto files, ListFiles(options_.folder, kSegmentEnding));
  for (const FoundFile& file : files) CLEW_RETURN_IF_ERROR(ScanSegment(file.id, file.path));
  // A later cut of a table is only logged once the earlier one is in: what stands before the last cut is durable.
  for (auto& state : recovered_.tables) {
    if (!state.open_cut) continue;
    state.durable = std::max(state.durable, state.open_cut->first_sequence - 1);
    if (state.open_cut->last_sequence <= state.durable) state.open_cut.reset();
  }
  if (recovered_.missing_records > 0) {
    base::LogError(
        "write-ahead log: {} records are missing or damaged; rows that were in them and not yet stored are "
        "lost",
        recovered_.missing_records);
  }
  return {};
}

base::Status Log::ScanSegment(const SegmentId& id, const std::string& path) {
  CLEW_ASSIGN_OR_RETURN(auto source, OpenFileSource(path));
  SegmentReader reader(std::move(source), id);
  CLEW_RETURN_IF_ERROR(reader.CheckVersion());
  Segment segment;
  segment.id = id;
  segment.path = path;
  segment.bytes = reader.size();
  // Of the very first segment, all before it was deleted.
  uint64_t expected = recovered_.segments.empty() ? id.first_sequence : recovered_.last_sequence + 1;
  while (const auto header = reader.Next()) {
    if (header->sequence > expected) recovered_.missing_records += header->sequence - expected;
    expected = header->sequence + 1;
    segment.last_sequence = header->sequence;
    if (header->kind == RecordKind::kRows) {
      for (const Table table : kTables) {
        if ((header->tables & BitOf(table)) != 0) segment.last_rows[IndexOf(table)] = header->sequence;
      }
      if (header->body_hash != base::Hash128()) {
        segment.hashes.push_back({header->body_hash, header->time, header->rejected});
      }
    } else if (const auto payload = reader.ReadPayload()) {
      NoteControlRecord(*header, *payload);
    } else {
      ++recovered_.missing_records;
    }
  }
  recovered_.last_sequence =
      std::max({recovered_.last_sequence, segment.last_sequence, id.first_sequence == 0 ? 0 : id.first_sequence - 1});
  const Damage& damage = reader.damage();
  recovered_.damaged_bytes += damage.skipped_bytes + damage.tail_bytes;
  ReportDamage(path, damage);
  recovered_.hashes.insert(recovered_.hashes.end(), segment.hashes.begin(), segment.hashes.end());
  recovered_.segments.push_back(std::move(segment));
  return {};
}

void Log::NoteControlRecord(const RecordHeader& header, const std::string& payload) {
  const auto cut = DecodeCut(payload);
  if (!cut) return;
  auto& state = recovered_.tables[IndexOf(cut->table)];
  if (header.kind == RecordKind::kCut) {
    if (!state.open_cut || cut->first_sequence > state.open_cut->first_sequence) state.open_cut = *cut;
  } else if (header.kind == RecordKind::kDone) {
    state.durable = std::max(state.durable, cut->last_sequence);
  } else if (header.kind == RecordKind::kAside) {
    recovered_.aside.push_back(*cut);
  }
}

base::Status Log::LoadHashFiles() {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(options_.folder, error)) {
    // A file of hashes that was not finished; the segment is still there.
    if (entry.path().extension() == kTemporaryEnding) (void)options_.files->Remove(entry.path().string());
  }
  CLEW_ASSIGN_OR_RETURN(const auto files, ListFiles(options_.folder, kHashesEnding));
  const base::UnixNanos oldest = options_.clock->Now() - kOldestHash;
  const auto until = std::chrono::steady_clock::now() + options_.hash_lifetime;
  for (const FoundFile& file : files) {
    CLEW_ASSIGN_OR_RETURN(auto source, OpenFileSource(file.path));
    SegmentReader reader(std::move(source), file.id);
    while (const auto header = reader.Next()) {
      if (header->kind != RecordKind::kHashes) continue;
      const auto payload = reader.ReadPayload();
      const auto hashes = payload ? DecodeHashes(*payload) : std::nullopt;
      if (!hashes) continue;
      for (const HashEntry& hash : *hashes) {
        if (hash.time >= oldest) recovered_.hashes.push_back(hash);
      }
    }
    ReportDamage(file.path, reader.damage());
    hash_files_.push_back({file.path, until});
  }
  return {};
}

Replay::Replay(std::vector<Segment> segments, Wanted wanted)
    : segments_(std::move(segments)), wanted_(std::move(wanted)) {}

bool Replay::OpenNext() {
  while (next_segment_ < segments_.size()) {
    const Segment& segment = segments_[next_segment_++];
    const bool any = std::ranges::any_of(kTables, [&](Table table) {
      const uint64_t last = segment.last_rows[IndexOf(table)];
      return last > 0 && wanted_(table, last);
    });
    if (!any) continue;
    auto source = OpenFileSource(segment.path);
    if (!source) {
      base::LogError("write-ahead log: {}", source.error().message);
      continue;
    }
    reader_.emplace(*std::move(source), segment.id);
    return true;
  }
  return false;
}

std::optional<Replay::Record> Replay::Next() {
  while (reader_ || OpenNext()) {
    const auto header = reader_->Next();
    if (!header) {
      reader_.reset();
      continue;
    }
    const bool is_wanted = header->kind == RecordKind::kRows && std::ranges::any_of(kTables, [&](Table table) {
                             return (header->tables & BitOf(table)) != 0 && wanted_(table, header->sequence);
                           });
    if (!is_wanted) continue;
    const auto payload = reader_->ReadPayload();
    if (!payload) {
      base::LogError("write-ahead log: record {} is damaged; its rows are lost", header->sequence);
      damaged_.push_back(*header);
      continue;
    }
    auto rows = DecodeRows(*payload);
    if (!rows) {
      base::LogError("write-ahead log: record {}: {}", header->sequence, rows.error().message);
      foreign_.push_back(*header);
      continue;
    }
    return Record{*header, *std::move(rows)};
  }
  return std::nullopt;
}

}  // namespace clew::store::wal
