// SPDX-License-Identifier: Apache-2.0
#include "tools/crash/damage.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <system_error>
#include <vector>

#include "clew/base/file.h"
#include "clew/ingest/test_server.h"
#include "clew/store/wal/batch_codec.h"
#include "clew/store/wal/record.h"

namespace clew::crash {
namespace {

using namespace store::wal;

std::vector<std::string> SegmentsOf(const std::string& wal) {
  std::vector<std::string> paths;
  // A server that was killed in its first moments has none.
  std::error_code error;
  for (std::filesystem::directory_iterator entry(wal, error), end; !error && entry != end; entry.increment(error)) {
    if (entry->path().extension() == ".wal") paths.push_back(entry->path().string());
  }
  std::ranges::sort(paths);
  return paths;
}

struct Place {
  size_t offset = 0;
  RecordHeader header;
};

// The records up to the first place where none stands.
std::vector<Place> RecordsOf(std::string_view bytes, uint64_t salt) {
  std::vector<Place> places;
  size_t offset = kSegmentHeaderBytes;
  while (offset + kRecordHeaderBytes <= bytes.size()) {
    const auto header = DecodeRecordHeader(bytes.substr(offset, kRecordHeaderBytes), salt);
    if (!header || offset + kRecordHeaderBytes + header->payload_size > bytes.size()) break;
    places.push_back({offset, *header});
    offset += kRecordHeaderBytes + PaddedSize(header->payload_size);
  }
  return places;
}

// The requests whose rows stand in a payload of rows.
std::set<uint64_t> RequestsIn(std::string_view payload) {
  std::set<uint64_t> requests;
  const auto decoded = DecodeRows(payload);
  if (!decoded) return requests;
  const Rows& rows = decoded->rows;
  const auto add = [&](uint64_t row) { requests.insert(row / ingest::kRowsApart); };
  if (rows.spans) {
    for (const uint64_t start : rows.spans->start_time) add(start - 1'700'000'000'000'000'000);
  }
  if (rows.logs) {
    for (const uint64_t time : rows.logs->time) add(time - 1'700'000'000'000'000'000);
  }
  if (rows.series) {
    for (const model::SampleRow& sample : rows.series->samples) add(static_cast<uint64_t>(sample.value));
  }
  return requests;
}

}  // namespace

void TearTheEnd(const std::string& wal, std::mt19937_64& random) {
  const std::vector<std::string> segments = SegmentsOf(wal);
  if (segments.empty()) return;
  const auto bytes = base::ReadFile(segments.back());
  if (!bytes) return;
  std::string tail(1 + random() % 500, '\0');
  const uint64_t how = random() % 3;
  if (how == 1) std::ranges::generate(tail, [&] { return static_cast<char>(random()); });
  if (how == 2 && bytes->size() > kSegmentHeaderBytes) tail = bytes->substr(kSegmentHeaderBytes, tail.size());
  if (how == 2) tail[random() % tail.size()] ^= 8;
  std::ofstream(segments.back(), std::ios::binary | std::ios::app) << tail;
}

bool FlipABit(const std::string& wal, std::mt19937_64& random, History& history, std::set<std::string>& flipped_cuts) {
  const std::vector<std::string> segments = SegmentsOf(wal);
  if (segments.empty()) return false;
  const std::string& path = segments[random() % segments.size()];
  const auto id = SegmentId::FromName(std::filesystem::path(path).stem().string());
  auto bytes = base::ReadFile(path);
  if (!id || !bytes) return false;
  const std::vector<Place> places = RecordsOf(*bytes, id->salt);
  if (places.empty()) return false;
  const Place& place = places[random() % places.size()];
  const std::string_view payload =
      std::string_view(*bytes).substr(place.offset + kRecordHeaderBytes, place.header.payload_size);
  if (place.header.kind == RecordKind::kCut) {
    const auto cut = DecodeCut(payload);
    if (!cut || !flipped_cuts.insert(cut->Token()).second) return false;
  }
  if (place.header.kind == RecordKind::kRows) {
    const std::set<uint64_t> requests = RequestsIn(payload);
    history.damaged.insert(requests.begin(), requests.end());
  }
  const size_t at = place.offset + random() % (kRecordHeaderBytes + place.header.payload_size);
  (*bytes)[at] = static_cast<char>((*bytes)[at] ^ (1 << random() % 8));
  std::ofstream(path, std::ios::binary | std::ios::in).seekp(static_cast<std::streamoff>(at)).put((*bytes)[at]);
  return true;
}

}  // namespace clew::crash
