// SPDX-License-Identifier: Apache-2.0
#include "clew/agent/drain/drainer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <mutex>

#include "clew/agent/drain/agent_report.h"
#include "clew/agent/drain/drain_test_support.h"
#include "clew/agent/drain/resource.h"
#include "clew/agent/drain/runtime_folder.h"
#include "clew/agent/record/handover.h"
#include "clew/agent/record/recorder.h"
#include "clew/base/json_reader.h"
#include "clew/net/http_client.h"
#include "clew/net/http_server.h"

namespace clew::agent::drain {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;
using SteadyClock = std::chrono::steady_clock;
using testing::Eventually;
using testing::Instruments;
using testing::WriteLog;
using testing::WriteSpan;

// Takes OTLP over a real socket.
class Receiver {
 public:
  Receiver() {
    auto router = std::make_shared<net::HttpRouter>();
    for (const char* path : {"/v1/traces", "/v1/logs", "/v1/metrics"}) {
      router->Add("POST", path, net::Synchronous([this](const net::HttpRequest& request) {
                    const std::lock_guard lock(mutex_);
                    bodies_[request.path].push_back(request.body);
                    return net::HttpResponse{200, "application/x-protobuf", {}, {}};
                  }));
    }
    net::HttpServerOptions options;
    options.io_threads = 1;
    server_ = std::move(*net::HttpServer::Start(options, router));
  }

  std::string url() const { return "http://" + server_->address().ToString(); }
  size_t spans() const {
    const std::lock_guard lock(mutex_);
    size_t count = 0;
    if (const auto found = bodies_.find("/v1/traces"); found != bodies_.end()) {
      for (const std::string& body : found->second) count += wire::DecodeTraces(body)->batch.size();
    }
    return count;
  }
  std::vector<std::string> bodies(const std::string& path) const {
    const std::lock_guard lock(mutex_);
    const auto found = bodies_.find(path);
    return found == bodies_.end() ? std::vector<std::string>() : found->second;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::vector<std::string>> bodies_;
  std::unique_ptr<net::HttpServer> server_;
};

class DrainerTest : public ::testing::Test {
 protected:
  DrainerTest() {
    folder_ = std::filesystem::temp_directory_path() / ("clew-drainer-test-" + std::to_string(getpid()));
    std::filesystem::create_directories(folder_);
  }
  ~DrainerTest() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<Drainer> Start(const Environment& environment, const std::string& endpoint,
                                 const char* page = "127.0.0.1:0") {
    CommandLine line;
    line.service = "shop";
    line.endpoint = endpoint;
    line.prometheus = page;
    DrainerOptions options;
    options.command = {"gunicorn", "shop:app"};
    options.runtime_folder = folder_;
    options.shape.ring_count = 16;
    options.shape.worker_count = 16;
    options.say = [this](const std::string& text) {
      const std::lock_guard lock(mutex_);
      said_ += text + "\n";
    };
    auto drainer = Drainer::Start(*ParseConfig(environment, line), std::move(options));
    EXPECT_TRUE(drainer) << drainer.error().message;
    return std::move(*drainer);
  }

  // A service process that takes the arena the way real ones do.
  static int RunService(const Drainer& drainer, const std::function<void()>& body) {
    return testing::RunChild([&] {
      setenv(record::kAttachVariable, drainer.attach_value().c_str(), 1);
      if (!record::Attach()) return 1;
      body();
      return 0;
    });
  }

