#pragma once

#include <string>

#include "http/api/json_body.h"
#include "http/cli/operator_client.h"
#include "storage/base/result.h"

namespace tarn::cli {

struct JobResult {
  http::JsonBody body;
  std::string text;  // The same as it came.
};
// Has the node do it, and waits for its end. kFailedPrecondition: it could not be done, or another job is under way.
Result<JobResult> RunJob(Operator* node, const std::string& kind, const std::string& body);

}  // namespace tarn::cli
