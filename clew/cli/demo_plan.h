// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "clew/base/file.h"
#include "clew/base/json_reader.h"
#include "clew/base/result.h"

namespace clew::cli {

// One thing that `clew demo` can break, and its truth.
struct DemoFault {
  std::string name;
  std::string service;
  std::string kind;
  std::string text;
  // How it is thrown: an object with some of settings, run, start, stop and restart.
  base::JsonValue action;
};

// One instance of a service of the shop, or a helper that runs beside it untouched.
struct DemoService {
  std::string name = {};     // its own, by which faults restart or stop it
  std::string service = {};  // what it is an instance of: the same, but where a service has several
  std::string version = {};
  std::string health = {};  // path that answers 200 once it is up
  std::vector<std::string> command = {};
  std::vector<std::pair<std::string, std::string>> environment = {};
};

// What the folder demo/ says of the shop (shop.json, faults.json), with places and ports filled in. A plain value.
struct DemoPlan {
  std::string folder;  // where commands run
  std::vector<std::vector<std::string>> prepare;
  std::vector<DemoService> helpers;
  std::vector<DemoService> services;  // in the order of their start
  std::vector<std::string> traffic;
  std::vector<std::pair<std::string, std::string>> environment;
  std::map<std::string, uint16_t> ports;
  std::vector<DemoFault> faults;
};

// Where things lie that the files of demo/ name as {demo}, {python}, {data} and {settings}.
struct DemoPlaces {
  std::string demo = {};
  std::string python = {};
  std::string data = {};
  std::string settings = {};
};

// The folder demo/ beside or above the program's own; NOT_FOUND says where it was looked for.
base::Result<std::string> FindDemoFolder();

// Only the faults, in the file's order.
base::Result<std::vector<DemoFault>> ReadDemoFaults(const std::string& demo);

// Reads both files. Each port is the one that shop.json wishes for, or a free one where that is taken or not `usual`.
base::Result<DemoPlan> ReadDemoPlan(const DemoPlaces& places, bool usual_ports);

// The fault that "NAME" or "NAME:SERVICE" means; INVALID_ARGUMENT lists what there is.
base::Result<DemoFault> FindDemoFault(const std::vector<DemoFault>& faults, std::string_view wish);

// Only one demo on a machine at a time gets the usual ports: between looking for free ports and taking them there is
// time for another to do the same. The first to ask has them while it keeps what it gets; an empty Fd says that another
// has.
base::Fd ClaimUsualPorts();

// `preferred`, or where that is taken a port the kernel chooses, on 127.0.0.1. Nothing keeps it reserved.
base::Result<uint16_t> FreePort(uint16_t preferred);

}  // namespace clew::cli