  static std::chrono::milliseconds Stop(Drainer& drainer, bool clean = true) {
    const auto start = SteadyClock::now();
    drainer.BeginStop(start + 1'800ms);
    pollfd wait{drainer.done_fd(), POLLIN, 0};
    EXPECT_EQ(poll(&wait, 1, 2'000), 1);
    EXPECT_EQ(drainer.FinishStop(), clean);
    return std::chrono::duration_cast<std::chrono::milliseconds>(SteadyClock::now() - start);
  }

  std::string said() {
    const std::lock_guard lock(mutex_);
    return said_;
  }

  std::filesystem::path folder_;
  std::mutex mutex_;
  std::string said_;
};

std::string Get(const std::string& address, const char* accept = "") {
  net::HttpClient client;
  net::ClientRequest request;
  request.url = "http://" + address + "/metrics";
  request.headers = {{"accept", accept}};
  auto response = client.Send(request, 5s);
  return response ? response->body : response.error().message;
}

TEST_F(DrainerTest, CarriesAllThreeSignals) {
  Receiver receiver;
  auto drainer = Start({{"OTEL_RESOURCE_ATTRIBUTES", "service.version=7"}}, receiver.url());
  const Instruments instruments;
  ASSERT_EQ(RunService(*drainer,
                       [&] {
                         for (uint64_t i = 1; i <= 50; ++i) WriteSpan(i, "GET /items/<id>");
                         for (uint64_t i = 1; i <= 20; ++i) WriteLog(i, "a line");
                         instruments.Count(0.05, 20);
                       }),
            0);
  ASSERT_TRUE(Eventually([&] { return receiver.spans() == 50; }));
  const std::string page = Get(drainer->page_address());
  EXPECT_THAT(page, HasSubstr("service_version=\"7\""));
  EXPECT_THAT(page, HasSubstr("orders_total"));
  EXPECT_THAT(page, HasSubstr("clew_agent_recorded_total{signal=\"traces\"} 50\n"));
  EXPECT_THAT(page, HasSubstr("clew_agent_delivered_records_total{signal=\"traces\"} 50\n"));
  EXPECT_THAT(Get(drainer->page_address(), "application/openmetrics-text;version=1.0.0"), HasSubstr("# EOF\n"));
  EXPECT_LT(Stop(*drainer), 1s);
  ASSERT_EQ(receiver.bodies("/v1/logs").size(), 1u);
  EXPECT_EQ(wire::DecodeLogs(receiver.bodies("/v1/logs")[0])->batch.size(), 20u);
  // The last word of the metrics leaves at the end.
  ASSERT_GE(receiver.bodies("/v1/metrics").size(), 1u);
  const auto metrics = wire::DecodeMetrics(receiver.bodies("/v1/metrics").back())->batch;
  EXPECT_EQ(metrics.histograms.size(), 1u);
  EXPECT_EQ(metrics.ResourceText(0, "service.name"), "shop");
  EXPECT_EQ(model::FindAttribute(metrics.attributes, metrics.strings, metrics.resources[0].attributes, "process.pid"),
            nullptr);
  EXPECT_EQ(said(), "");
}

TEST_F(DrainerTest, RedactsBeforeItSends) {
  Receiver receiver;
  auto drainer = Start({}, receiver.url());
  ASSERT_EQ(RunService(*drainer,
                       [&] {
                         record::ThreadWriter* writer = record::ThisThread();
                         record::Encoder encoder = writer->Begin();
                         record::SpanFixed fixed{};
                         fixed.trace_id[0] = fixed.span_id[0] = 1;
                         fixed.start = fixed.end = record::MonotonicNanos();
                         encoder.Put(fixed);
                         encoder.Scope(record::kScopeSqlite3);
                         encoder.Text("SELECT");
                         encoder.Text("");
                         encoder.Text("");
                         record::AttributeListEncoder attributes(encoder, 8, UINT32_MAX);
                         attributes.Text(record::kDbQueryText, "SELECT * FROM users WHERE mail = 'ann@example.com'");
                         attributes.Finish();
                         encoder.Put(uint16_t{0});
                         encoder.Put(uint16_t{0});
                         writer->Commit(record::RecordType::kSpan, encoder, 0);
                       }),
            0);
  ASSERT_TRUE(Eventually([&] { return receiver.spans() == 1; }));
  EXPECT_THAT(receiver.bodies("/v1/traces")[0], Not(HasSubstr("ann@example.com")));
  EXPECT_THAT(receiver.bodies("/v1/traces")[0], HasSubstr("WHERE mail = ?"));
  Stop(*drainer);
}

TEST_F(DrainerTest, SpeaksJsonWhereAsked) {
  Receiver receiver;
  auto drainer = Start({{"OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"}}, receiver.url());
  ASSERT_EQ(RunService(*drainer, [] { WriteSpan(1, "x"); }), 0);
  ASSERT_TRUE(Eventually([&] { return !receiver.bodies("/v1/traces").empty(); }));
  const auto decoded = wire::DecodeTracesJson(receiver.bodies("/v1/traces")[0]);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->batch.size(), 1u);
  Stop(*drainer);
}

TEST_F(DrainerTest, ADeadReceiverIsToldAndLeftAtTheEnd) {
  auto drainer = Start({}, "http://127.0.0.1:1");
  ASSERT_EQ(RunService(*drainer,
                       [] {
                         for (uint64_t i = 1; i <= 10; ++i) WriteSpan(i, "x");
                       }),
            0);
  ASSERT_TRUE(Eventually([&] { return said().find("traces do not arrive") != std::string::npos; }));
  EXPECT_LT(Stop(*drainer), 1s);
  EXPECT_THAT(said(), HasSubstr("10 spans did not arrive at http://127.0.0.1:1/v1/traces before the end"));
}

TEST_F(DrainerTest, AnswersForItsStatus) {
  Receiver receiver;
  auto drainer = Start({}, receiver.url());
  ASSERT_EQ(RunService(*drainer, [] { WriteSpan(1, "x"); }), 0);
  ASSERT_TRUE(Eventually([&] { return receiver.spans() == 1; }));
  EXPECT_THAT(ListRuns(folder_), ::testing::ElementsAre(getpid()));
  const auto json = AskStatus(folder_, getpid());
  ASSERT_TRUE(json) << json.error().message;
  const auto status = base::ParseJson(*json);
  ASSERT_TRUE(status) << *json;
  EXPECT_EQ((*status)["pid"].AsInt(), getpid());
  EXPECT_EQ((*status)["service"].AsString(), "shop");
  EXPECT_EQ((*status)["recorded"]["spans"].AsInt(), 1);
  EXPECT_EQ((*status)["signals"]["traces"]["delivered_records"].AsInt(), 1);
  EXPECT_EQ((*status)["page"].AsString(), "http://" + drainer->page_address() + "/metrics");
  struct stat file{};
  ASSERT_EQ(stat(StatusSocketPath(folder_, getpid()).c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 0777, 0600u);
  Stop(*drainer);
  drainer.reset();
  EXPECT_THAT(ListRuns(folder_), ::testing::IsEmpty());
  EXPECT_EQ(AskStatus(folder_, getpid()).error().code, base::Code::kNotFound);
}

TEST_F(DrainerTest, LeftOverSocketsOfTheKilledAreSweptAway) {
  const std::string path = StatusSocketPath(folder_, 4242);
  ASSERT_TRUE(ListenForStatus(path));  // closed at once, the file stays
  EXPECT_THAT(ListRuns(folder_), ::testing::ElementsAre(4242));
  EXPECT_EQ(AskStatus(folder_, 4242).error().code, base::Code::kNotFound);
  EXPECT_THAT(ListRuns(folder_), ::testing::IsEmpty());
}

TEST_F(DrainerTest, RuntimeFolderOfOthersIsRefused) {
  setenv("XDG_RUNTIME_DIR", folder_.c_str(), 1);
  const auto folder = OpenRuntimeFolder();
  ASSERT_TRUE(folder);
  EXPECT_EQ(*folder, folder_.string() + "/clew");
  chmod(folder->c_str(), 0777);
  EXPECT_EQ(OpenRuntimeFolder().error().code, base::Code::kPermissionDenied);
  std::filesystem::remove(*folder);
  std::filesystem::create_symlink("/tmp", *folder);
  EXPECT_FALSE(OpenRuntimeFolder());
  unsetenv("XDG_RUNTIME_DIR");
}

TEST_F(DrainerTest, ATakenPageIsSaidOrTheNextOneIsTaken) {
  Receiver receiver;
  const std::string taken = receiver.url().substr(7);
  auto drainer = Start({}, receiver.url(), taken.c_str());
  EXPECT_EQ(drainer->page_address(), "");
  EXPECT_THAT(said(), HasSubstr("no metrics page"));
  EXPECT_THAT(said(), HasSubstr(taken));
  // Without a page two runs must not share an instance.
  const std::string instance(FindValue(drainer->resource(), "service.instance.id"));
  EXPECT_EQ(instance[14], '4');
  Stop(*drainer);

  auto first = Drainer::Start(*ParseConfig({}, {}), {});
  auto second = Drainer::Start(*ParseConfig({}, {}), {});
  ASSERT_TRUE(first && second);
  EXPECT_NE((*first)->page_address(), (*second)->page_address());
  EXPECT_NE((*second)->page_address(), "");
  Stop(**first);
  Stop(**second);
}

TEST_F(DrainerTest, ProtocolThatIsNotThereSaysSo) {
  auto drainer = Start({{"OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", "/nonexistent"}}, "https://127.0.0.1:1");
  EXPECT_THAT(said(), HasSubstr("traces are not sent: cannot read the certificate file /nonexistent"));
  Stop(*drainer);
}

TEST_F(DrainerTest, WhoeverLivesOnStopsToWriteWhenTheDrainerLeaves) {
  Receiver receiver;
  auto drainer = Start({}, receiver.url());
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const pid_t child = testing::StartChild([&] {
    setenv(record::kAttachVariable, drainer->attach_value().c_str(), 1);
    if (!record::Attach()) return 1;
    WriteSpan(1, "x");
    char token = 0;
    [[maybe_unused]] const auto got = read(ends[0], &token, 1);
    return record::IsRecording() ? 2 : 0;
  });
  ASSERT_TRUE(Eventually([&] { return drainer->holders() == 1; }));
  Stop(*drainer);
  EXPECT_EQ(receiver.spans(), 1u);
  ASSERT_EQ(write(ends[1], "x", 1), 1);
  EXPECT_EQ(testing::Wait(child), 0);
  close(ends[0]);
  close(ends[1]);
}

TEST(DisplayUrl, HidesWhatMayBeSecret) {
  EXPECT_EQ(DisplayUrl("https://me:secret@c:1/v1/traces?key=secret"), "https://c:1/v1/traces");
  EXPECT_EQ(DisplayUrl("http://c/a@b"), "http://c/a@b");
  EXPECT_EQ(DisplayUrl("c:4317"), "c:4317");
}

}  // namespace
}  // namespace clew::agent::drain
