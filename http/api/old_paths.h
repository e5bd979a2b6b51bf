#pragma once

#include <string_view>

#include "http/api/request_path.h"
#include "http/net/handler.h"

namespace tarn::http {

// Paths that one old client alone asks for, put into today's words before they are routed (contract 10.2): yarn 1 has its
// team commands at /org/{scope}/team and /team/{scope}/…, which for everybody else are below packages called "org" and
// "team". The longer ones are no path of a package; of the short one, PUT /team/{scope}, yarn makes no other use.
void ModernizePath(Method method, std::string_view user_agent, RequestPath* path);

}  // namespace tarn::http
