#include "http/api/error_response.h"
#include "http/api/handlers.h"
#include "http/api/json_body.h"
#include "http/api/operator_jobs.h"

namespace tarn::http {

Response HandleOperatorJob(const Services& services, const Call&) {
  return PrivateJsonResponse(200, services.jobs->StateJson());
}

Response HandleOperatorStartJob(const Services& services, const Call& call) {
  const auto body = JsonBody::ParseObject(call.body);
  if (!body.ok()) return ErrorResponse(body.status());
  const Status started = services.jobs->Start(call.Parameter("kind"), *body);
  return started.ok() ? PrivateJsonResponse(202, services.jobs->StateJson()) : ErrorResponse(started);
}

}  // namespace tarn::http
