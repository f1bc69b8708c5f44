// SPDX-License-Identifier: Apache-2.0
#include "clew/agent/drain/drainer.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <set>
#include <thread>
#include <utility>

#include "clew/agent/drain/agent_report.h"
#include "clew/agent/drain/arena_drain.h"
#include "clew/agent/drain/page.h"
#include "clew/agent/drain/record_batcher.h"
#include "clew/agent/drain/resource.h"
#include "clew/agent/drain/runtime_folder.h"
#include "clew/agent/drain/sender.h"
#include "clew/agent/record/arena.h"
#include "clew/base/file.h"
#include "clew/base/time.h"
#include "clew/net/http_server.h"
#include "clew/privacy/redactor.h"
#include "clew/wire/otlp.h"
#include "clew/wire/prometheus_text.h"

namespace clew::agent::drain {
namespace {

using SteadyClock = std::chrono::steady_clock;
constexpr int kIdlePollMillis = 100;
constexpr int kBusyPollMillis = 10;
// A batch leaves before it is that large, so that a request stays well below what receivers take.
constexpr size_t kBatchBytes = 2u << 20;
constexpr uint16_t kLastDefaultPort = 9563;
constexpr size_t kMostNotes = 20;

void Raise(int event_fd) {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(event_fd, &one, sizeof one);
}

double OwnCpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

class DrainerImpl final : public Drainer, private RecordSink {
 public:
  DrainerImpl(Config config, DrainerOptions options, record::Arena arena)
      : config_(std::move(config)),
        options_(std::move(options)),
        arena_(std::move(arena)),
        redactor_(options_.redactor ? options_.redactor : std::make_shared<const privacy::Redactor>()),
        drain_(arena_, *this) {}

  ~DrainerImpl() override;

  base::Status Open(std::array<std::unique_ptr<Sender>, kSignalCount> senders);

  std::string attach_value() const override { return handover_.AttachValue(-1); }
  std::string page_address() const override { return page_address_; }
  const KeyValuePairs& resource() const override { return resource_; }
  DrainerStats stats() const override;
  std::string StatusJson() const override { return ReportJson(Report()); }
  size_t holders() const override { return drain_.counters().living.load(std::memory_order_relaxed); }
  void BeginStop(SteadyClock::time_point deadline) override;
  int done_fd() const override { return done_fd_.get(); }
  bool FinishStop() override;

 private:
  // RecordSink; called by the draining thread.
  void OnSpan(const RecordSource& source, const record::SpanView& span, int64_t clock_offset) override;
  void OnCutShort(const RecordSource& source, const record::SpanView& span, int64_t clock_offset,
                  const CutShort& end) override;
  void OnLog(const RecordSource& source, const record::LogView& log, int64_t clock_offset) override;
  void OnNote(const RecordSource& source, const record::NoteView& note) override;
  void OnWorkerNotes(const RecordSource& source, uint64_t new_bits) override;

  void OpenPage();
  std::unique_ptr<net::HttpServer> StartPage(const std::shared_ptr<const net::HttpRouter>& router);
  net::HttpResponse RenderPage(std::string_view accept);
  AgentReport Report() const;
  void Say(const std::string& line) const;

  void DrainLoop();
  void Wait(int timeout_millis);
  void SealIfDue(SteadyClock::time_point now, bool all);
  void SealSpans();
  void SealLogs();
  void ExportMetrics();
  void Finish();
  void ServeLoop();

  const Config config_;
  const DrainerOptions options_;
  record::Arena arena_;
  record::HandoverServer handover_;
  base::Fd status_listener_;
  std::string status_path_;
  base::Fd wake_fd_;       // the draining thread
  base::Fd serve_end_fd_;  // the serving thread
  base::Fd done_fd_;
  KeyValuePairs resource_;
  KeyValuePairs redacted_resource_;  // for the page; batches are redacted whole
  std::string page_address_;
  std::unique_ptr<net::HttpServer> page_;
  const std::shared_ptr<const privacy::Redactor> redactor_;
  ArenaDrain drain_;
  std::array<std::unique_ptr<Exporter>, kSignalCount> exporters_;

