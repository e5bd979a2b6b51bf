#pragma once

#include "http/api/routes.h"
#include "http/api/web_sessions.h"

namespace tarn::http {

// To an answer that asks for a one-time password, adds the URLs at which the user can give it in a browser, if the client
// can make use of them (`npm-auth-type: web`) and web login is switched on. Leaves every other answer as it is.
void OfferWebConfirmation(const Services& services, const Call& call, Response* response);

}  // namespace tarn::http
