#pragma once

#include <string>
#include <string_view>

#include "http/api/web_sessions.h"
#include "http/net/response.h"

// The pages of web logins: plain HTML without scripts, images or anything from elsewhere; fit for a phone. Whatever they
// show of others' making is escaped. Threads: any.
namespace tarn::http {

// `text` as the content of an element or a quoted attribute.
std::string EscapeHtml(std::string_view text);

enum class NewUsers : uint8_t { kNo, kYes };
// The form of a session that waits. `problem` is what was wrong with the last attempt, or empty; `user` is filled in.
Response FormPage(uint16_t http_status, const WebSessions::View& session, NewUsers new_users, std::string_view problem,
                  std::string_view user);
// Nothing to do here any more: done, expired, used.
Response NoticePage(uint16_t http_status, std::string_view heading, std::string_view text);

}  // namespace tarn::http