  std::atomic<bool> ready_ = false;  // resource_ and exporters_ are there
  std::atomic<bool> stopping_ = false;
  SteadyClock::time_point stop_deadline_;  // written before stopping_
  bool clean_ = true;                      // written before done_fd_ becomes readable

  // Of the draining thread.
  std::unique_ptr<SpanBatcher> spans_;
  std::unique_ptr<LogBatcher> logs_;
  SteadyClock::time_point spans_since_;
  SteadyClock::time_point logs_since_;
  SteadyClock::time_point next_metrics_;
  std::set<std::string> told_notes_;
  uint64_t told_bits_ = 0;

  mutable base::Mutex say_mutex_;
  std::thread drain_thread_;
  std::thread serve_thread_;
};

DrainerImpl::~DrainerImpl() {
  if (!drain_thread_.joinable()) return;
  BeginStop(SteadyClock::now());
  FinishStop();
}

base::Status DrainerImpl::Open(std::array<std::unique_ptr<Sender>, kSignalCount> senders) {
  wake_fd_ = base::Fd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  serve_end_fd_ = base::Fd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  done_fd_ = base::Fd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake_fd_ || !serve_end_fd_ || !done_fd_) return base::ErrnoError("eventfd", errno);
  std::string attach_path;
  if (!options_.runtime_folder.empty()) {
    attach_path = AttachSocketPath(options_.runtime_folder, getpid());
    unlink(attach_path.c_str());
  }
  handover_ = record::HandoverServer::Listen(arena_, attach_path);
  if (!handover_) return base::ErrnoError("a socket to hand the shared memory over", errno);

