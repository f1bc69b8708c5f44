// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "clew/base/json_reader.h"
#include "clew/base/result.h"
#include "clew/cli/demo_plan.h"
#include "clew/cli/demo_process.h"

namespace clew::cli {

// The shop while it runs: helpers as they are, services under `clew run`. Not thread-safe. Its functions that wait give
// up with CANCELLED once `interrupted` says so.
class DemoShop {
 public:
  struct Options {
    DemoPlan plan;
    DemoPlaces places;
    std::string logs;           // folder, one file a process
    std::string clew;           // the program whose `run` starts the services
    std::string otlp_endpoint;  // http://HOST:PORT
    std::function<bool()> interrupted;
  };

  explicit DemoShop(Options options) : options_(std::move(options)) {}
  ~DemoShop() { Stop(); }
  DemoShop(const DemoShop&) = delete;
  DemoShop& operator=(const DemoShop&) = delete;

  // Fills the databases, starts everything, and returns once every service answers.
  base::Status Start();
  // Starts the visitors; their reports are lines on output_fd().
  base::Result<ChildProcess> StartTraffic();
  base::Status Break(const DemoFault& fault);
  // Services that have ended though nobody asked them to; each is named once.
  std::vector<std::string> TakeEnded();
  void Stop();

  const DemoPlan& plan() const { return options_.plan; }
  std::string Url(const std::string& service) const;
  // Where a service's metrics page is, as its start line says; empty where it says nothing.
  std::string MetricsPage(const std::string& service) const;

 private:
  base::Status Prepare();
  base::Status StartService(const DemoService& service, const std::vector<std::pair<std::string, std::string>>& more);
  base::Status WaitFor(const DemoService& service);
  base::Status Restart(const std::string& name, const base::JsonValue& change);
  base::Status RunToEnd(const std::string& name, const std::vector<std::string>& command);
  base::Result<ChildProcess> Launch(const std::string& name, std::vector<std::string> command, bool read_output,
                                    const std::vector<std::pair<std::string, std::string>>& more);
  std::string LogFile(const std::string& name) const { return options_.logs + "/" + name + ".log"; }

  Options options_;
  std::map<std::string, ChildProcess> services_;
  std::vector<ChildProcess> helpers_;
};

}  // namespace clew::cli
