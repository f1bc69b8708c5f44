// SPDX-License-Identifier: Apache-2.0
#include "clew/agent/drain/sender.h"

namespace clew::agent::drain::internal {

base::Result<std::unique_ptr<Sender>> MakeGrpcSender(Signal, const SignalConfig&) {
  return base::Unimplemented("the protocol grpc is not there yet; set OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf");
}

}  // namespace clew::agent::drain::internal
