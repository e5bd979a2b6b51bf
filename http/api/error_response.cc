#include "http/api/error_response.h"

#include "storage/base/logging.h"

namespace tarn::http {
namespace {

// npm waits 10 s whatever this says; others honour it.
constexpr std::string_view kRetryAfterSeconds = "5";
constexpr std::string_view kAnyCredentials = "Bearer, Basic realm=\"tarn\"";

std::string_view CodeWord(uint16_t http_status) {
  switch (http_status) {
    case 400: return "bad_request";
    case 401: return "unauthorized";
    case 402: return "payment_required";
    case 403: return "forbidden";
    case 404: return "not_found";
    case 405: return "method_not_allowed";
    case 408: return "request_timeout";
    case 409: return "conflict";
    case 413: return "too_large";
    case 422: return "unprocessable";
    case 416: return "requested_range_not_satisfiable";
    case 429: return "too_many_requests";
    case 431: return "headers_too_large";
    case 501: return "not_implemented";
    case 503: return "service_unavailable";
    case 507: return "insufficient_storage";
    default: return http_status >= 500 ? "internal_server_error" : "error";
  }
}

void Fill(uint16_t http_status, std::string_view sentence, std::string_view challenge, Response* response) {
  response->Clear();
  response->set_status(http_status);
  response->AddHeader("content-type", "application/json");
  response->AddHeader("cache-control", "no-store");
  if (http_status == 401) response->AddHeader("www-authenticate", challenge);
  if (http_status == 429 || http_status == 503) response->AddHeader("retry-after", kRetryAfterSeconds);
  const std::string text = JsonString(sentence);
  std::string body = "{\"error\":" + text + ",\"message\":" + text + ",\"reason\":" + text + ",\"code\":\"";
  body += CodeWord(http_status);
  body += "\"}";
  response->SetBody(std::move(body));
}

}  // namespace

uint16_t HttpStatusOf(Code code) {
  switch (code) {
    case Code::kOk: return 200;
    case Code::kInvalidArgument: return 400;
    case Code::kNotFound: return 404;
    case Code::kAlreadyExists: return 403;  // Publishing over a version: 403 is what all clients handle best (5.3).
    case Code::kConflict: return 409;
    case Code::kFailedPrecondition: return 403;
    case Code::kUnauthenticated: return 401;
    case Code::kSecondFactorNeeded: return 401;
    case Code::kPermissionDenied: return 403;
    case Code::kTooLarge: return 413;
    case Code::kResourceExhausted: return 503;
    case Code::kOutOfSpace: return 507;
    case Code::kUnavailable: return 503;
    case Code::kCancelled: return 503;
    case Code::kDeadlineExceeded: return 408;
    case Code::kCorruption:
    case Code::kIoError:
    case Code::kInternal: return 500;
  }
  return 500;
}

void FillErrorResponse(uint16_t http_status, std::string_view sentence, Response* response) {
  Fill(http_status, sentence, kAnyCredentials, response);
}

Response ErrorResponse(uint16_t http_status, std::string_view sentence) {
  Response response;
  FillErrorResponse(http_status, sentence, &response);
  return response;
}

Response UnauthorizedResponse(std::string_view sentence, std::string_view challenge) {
  Response response;
  Fill(401, sentence, challenge, &response);
  return response;
}

Response LoginErrorResponse(const Status& status) {
  return status.code() == Code::kResourceExhausted ? ErrorResponse(429, status.message()) : ErrorResponse(status);
}

Response ErrorResponse(const Status& status) {
  if (status.code() == Code::kSecondFactorNeeded) return UnauthorizedResponse(status.message(), "OTP");
  const uint16_t http_status = HttpStatusOf(status.code());
  if (http_status != 500) return ErrorResponse(http_status, status.message());
  // What broke inside is for the operator's log, not for the client.
  Log(LogLevel::kError, "request failed", {{"status", status.ToString()}});
  if (status.code() == Code::kCorruption) {
    return ErrorResponse(500, "The stored data of this object is damaged; the operator has been told.");
  }
  return ErrorResponse(500, "Internal error; the operator's log has the details.");
}

}  // namespace tarn::http
