#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "http/net/response.h"
#include "storage/base/status.h"

namespace tarn::http {

// The one table from what went wrong to what the client is told (contract 2.8).
uint16_t HttpStatusOf(Code code);

// {"error": sentence, "message": the same, "reason": the same, "code": machine word}. npm prints `error`, pnpm reads
// `message`, CouchDB-era clients `reason`. Adds what belongs to the status: Retry-After to 429 and 503,
// WWW-Authenticate to 401, Cache-Control: no-store to all.
// The detail of what broke inside (500) goes to the log, not to the client.
Response ErrorResponse(uint16_t http_status, std::string_view sentence);
Response ErrorResponse(const Status& status);
void FillErrorResponse(uint16_t http_status, std::string_view sentence, Response* response);
// A 401 that asks for something else than other credentials: npm looks for "ipaddress" and "OTP".
Response UnauthorizedResponse(std::string_view sentence, std::string_view challenge);
// kResourceExhausted where passwords are checked means that this caller tries too often: 429, where elsewhere it means
// that the server is busy.
Response LoginErrorResponse(const Status& status);

}  // namespace tarn::http
