#include "http/api/login_page.h"

#include "storage/base/bytes.h"
#include "storage/base/digest.h"

namespace tarn::http {
namespace {

constexpr std::string_view kStyle =
    "body{font:16px/1.5 system-ui,sans-serif;margin:0;background:#f4f4f2;color:#222}"
    "main{max-width:24rem;margin:8vh auto;padding:1.5rem;background:#fff;border:1px solid #ddd;border-radius:8px}"
    "h1{font-size:1.25rem;margin:0 0 .75rem}label{display:block;margin:.75rem 0 0}"
    "input{box-sizing:border-box;width:100%;padding:.5rem;font:inherit}input[type=checkbox]{width:auto}"
    "button{margin-top:1.25rem;width:100%;padding:.6rem;font:inherit;color:#fff;background:#235;border:0;border-radius:"
    "4px}"
    ".problem{color:#a00}.origin{color:#555;font-size:.875rem;overflow-wrap:anywhere}";

// Nothing but this one style may act on the page, nobody may frame it, and its form goes nowhere else.
const std::string& ContentPolicy() {
  static const std::string policy = "default-src 'none'; style-src 'sha256-" + Base64Encode(Sha256(kStyle).view()) +
                                    "'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
  return policy;
}

Response Page(uint16_t http_status, std::string_view title, const std::string& content) {
  std::string html = "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>";
  html += EscapeHtml(title);
  html += "</title><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><style>";
  html += kStyle;
  html += "</style></head><body><main><h1>" + EscapeHtml(title) + "</h1>\n" + content + "</main></body></html>\n";
  Response response;
  response.set_status(http_status);
  response.AddHeader("content-type", "text/html; charset=utf-8");
  response.AddHeader("cache-control", "no-store");
  response.AddHeader("content-security-policy", ContentPolicy());
  response.AddHeader("x-content-type-options", "nosniff");
  response.AddHeader("x-frame-options", "DENY");
  response.AddHeader("referrer-policy", "no-referrer");  // The page's address is half of a secret.
  response.SetBody(std::move(html));
  return response;
}

std::string Input(std::string_view label, std::string_view name, std::string_view attributes) {
  return "<label>" + std::string(label) + "<input name=\"" + std::string(name) + "\" " + std::string(attributes) +
         "></label>\n";
}

// Who began this: the one thing by which users can tell their own request from a trap.
std::string OriginOf(const WebSessions::Origin& origin) {
  const bool is_login = origin.kind == WebSessions::Kind::kLogin;
  std::string text = "<p class=\"origin\">";
  text += is_login ? "Asked for by a command line" : "Asked for by the command line of " + EscapeHtml(origin.user);
  if (!origin.address.empty()) text += " at " + EscapeHtml(origin.address);
  if (!origin.what.empty()) text += " (" + EscapeHtml(origin.what) + ")";
  return text + ". If you did not just start this yourself, close this page.</p>\n";
}

constexpr std::string_view kCodeAttributes =
    "inputmode=\"text\" autocomplete=\"one-time-code\" autocapitalize=\"off\" spellcheck=\"false\" maxlength=\"64\"";

std::string LoginFields(const WebSessions::Origin& origin, NewUsers new_users, std::string_view user) {
  std::string fields = Input("User name", "name",
                             "value=\"" + EscapeHtml(user) +
                                 "\" autocomplete=\"username\" autocapitalize=\"off\" spellcheck=\"false\" required");
  fields += Input("Password", "password", "type=\"password\" autocomplete=\"current-password\" required");
  fields += Input("One-time code (only with two-factor authentication)", "code", kCodeAttributes);
  if (new_users == NewUsers::kYes) {
    fields += Input("E-mail address (only of a new account)", "email", "type=\"email\" autocomplete=\"email\"");
    fields += std::string("<label><input type=\"checkbox\" name=\"register\" value=\"yes\"") +
              (origin.wants_account ? " checked" : "") + "> I am new here: make an account of this name</label>\n";
  }
  return fields;
}

}  // namespace

std::string EscapeHtml(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      default: out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
  }
  return out;
}

Response FormPage(uint16_t http_status, const WebSessions::View& session, NewUsers new_users, std::string_view problem,
                  std::string_view user) {
  const bool is_login = session.origin.kind == WebSessions::Kind::kLogin;
  std::string content = OriginOf(session.origin);
  if (!problem.empty()) content += "<p class=\"problem\" role=\"alert\">" + EscapeHtml(problem) + "</p>\n";
  // Without an action the form goes to the page's own address, whatever a proxy made of it.
  content += "<form method=\"post\" autocomplete=\"on\"><input type=\"hidden\" name=\"form_key\" value=\"" +
             EscapeHtml(session.form_key) + "\">\n";
  content += is_login ? LoginFields(session.origin, new_users, user)
                      : Input("One-time code", "code", std::string(kCodeAttributes) + " required");
  content += std::string("<button type=\"submit\">") + (is_login ? "Log in" : "Confirm") + "</button></form>\n";
  return Page(http_status, is_login ? "Log in to the registry" : "Confirm with a one-time code", content);
}

Response NoticePage(uint16_t http_status, std::string_view heading, std::string_view text) {
  return Page(http_status, heading, "<p>" + EscapeHtml(text) + "</p>\n");
}

}  // namespace tarn::http