  OpenPage();
  resource_ =
      ServiceResource(config_, Host::Detect(), options_.command.empty() ? "" : options_.command.front(), page_address_);
  for (const auto& [key, value] : resource_) {
    redacted_resource_.emplace_back(redactor_->RedactValue({}, key), redactor_->RedactValue(key, value));
  }
  spans_ = std::make_unique<SpanBatcher>(resource_);
  logs_ = std::make_unique<LogBatcher>(resource_);
  if (!options_.runtime_folder.empty()) {
    status_path_ = StatusSocketPath(options_.runtime_folder, getpid());
    if (auto listener = ListenForStatus(status_path_)) status_listener_ = std::move(*listener);
  }
  for (Signal signal : kSignals) {
    std::unique_ptr<Sender>& sender = senders[IndexOf(signal)];
    if (!sender) continue;
    exporters_[IndexOf(signal)] = std::make_unique<Exporter>(signal, config_.of(signal), std::move(sender),
                                                             [this](const std::string& line) { Say(line); });
  }
  ready_.store(true, std::memory_order_release);
  next_metrics_ = SteadyClock::now() + config_.metric_interval;
  drain_thread_ = std::thread([this] { DrainLoop(); });
  serve_thread_ = std::thread([this] { ServeLoop(); });
  return {};
}

void DrainerImpl::Say(const std::string& line) const {
  base::MutexLock lock(say_mutex_);
  options_.say(line);
}

void DrainerImpl::OpenPage() {
  if (!config_.page) return;
  auto router = std::make_shared<net::HttpRouter>();
  net::RouteOptions on_pool;
  router->Add("GET", "/metrics", net::Synchronous([this](const net::HttpRequest& request) {
                return RenderPage(request.headers.Get("accept"));
              }),
              on_pool);
  router->Add("GET", "/", net::Synchronous([](const net::HttpRequest&) {
                return net::HttpResponse::Text(200, "Metrics of a service run by clew run: /metrics\n");
              }));
  page_ = StartPage(router);
  if (page_) page_address_ = page_->address().ToString();
}

std::unique_ptr<net::HttpServer> DrainerImpl::StartPage(const std::shared_ptr<const net::HttpRouter>& router) {
  net::HttpServerOptions options;
  options.listen = {config_.page_host, config_.page_port};
  options.listen_option = "--prometheus";
  options.io_threads = 1;
  options.pool_threads = 1;
  options.pool_queue = 16;
  options.short_pool_threads = 1;
  options.body_limit_bytes = 64u << 10;
  options.body_memory_bytes = 1u << 20;
  options.max_connections = 64;
  while (true) {
    auto server = net::HttpServer::Start(options, router);
    if (server) return std::move(*server);
    const bool busy = server.error().code == base::Code::kUnavailable;
    if (config_.page_explicit || !busy || options.listen.port >= kLastDefaultPort) {
      Say("no metrics page: " + server.error().message);
      return nullptr;
    }
    ++options.listen.port;
  }
}

net::HttpResponse DrainerImpl::RenderPage(std::string_view accept) {
  if (!ready_.load(std::memory_order_acquire)) return net::HttpResponse::Text(503, "starting\n");
  const wire::TextFormat format = wire::TextFormatFor(accept);
  model::MetricBatch batch = drain_.Collect(resource_, base::Clock::System().Now());
  redactor_->Redact(batch);
  std::vector<wire::MetricFamily> families = PageFamilies(batch, redacted_resource_);
  for (wire::MetricFamily& family : ReportFamilies(Report())) families.push_back(std::move(family));
  net::HttpResponse response;
  response.content_type = wire::ContentTypeOf(format);
  response.body = wire::WritePrometheusText(families, format);
  return response;
}

DrainerStats DrainerImpl::stats() const {
  const ArenaDrain::Counters& counters = drain_.counters();
  const record::ArenaHeader& header = arena_.view().header();
  const auto read = [](const std::atomic<uint64_t>& counter) { return counter.load(std::memory_order_relaxed); };
  DrainerStats stats;
  stats.spans = read(counters.spans);
  stats.logs = read(counters.logs);
  stats.cut_short_spans = read(counters.cut_short_spans);
  stats.ring_dropped_records = read(counters.dropped_records) + read(header.records_without_ring);
  stats.broken_records = read(counters.broken_records);
  stats.lost_records = read(counters.lost_records);
  stats.truncated_records = read(counters.truncated_records);
  stats.rings = read(counters.rings);
  stats.processes = read(counters.living);
  stats.ended_processes = read(counters.ended);
  stats.killed_processes = read(counters.killed);
  stats.attached = read(header.attached);
  stats.claims_failed = read(header.ring_claims_failed) + read(header.worker_claims_failed);
  stats.foreign_namespace = read(header.namespace_refused);
  stats.series = drain_.series_count();
  stats.series_refused = read(counters.series_refused);
  stats.broken_series = drain_.broken_series();
  return stats;
}

AgentReport DrainerImpl::Report() const {
  AgentReport report;
  report.pid = getpid();
  report.service = FindValue(resource_, "service.name");
  report.instance = FindValue(resource_, "service.instance.id");
  for (const std::string& word : options_.command) report.command.push_back(redactor_->RedactValue({}, word));
  report.started_unix_nanos = arena_.view().header().created_unix_nanos;
  report.page_address = page_address_;
  report.stats = stats();
  report.processes = drain_.Processes();
  report.cpu_seconds = OwnCpuSeconds();
  for (drain::Signal signal : kSignals) {
    const SignalConfig& config = config_.of(signal);
    const size_t index = IndexOf(signal);
    std::string& name = report.exporter_names[index];
    if (config.otlp) name = fmt::format("otlp {}", ProtocolName(config.protocol));
    if (config.console) name += name.empty() ? "console" : ", console";
    if (name.empty()) name = "none";
    report.endpoints[index] = DisplayUrl(config.endpoint);
    if (exporters_[index]) report.exporters[index] = exporters_[index]->stats();
  }
  return report;
}

void DrainerImpl::OnSpan(const RecordSource& source, const record::SpanView& span, int64_t clock_offset) {
  if (spans_->size() == 0) spans_since_ = SteadyClock::now();
  spans_->Add(source, span, clock_offset);
  if (spans_->size() >= config_.of(Signal::kTraces).max_batch || spans_->size_bytes() >= kBatchBytes) SealSpans();
}

void DrainerImpl::OnCutShort(const RecordSource& source, const record::SpanView& span, int64_t clock_offset,
                             const CutShort& end) {
  if (spans_->size() == 0) spans_since_ = SteadyClock::now();
  spans_->AddCutShort(source, span, clock_offset, end);
}

void DrainerImpl::OnLog(const RecordSource& source, const record::LogView& log, int64_t clock_offset) {
  if (logs_->size() == 0) logs_since_ = SteadyClock::now();
  logs_->Add(source, log, clock_offset);
  if (logs_->size() >= config_.of(Signal::kLogs).max_batch || logs_->size_bytes() >= kBatchBytes) SealLogs();
}

void DrainerImpl::OnNote(const RecordSource& source, const record::NoteView& note) {
  const std::string text = Printable(note.text, 500);
  // Each worker has the same to say.
  if (told_notes_.size() >= kMostNotes || !told_notes_.insert(text).second) return;
  Say(fmt::format("process {}: {}", source.pid, text));
}

void DrainerImpl::OnWorkerNotes(const RecordSource& source, uint64_t new_bits) {
  static constexpr std::pair<uint64_t, std::string_view> kTexts[] = {
      {record::kNoteOwnTracerProvider,
       "the service sets up an OpenTelemetry SDK of its own for traces, so these are left to it"},
      {record::kNoteOwnMeterProvider,
       "the service sets up an OpenTelemetry SDK of its own for metrics, so these are left to it"},
      {record::kNoteOwnLoggerProvider,
       "the service sets up an OpenTelemetry SDK of its own for logs, so these are left to it"},
      {record::kNoteTurnedOff, "recording was turned off in a process after an internal error"},
      {record::kNoteOtherInstrumentation,
       "another instrumentation of the service's framework is active and stands in the place of Clew's"},
  };
  for (const auto& [bit, text] : kTexts) {
    if ((new_bits & bit) == 0 || (told_bits_ & bit) != 0) continue;
    told_bits_ |= bit;
    Say(fmt::format("process {}: {}", source.pid, text));
  }
}

void DrainerImpl::SealSpans() {
  const size_t count = spans_->size();
  if (count == 0) return;
  model::SpanBatch batch = spans_->Take();
  redactor_->Redact(batch);
  const SignalConfig& config = config_.of(Signal::kTraces);
  if (config.console) WriteToConsole(wire::EncodeTracesJson(batch));
  Exporter* exporter = exporters_[IndexOf(Signal::kTraces)].get();
  if (exporter == nullptr) return;
  exporter->Push(config.protocol == Protocol::kHttpJson ? wire::EncodeTracesJson(batch) : wire::EncodeTraces(batch),
                 count);
}

void DrainerImpl::SealLogs() {
  const size_t count = logs_->size();
  if (count == 0) return;
  model::LogBatch batch = logs_->Take();
  redactor_->Redact(batch);
  const SignalConfig& config = config_.of(Signal::kLogs);
  if (config.console) WriteToConsole(wire::EncodeLogsJson(batch));
  Exporter* exporter = exporters_[IndexOf(Signal::kLogs)].get();
  if (exporter == nullptr) return;
  exporter->Push(config.protocol == Protocol::kHttpJson ? wire::EncodeLogsJson(batch) : wire::EncodeLogs(batch), count);
}

void DrainerImpl::ExportMetrics() {
  const SignalConfig& config = config_.of(Signal::kMetrics);
  Exporter* exporter = exporters_[IndexOf(Signal::kMetrics)].get();
  if (!config.console && exporter == nullptr) return;
  model::MetricBatch batch = drain_.Collect(resource_, base::Clock::System().Now());
  if (batch.point_count() == 0) return;
  redactor_->Redact(batch);
  if (config.console) WriteToConsole(wire::EncodeMetricsJson(batch));
  if (exporter == nullptr) return;
  exporter->Push(config.protocol == Protocol::kHttpJson ? wire::EncodeMetricsJson(batch) : wire::EncodeMetrics(batch),
                 batch.point_count());
}

void DrainerImpl::SealIfDue(SteadyClock::time_point now, bool all) {
  if (all || (spans_->size() > 0 && now - spans_since_ >= config_.of(Signal::kTraces).delay)) SealSpans();
  if (all || (logs_->size() > 0 && now - logs_since_ >= config_.of(Signal::kLogs).delay)) SealLogs();
  if (all || now >= next_metrics_) {
    ExportMetrics();
    next_metrics_ += config_.metric_interval;
    // After a stop (Ctrl-Z) or a long stall the missed ones are not made up for.
    if (next_metrics_ < now) next_metrics_ = now + config_.metric_interval;
  }
}

void DrainerImpl::Wait(int timeout_millis) {
  std::vector<pollfd> waits = {{wake_fd_.get(), POLLIN, 0}};
  drain_.AppendDescriptors(waits);
  poll(waits.data(), waits.size(), timeout_millis);
}

void DrainerImpl::DrainLoop() {
  bool hurry = false;
  while (!stopping_.load(std::memory_order_acquire)) {
    Wait(hurry ? kBusyPollMillis : kIdlePollMillis);
    hurry = drain_.Poll();
    SealIfDue(SteadyClock::now(), false);
  }
  Finish();
  Raise(done_fd_.get());
}

void DrainerImpl::Finish() {
  // Whoever still lives stops to write, so that this last look is the last.
  arena_.view().header().closed.store(1, std::memory_order_seq_cst);
  drain_.Poll();
  SealIfDue(SteadyClock::now(), true);
  for (const auto& exporter : exporters_) {
    if (exporter) exporter->BeginStop(stop_deadline_);
  }
  for (const auto& exporter : exporters_) {
    if (exporter && !exporter->FinishStop(stop_deadline_)) clean_ = false;
  }
  for (drain::Signal signal : kSignals) {
    if (!exporters_[IndexOf(signal)]) continue;
    const ExporterStats stats = exporters_[IndexOf(signal)]->stats();
    // Metrics are cumulative: of these the last word matters only to a receiver that is there to hear it.
    const uint64_t lost = stats.dropped_at_exit + stats.queued_records;
    if (lost == 0 || signal == Signal::kMetrics) continue;
    Say(fmt::format("{} {} did not arrive at {} before the end{}{}", lost,
                    signal == Signal::kTraces ? "spans" : "log records", DisplayUrl(config_.of(signal).endpoint),
                    stats.last_error.empty() ? "" : ": ", stats.last_error));
  }
}

void DrainerImpl::ServeLoop() {
  while (true) {
    std::array<pollfd, 4> waits{{{serve_end_fd_.get(), POLLIN, 0},
                                 {handover_.abstract_fd(), POLLIN, 0},
                                 {handover_.path_fd(), POLLIN, 0},
                                 {status_listener_.get(), POLLIN, 0}}};
    poll(waits.data(), waits.size(), -1);
    if (waits[0].revents != 0) return;
    if (waits[1].revents != 0 || waits[2].revents != 0) handover_.Serve();
    if (waits[3].revents != 0) AnswerStatus(status_listener_.get(), StatusJson());
  }
}

void DrainerImpl::BeginStop(SteadyClock::time_point deadline) {
  stop_deadline_ = deadline;
  stopping_.store(true, std::memory_order_release);
  Raise(wake_fd_.get());
}

bool DrainerImpl::FinishStop() {
  drain_thread_.join();
  Raise(serve_end_fd_.get());
  serve_thread_.join();
  if (page_) page_->Stop();
  if (!status_path_.empty()) unlink(status_path_.c_str());
  return clean_;
}

}  // namespace

base::Result<std::unique_ptr<Drainer>> Drainer::Start(const Config& wanted, DrainerOptions options) {
  Config config = wanted;
  std::array<std::unique_ptr<Sender>, kSignalCount> senders;
  for (Signal signal : kSignals) {
    SignalConfig& settings = config.of(signal);
    if (!settings.otlp) continue;
    auto sender = MakeSender(signal, settings);
    if (sender) {
      senders[IndexOf(signal)] = std::move(*sender);
    } else {
      options.say(fmt::format("{} are not sent: {}", SignalName(signal), sender.error().message));
      settings.otlp = false;
    }
  }
  config.recorder.signals = RecordedSignals(config);
  record::Arena arena = record::Arena::Create(options.shape, config.recorder);
  if (!arena) {
    auto error = base::ErrnoError("cannot make the shared memory of the agent", errno);
    error.error().code = base::Code::kFailedPrecondition;
    return error;
  }
  auto drainer = std::make_unique<DrainerImpl>(std::move(config), std::move(options), std::move(arena));
  CLEW_RETURN_IF_ERROR(drainer->Open(std::move(senders)));
  return drainer;
}

}  // namespace clew::agent::drain
