// SPDX-License-Identifier: Apache-2.0
#include "clew/govern/eraser.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <random>
#include <utility>

#include "clew/base/bytes.h"
#include "clew/base/log.h"
#include "clew/base/time.h"
#include "clew/store/pending.h"
#include "clew/store/store_state.h"

namespace clew::govern {
namespace {

constexpr std::chrono::hours kLongestAct{2};
// What arrives while an act runs is the next round's.
constexpr int kMostRounds = 5;
constexpr uint64_t kMemoryBytes = uint64_t{1} << 30;

int64_t Now() { return base::Clock::System().Now(); }

std::string NewId() {
  std::random_device device;
  std::array<uint8_t, 8> bytes;
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(device());
  return base::ToHex(bytes);
}

bool IsAside(std::string_view file) { return file.ends_with(".wal.aside"); }

}  // namespace

struct Eraser::Act {
  model::RequestContext context;
  std::shared_ptr<const store::PersonPattern> pattern;
  store::Erasure erasure;
};

Eraser::Eraser(store::Store& store, store::WritePath& write_path, const privacy::Redactor& redactor)
    : store_(store), write_path_(write_path), redactor_(redactor) {}

Eraser::~Eraser() {
  stop_.Cancel();
  std::thread thread;
  {
    const base::MutexLock lock(mutex_);
    thread = std::move(thread_);
  }
  if (thread.joinable()) thread.join();
}

base::Result<std::vector<store::PersonRows>> Eraser::Preview(const model::RequestContext& context,
                                                             const Identifiers& identifiers) {
  CLEW_RETURN_IF_ERROR(CheckIdentifiers(identifiers));
  for (const store::Signal signal : {store::Signal::kSpans, store::Signal::kLogs, store::Signal::kMetrics}) {
    store::Question question;
    question.signal = signal;
    CLEW_RETURN_IF_ERROR(store_.state().Flush(question, context));
  }
  const store::PersonPattern pattern(NeedlesOf(*redactor_.rules(), identifiers));
  return store::PersonData(store_, context, pattern, "preview").Count();
}

base::Result<std::vector<store::Erasure>> Eraser::List(const model::RequestContext& context) {
  const auto running = [this] {
    const base::MutexLock lock(mutex_);
    return running_;
  };
  // One that begins or ends while the table is read runs before or behind that.
  const std::optional<std::string> before = running();
  CLEW_ASSIGN_OR_RETURN(std::vector<store::Erasure> erasures, store::ErasureTable(store_, context).List());
  const std::optional<std::string> behind = running();
  for (store::Erasure& erasure : erasures) {
    if (erasure.state == "running" && before != erasure.id && behind != erasure.id) erasure.state = "interrupted";
  }
  return erasures;
}

base::Result<store::Erasure> Eraser::Start(const model::RequestContext& context, const Identifiers& identifiers,
                                           std::string who) {
  CLEW_RETURN_IF_ERROR(CheckIdentifiers(identifiers));
  const auto rules = redactor_.rules();
  const std::vector<std::string> digests = DigestsOf(*rules, identifiers);
  CLEW_ASSIGN_OR_RETURN(const std::vector<store::Erasure> earlier, List(context));
  Act act{.context = context,
          .pattern = std::make_shared<const store::PersonPattern>(NeedlesOf(*rules, identifiers)),
          .erasure = {}};
  act.context.deadline = std::chrono::steady_clock::now() + kLongestAct;
  act.context.cancellation = stop_;
  act.context.memory_budget_bytes = kMemoryBytes;
  const auto cut_off = std::ranges::find_if(earlier, [&](const store::Erasure& one) {
    return one.state != "done" && one.state != "running" && std::ranges::find(digests, one.digest) != digests.end();
  });
  if (cut_off != earlier.end()) {
    act.erasure = *cut_off;
  } else {
    act.erasure.id = NewId();
    act.erasure.started = Now();
    act.erasure.digest = digests.back();
    act.erasure.identifiers = static_cast<uint32_t>(identifiers.size());
  }
  act.erasure.who = std::move(who);
  act.erasure.state = "running";
  act.erasure.note.clear();
  const base::MutexLock lock(mutex_);
  if (running_) {
    return base::ResourceExhausted("another erasure is running; ask again once it is done", std::chrono::seconds(5));
  }
  if (thread_.joinable()) thread_.join();
  CLEW_RETURN_IF_ERROR(Save(act));
  running_ = act.erasure.id;
  store::Erasure begun = act.erasure;
  thread_ = std::thread([this, act = std::move(act)]() mutable { Run(std::move(act)); });
  return begun;
}

base::Status Eraser::Save(Act& act) { return store::ErasureTable(store_, act.context).Put(act.erasure, Now()); }

void Eraser::Run(Act act) {
  const base::Status status = Work(act);
  store::Erasure& erasure = act.erasure;
  if (status) {
    erasure.state = "done";
    erasure.finished = Now();
  } else if (!stop_.cancelled()) {
    erasure.state = "failed";
    erasure.note = status.error().message;
  }
  // One that is stopped stays as it is noted: running, by nobody.
  if (!stop_.cancelled()) {
    if (base::Status saved = Save(act); !saved) {
      base::LogError("erasure {}: what became of it cannot be noted: {}", erasure.id, saved.error().message);
    }
    uint64_t rows = 0;
    for (const auto& [table, count] : erasure.rows) rows += count;
    base::LogInfo("erasure {}: {}, {} rows removed{}{}", erasure.id, erasure.state, rows,
                  erasure.note.empty() ? "" : ": ", erasure.note);
  }
  const base::MutexLock lock(mutex_);
  running_.reset();
}

base::Result<uint64_t> Eraser::RowsLeft(Act& act) {
  CLEW_ASSIGN_OR_RETURN(const std::vector<store::PersonRows> rows,
                        store::PersonData(store_, act.context, *act.pattern, act.erasure.id).Count());
  uint64_t left = 0;
  for (const store::PersonRows& one : rows) left += one.rows;
  return left;
}

base::Result<std::vector<std::string>> Eraser::FilesLeft(Act& act) {
  CLEW_ASSIGN_OR_RETURN(std::vector<std::string> files, store::FilesWithPerson(store_, *act.pattern, act.context));
  // What could never go into its table is of no use to anybody either.
  std::erase_if(files, [&](const std::string& file) {
    std::error_code error;
    return IsAside(file) && std::filesystem::remove(store_.data_dir() + "/" + file, error);
  });
  return files;
}

base::Status Eraser::Work(Act& act) {
  store::PersonData data(store_, act.context, *act.pattern, act.erasure.id);
  uint64_t rows_left = 0;
  std::vector<std::string> files_left;
  for (int round = 0; round < kMostRounds; ++round) {
    CLEW_RETURN_IF_ERROR(write_path_.EmptyLog(act.context));
    CLEW_ASSIGN_OR_RETURN(act.erasure.rows, data.Mark());
    CLEW_RETURN_IF_ERROR(Save(act));
    CLEW_RETURN_IF_ERROR(data.Rewrite());
    CLEW_RETURN_IF_ERROR(data.Remove());
    CLEW_RETURN_IF_ERROR(data.AwaitOldParts());
    CLEW_RETURN_IF_ERROR(write_path_.EmptyLog(act.context));
    CLEW_ASSIGN_OR_RETURN(rows_left, RowsLeft(act));
    CLEW_ASSIGN_OR_RETURN(files_left, FilesLeft(act));
    if (rows_left > 0 || !files_left.empty()) continue;
    CLEW_ASSIGN_OR_RETURN(const uint64_t aside, data.PartsAside());
    if (aside > 0) {
      act.erasure.note = fmt::format(
          "{} damaged parts lie aside and could not be looked at: remove them, or restore "
          "them and erase again",
          aside);
    }
    return data.ForgetMarks();
  }
  return base::Fail(
      base::Code::kAborted,
      fmt::format("{} rows{}{} still hold the person after {} rounds: its data keeps coming in; erase again "
                  "once it does not",
                  rows_left, files_left.empty() ? "" : " and the file ", files_left.empty() ? "" : files_left.front(),
                  kMostRounds));
}

}  // namespace clew::govern
