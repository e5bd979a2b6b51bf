#include "http/api/error_response.h"
#include "http/api/handlers.h"
#include "http/api/metrics.h"
#include "storage/base/logging.h"

namespace tarn::http {

Response HandleHealth(const Services&, const Call&) { return PrivateJsonResponse(200, "{\"ok\":true}"); }

Response HandleReady(const Services& services, const Call&) {
  const Status ready = services.node.Ready();
  if (!ready.ok()) return ErrorResponse(503, ready.message());
  const Status writable = services.node.CanWrite();
  std::string body = "{\"ok\":true,\"writable\":";
  body += writable.ok() ? "true" : "false,\"why_not_writable\":" + JsonString(writable.message());
  return PrivateJsonResponse(200, body + "}");
}

Response HandleMetrics(const Services& services, const Call&) {
  Response response;
  response.AddHeader("content-type", "application/openmetrics-text; version=1.0.0; charset=utf-8");
  response.AddHeader("cache-control", "no-store");
  response.SetBody(services.metrics.Format());
  return response;
}

Response HandlePing(const Services&, const Call&) {
  Response response = JsonResponse(200, "{}");
  response.AddHeader("cache-control", "max-age=1");
  return response;
}

}  // namespace tarn::http
