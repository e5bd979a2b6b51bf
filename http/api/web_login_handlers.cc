#include "http/api/error_response.h"
#include "http/api/form_body.h"
#include "http/api/handlers.h"
#include "http/api/json_body.h"
#include "http/api/login_page.h"
#include "http/api/web_login.h"
#include "storage/base/logging.h"

// Logins and confirmations in a browser (contract 11.2, 11.3): the client begins one and polls, the user fills in a form.
namespace tarn::http {
namespace {

constexpr size_t kMachineNameBytesMax = 100;

Response Off() { return ErrorResponse(404, "Web login is not offered; log in with user name and password."); }

Response Expired() {
  return NoticePage(404, "This link is over",
                    "It was used, or it is older than ten minutes. Start again on the command line.");
}

Response Approved() {
  return NoticePage(200, "Done", "You can close this page and go back to the command line, which goes on by itself.");
}

// What the JSON body of a client says; all of it is optional, the body too.
Result<WebSessions::Origin> OriginOf(const Call& call) {
  WebSessions::Origin origin;
  origin.address = call.client.ToString();
  if (call.body.empty()) return origin;
  ASSIGN_OR_RETURN(const JsonBody body, JsonBody::ParseObject(call.body));
  ASSIGN_OR_RETURN(const auto create, body.Bool("create"));
  ASSIGN_OR_RETURN(const auto hostname, body.String("hostname"));
  origin.wants_account = create.value_or(false);
  origin.what = hostname.value_or("").substr(0, kMachineNameBytesMax);
  return origin;
}

NewUsers NewUsersOf(const Services& services) {
  const auto open = services.registry.IsOpenToNewUsers();
  return open.ok() && *open ? NewUsers::kYes : NewUsers::kNo;
}

// The page's words for why an attempt failed.
std::string ProblemOf(const Status& status, bool has_code) {
  if (status.code() != Code::kSecondFactorNeeded) return std::string(status.message());
  if (status.message().find("Too many") != std::string_view::npos) {
    return "Too many wrong codes. Wait a while, then try again.";
  }
  return has_code ? "The one-time code is not right. Enter the next one."
                  : "This account has two-factor authentication: enter password and one-time code.";
}

// A browser would ask for a password of its own on 401.
uint16_t PageStatusOf(const Status& status) {
  if (status.code() == Code::kResourceExhausted) return 429;
  const uint16_t http_status = HttpStatusOf(status.code());
  return http_status == 401 ? 403 : http_status;
}

Result<std::string> LogIn(const Services& services, const Call& call, const FormBody& form) {
  registry::LoginRequest request{std::string(form.Get("name")), std::string(form.Get("password"))};
  request.one_time_password = form.Get("code");
  request.client = call.client;
  using Register = registry::LoginRequest::Register;
  request.may_register = form.Get("register") == "yes" ? Register::kIfAllowed : Register::kNo;
  if (request.may_register == Register::kIfAllowed) request.email = form.Get("email");
  ASSIGN_OR_RETURN(const auto answer, services.registry.Login(request));
  if (answer.created_user) Log(LogLevel::kInfo, "user registered", {{"user", answer.user}});
  return answer.token;
}

std::string WebPageUrl(const Call& call, std::string_view page) {
  return std::string(call.base_url) + "/-/v1/login/" + std::string(page);
}

std::string WebDoneUrl(const Call& call, std::string_view done) {
  return std::string(call.base_url) + "/-/v1/done/" + std::string(done);
}

// Nothing but the page itself, in the browser that shows it, posts here.
bool IsOwnForm(const Call& call, const FormBody& form, const WebSessions::View& session) {
  const std::string_view site = call.head.Get("sec-fetch-site");
  return (site.empty() || site == "same-origin") && form.Get("form_key") == session.form_key;
}

}  // namespace

void OfferWebConfirmation(const Services& services, const Call& call, Response* response) {
  if (services.web_sessions == nullptr || response->status() != 401) return;
  if (response->FindHeader("www-authenticate") != "OTP" || call.principal.user.empty()) return;
  if (call.head.Get(KnownHeader::kNpmAuthType) != "web") return;
  WebSessions::Origin origin;
  origin.kind = WebSessions::Kind::kConfirmation;
  origin.user = call.principal.user;
  origin.address = call.client.ToString();
  origin.what = std::string(MethodName(call.head.method)) + " " +
                (call.package.empty() ? std::string(call.route.pattern) : call.package);
  const auto names = services.web_sessions->Begin(std::move(origin));
  if (!names.ok()) return;  // The prompt for a code is left.
  std::string body(response->text());
  body.pop_back();
  body += ",\"authUrl\":" + JsonString(WebPageUrl(call, names->page));
  body += ",\"doneUrl\":" + JsonString(WebDoneUrl(call, names->done)) + "}";
  response->SetBody(std::move(body));
}

Response HandleWebLogin(const Services& services, const Call& call) {
  if (services.web_sessions == nullptr) return Off();
  auto origin = OriginOf(call);
  if (!origin.ok()) return ErrorResponse(origin.status());
  const auto names = services.web_sessions->Begin(std::move(*origin));
  if (!names.ok()) return LoginErrorResponse(names.status());
  return PrivateJsonResponse(200, "{\"loginUrl\":" + JsonString(WebPageUrl(call, names->page)) +
                                      ",\"doneUrl\":" + JsonString(WebDoneUrl(call, names->done)) + "}");
}

Response HandleWebLoginPage(const Services& services, const Call& call) {
  if (services.web_sessions == nullptr) return Off();
  const auto session = services.web_sessions->Find(call.Parameter("page"));
  if (!session) return Expired();
  if (session->state == WebSessions::State::kApproved) return Approved();
  return FormPage(200, *session, NewUsersOf(services), "", "");
}

Response HandleWebLoginForm(const Services& services, const Call& call) {
  if (services.web_sessions == nullptr) return Off();
  const std::string& page = call.Parameter("page");
  const auto session = services.web_sessions->Find(page);
  if (!session) return Expired();
  if (session->state == WebSessions::State::kApproved) return Approved();
  const auto form = FormBody::Parse(call.body);
  if (!form.ok()) return FormPage(400, *session, NewUsersOf(services), form.status().message(), "");
  if (!IsOwnForm(call, *form, *session)) {
    return FormPage(403, *session, NewUsersOf(services),
                    "That form did not come from this page. Please fill it in again.", "");
  }
  if (!services.web_sessions->Claim(page)) {
    return FormPage(409, *session, NewUsersOf(services), "Another attempt is being checked. Try again.", "");
  }
  const bool is_login = session->origin.kind == WebSessions::Kind::kLogin;
  auto token = is_login
                   ? LogIn(services, call, *form)
                   : services.registry.ExchangeOneTimePassword(session->origin.user, form->Get("code"), call.client);
  if (!token.ok()) {
    services.web_sessions->Release(page);
    if (HttpStatusOf(token.code()) == 500)
      Log(LogLevel::kError, "web login failed", {{"status", token.status().ToString()}});
    const std::string problem = HttpStatusOf(token.code()) == 500
                                    ? "Internal error; the operator's log has the details."
                                    : ProblemOf(token.status(), !form->Get("code").empty());
    return FormPage(PageStatusOf(token.status()), *session, NewUsersOf(services), problem, form->Get("name"));
  }
  services.web_sessions->Approve(page, std::move(*token));
  return Approved();
}

Response HandleWebLoginPoll(const Services& services, const Call& call) {
  if (services.web_sessions == nullptr) return Off();
  using Outcome = WebSessions::Poll::Outcome;
  const WebSessions::Poll poll = services.web_sessions->Take(call.Parameter("done"));
  if (poll.outcome == Outcome::kUnknown) {
    return ErrorResponse(404, "This web login is over: it was used, or it is older than ten minutes. Start again.");
  }
  if (poll.outcome == Outcome::kDone) return PrivateJsonResponse(200, "{\"token\":" + JsonString(poll.token) + "}");
  Response response = PrivateJsonResponse(202, "{}");
  response.AddHeader("retry-after", std::to_string(limits::kWebPollSeconds));
  return response;
}

}  // namespace tarn::http
